"""examples/cpp: the header, compiled strictly, sends to a real server; run again with the compiler's own checks."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, wait_until

from hdaemon.content.mesh import Mesh
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

CPP = ROOT / "examples" / "cpp"
COMPILER = shutil.which("g++") or shutil.which("clang++")
STRICT = ["-std=c++17", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
CHECKED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

pytestmark = [
    pytest.mark.exhaustive,  # the compiler works for 20 s, and is the same for every Python
    pytest.mark.skipif(COMPILER is None, reason="no C++ compiler (g++ or clang++) was found"),
]


def compiled(source: Path, folder: Path, *options: str) -> Path:
    target = folder / source.stem
    command = [str(COMPILER), *STRICT, *options, f"-I{CPP}", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return target


def sanitizers(folder: Path) -> list[str]:
    """Return the options of the sanitizers where a program that uses them can be made and run."""
    source = folder / "nothing.cpp"
    source.write_text("int main() {}\n")
    command = [str(COMPILER), *CHECKED, str(source), "-o", str(folder / "nothing")]
    made = subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    if made and subprocess.run([str(folder / "nothing")], capture_output=True, timeout=60, check=False).returncode == 0:
        return CHECKED
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cpp")


@pytest.fixture(scope="module")
def options(folder: Path) -> list[str]:
    return sanitizers(folder)


@pytest.fixture(scope="module")
def torus(folder: Path, options: list[str]) -> Path:
    return compiled(CPP / "send_mesh.cpp", folder, *options)


@pytest.fixture(scope="module")
def cases(folder: Path, options: list[str]) -> Path:
    return compiled(Path(__file__).with_name("cpp_cases.cpp"), folder, *options)


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, timeout=60, check=False)


def address(server: HPythonServer) -> str:
    return f"127.0.0.1:{server.port}"


def test_sanitizers_were_used(options: list[str]) -> None:
    if not options:
        pytest.skip("the compiler has no address sanitizer here: the other tests ran without it")


def test_the_torus_arrives(torus: Path, server: HPythonServer, store: Store) -> None:
    server.mode = "evaluate"
    done = run(torus, "--to", address(server), "--frames", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "frame 0: serial 1, stored\nframe 3: serial 4, stored\n"
    mesh = store["cpp/torus"].data
    assert isinstance(mesh, Mesh)
    assert (len(mesh.points), len(mesh.counts), mesh.detail["frame"].tolist()) == (4608, 4608, [3])
    assert (mesh.winding, mesh.up, mesh.metres_per_unit) == ("counterclockwise", "Y", 1.0)
    assert mesh.kinds == {"point/N": "normal", "vertex/uv": "texturecoord"}
    around, across = np.meshgrid(np.arange(96) / 96, np.arange(48) / 48, indexing="ij")
    u, v = 2 * np.pi * around.reshape(-1), 2 * np.pi * across.reshape(-1)
    normals = np.stack([np.cos(u) * np.cos(v), np.sin(v), np.sin(u) * np.cos(v)], axis=1)
    thick = (0.3 + 0.1 * np.sin(3 * u + 0.3))[:, None]
    middle = np.stack([np.cos(u), np.zeros_like(u), np.sin(u)], axis=1)
    np.testing.assert_allclose(mesh.point["N"], normals, atol=1e-5)
    np.testing.assert_allclose(mesh.points, middle + thick * normals, atol=1e-5)
    names = mesh.prim["name"]
    assert [names[i] for i in (0, 47, 48, 4607)] == ["ring0", "ring0", "ring1", "ring95"]
    assert mesh.point_groups["inside"].tolist() == [12 < j % 48 < 36 for j in range(4608)]
    # Counter-clockwise from outside: the right-hand rule gives the normal.
    at = mesh.points[mesh.indices].reshape(-1, 4, 3)
    rule = np.cross(at[:, 2] - at[:, 0], at[:, 3] - at[:, 1])
    assert (np.einsum("ij,ij->i", rule, mesh.point["N"][mesh.indices[::4]]) > 0).all()


def test_every_kind_of_array(cases: Path, server: HPythonServer, store: Store) -> None:
    server.mode = "evaluate"
    done = run(cases, "mesh", str(server.port))
    assert (done.returncode, done.stderr) == (0, "")
    assert store["cpp/ä b"].data == Mesh(
        np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 2, 2]], np.float64),
        [3, 2],
        [0, 1, 2, 3, 4],
        point={"v": np.arange(15, dtype=np.float32).reshape(5, 3), "id": np.arange(5) * 10_000_000_000},
        vertex={"uv": np.arange(10, dtype=np.float32).reshape(5, 2)},
        prim={"name": ['say "hi" \\ ü', ""], "number": np.array([7, -7], np.int32)},
        detail={"time": np.array([0.1, 0.2]), "shot": "sh010"},
        point_groups={"pinned": [True, False, True, False, True]},
        prim_groups={"front": [False, True]},
        closed=[True, False],
        kinds={"point/v": "vector", "vertex/uv": "texturecoord", "point/id": "other"},
        winding="clockwise",
        up="Z",
        metres_per_unit=0.01,
    )
    assert store["text"].data == "Hello Houdini"
    assert store["json"].data == {"tx": 0.5}
    assert len(store["empty"].data.points) == 0


def test_what_does_not_fit_is_said(cases: Path) -> None:
    done = run(cases, "misuse")
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said == [
        "counts: polygon 1 has 0 vertices: give at least 1",
        "indices has 3 vertices, and counts add up to 4",
        "indices: vertex 2 is at point 9, and the mesh has 3 points (give points first)",
        "point/N has 2 values, and the mesh has 3 elements of class point (give points and polygons first)",
        'class "face" does not exist: use point, vertex, prim or detail',
        "P is given twice",
        "point/a: the array is a null pointer",
        "a mesh begins with points()",
        'up is "X": use Y or Z',
        "metres_per_unit is not a number above 0",
        'channel "a#" has a control character, + or #: leave it out',
        "port 0 is not 1 to 65535",
    ]


def test_a_large_mesh_and_a_connection_that_was_closed(
    cases: Path, server: HPythonServer, store: Store, start_server: object
) -> None:
    server.mode = "evaluate"
    done = run(cases, "large", str(server.port))
    assert (done.returncode, done.stderr) == (0, "")
    mesh = store["cpp/large"].data
    assert np.array_equal(mesh.points.reshape(-1), np.arange(3_000_000, dtype=np.float32))
    assert done.stdout == "1 2\n"  # two serials, on one connection
    wait_until(lambda: server.messages_received == 2)


def test_a_server_that_refuses_and_one_that_is_none(cases: Path, torus: Path, start_server: object) -> None:
    locked = start_server(token="correct-horse")  # type: ignore[operator]
    done = run(torus, "--to", address(locked))
    assert (done.returncode, done.stdout) == (1, "")
    assert "refused what was sent to channel" in done.stderr
    assert "(401): " in done.stderr
    assert run(torus, "--to", address(locked), "--token", "correct-horse").returncode == 0
    done = run(cases, "large", str(locked.port))  # it answers before the body has ended
    assert "(401): " in done.stderr, done.stderr
    done = run(torus, "--to", "127.0.0.1:1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "is the server started, and on this port?" in done.stderr


def test_silence_has_a_deadline(cases: Path) -> None:

    with socket.create_server(("127.0.0.1", 0)) as listener:
        for more in ((), ("large",)):
            done = run(cases, "impatient", str(listener.getsockname()[1]), *more)
            assert done.returncode == 1
            assert "is its program stopped?" in done.stderr


def test_something_else_that_listens_there(cases: Path) -> None:

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"220 mail.example.org ESMTP\r\n\r\n")
                while sock.recv(65536):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        done = run(cases, "impatient", str(listener.getsockname()[1]))
        thread.join(20)
    assert not thread.is_alive()
    assert 'is not an hdaemon: it answered "220 mail.example.org' in done.stderr
