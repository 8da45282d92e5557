"""`hdaemon send` of model files, by their names, and again when they change."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import data_rows, wait_until
from meshes import small
from serving import COMMAND, _Lines, environment, hdaemon

from hdaemon import cli
from hdaemon.commands import files, progress
from hdaemon.commands.watching import Watched
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

SQUARE = b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\n"
TRIANGLE = b"v 0 0 0\nv 2 0 0\nv 2 2 0\nf 1 2 3\n"

pytest.importorskip("trimesh")


@pytest.fixture
def evaluating(start_server: Callable[..., HPythonServer]) -> HPythonServer:
    return start_server(mode="evaluate")


@pytest.fixture
def send(evaluating: HPythonServer) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    return lambda *arguments: hdaemon("send", *arguments, "--to", f"127.0.0.1:{evaluating.port}")


Send = Callable[..., subprocess.CompletedProcess[bytes]]


def mesh_on(store: Store, channel: str) -> Mesh:
    message = store[channel].message
    assert message.error is None, message.error
    assert isinstance(message.data, Mesh)
    return message.data


def test_a_model_by_its_name(send: Send, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a square.OBJ"
    path.write_bytes(SQUARE)
    done = send(str(path))
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.decode().splitlines() == [
        f"hdaemon: {path} is a file, and what it holds is sent; with --text the words are"
    ]
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], "f4")
    assert mesh_on(store, "models/a square") == Mesh(square, [4], [0, 1, 2, 3], winding="counterclockwise")


def test_a_model_by_file_with_axes_unit_and_channel(send: Send, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_bytes(SQUARE)
    done = send("--file", str(tmp_path / "a.obj"), "--up", "z", "--unit", "0.01", "--channel", "x/y", "-v")
    assert done.returncode == 0
    assert done.stderr.startswith(b"hdaemon: 1 sent to x/y: 1 stored")
    mesh = mesh_on(store, "x/y")
    assert (mesh.up, mesh.metres_per_unit, mesh.winding) == ("Z", 0.01, "counterclockwise")


def test_with_text_the_words_are_sent(send: Send, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_bytes(SQUARE)
    done = send("--text", str(tmp_path / "a.obj"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert store["default"].data == str(tmp_path / "a.obj")


def test_a_name_of_no_file_is_text_and_it_says_so(send: Send, store: Store) -> None:
    done = send("typo.obj")
    assert (done.returncode, done.stderr) == (0, b"hdaemon: there is no file typo.obj: it is sent as text\n")
    assert store["default"].data == "typo.obj"
    assert send("I have made model.obj").stderr == b""
    assert send("x" * 5000 + ".obj").returncode == 0


def test_what_is_no_model_stays_text(send: Send, store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"inside")
    assert send(str(tmp_path / "a.txt")).stderr == b""
    assert store["default"].data == str(tmp_path / "a.txt")


@pytest.mark.parametrize("suffix", [".bgeo", ".geo"])
def test_houdinis_own_files_are_sent_as_they_are(send: Send, store: Store, tmp_path: Path, suffix: str) -> None:
    payload = bgeo.write(small(), ascii=suffix == ".geo")
    (tmp_path / f"rock.v2{suffix}").write_bytes(payload)
    assert send(str(tmp_path / f"rock.v2{suffix}")).returncode == 0
    message = store["models/rock.v2"].message
    assert message.content_type == "application/x-houdini-bgeo"
    assert bytes(message.payload) == payload
    assert message.data == small()


def test_a_type_makes_a_model_a_plain_file(send: Send, log: RingLog, tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_bytes(SQUARE)
    assert send("--file", str(tmp_path / "a.obj"), "--type", "bytes").returncode == 0
    wait_until(lambda: data_rows(log))
    row = data_rows(log)[0]
    assert (row.channel, row.content_type, row.payload) == ("default", "application/octet-stream", SQUARE)


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("chair.obj", "models/chair"),
        ("a.b.STL", "models/a.b"),
        ("shot.0001.bgeo.sc", "models/shot.0001"),
        ("a+b#c\x01.ply", "models/a_b_c_"),
        ("\u00e9" * 200 + ".glb", "models/" + "\u00e9" * 100),
    ],
)
def test_channels(name: str, channel: str) -> None:
    assert files.channel_of(Path("folder", name)) == channel


def test_a_broken_model_is_not_sent(send: Send, log: RingLog, tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_bytes(b"v 0 0 0\nf 1 2 3\n")
    done = send("--file", str(tmp_path / "a.obj"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"hdaemon: {tmp_path / 'a.obj'} is broken, not complete, or not a .obj file".encode())
    assert done.stderr.count(b"\n") == 1
    assert list(log) == [row for row in log if row.event == "started"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--up", "Y"], b"--up and --unit are said of models"),
        (["--file", "a.bgeo", "--unit", "1"], b"--up and --unit are said of models"),
        (["--file", "a.obj", "--type", "bytes", "--unit", "1"], b"--up and --unit are said of models"),
        (["x", "--watch"], b"--watch is for a file"),
        (["--file", "a.obj", "--up", "X"], b"invalid choice: 'X'"),
        (["--file", "a.obj", "--unit", "0"], b"'0' is not a number of metres"),
        (["--file", "a.obj", "--unit", "nan"], b"'nan' is not a number of metres"),
    ],
)
def test_wrong_usage(arguments: list[str], said: bytes) -> None:
    done = hdaemon("send", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


# -- watching ----------------------------------------------------------------------------------------------------------


class Sending:
    """A running `hdaemon send --watch`; leave the `with` block to have it ended."""

    def __init__(self, server: HPythonServer, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "send", "--watch", *arguments, "--to", f"127.0.0.1:{server.port}"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=tempfile.gettempdir(),
            env=environment(),
        )
        assert self.process.stderr is not None
        self.err = _Lines(self.process.stderr)

    def __enter__(self) -> Sending:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        self.err.close()


def test_watch_sends_what_is_written_renamed_and_repaired(
    evaluating: HPythonServer, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "a.obj"
    with Sending(evaluating, "--file", str(path)) as sending:
        sending.err.until(b"there is no ")
        path.write_bytes(SQUARE)
        sending.err.until(b"to models/a: stored, serial ")
        assert len(mesh_on(store, "models/a")) == 4
        (tmp_path / "new").write_bytes(TRIANGLE)
        os.replace(tmp_path / "new", path)  # noqa: PTH105
        sending.err.until(b"to models/a: stored, serial ")
        assert len(mesh_on(store, "models/a")) == 3
        path.write_bytes(b"v 0 0 0\nf 1 2")
        assert sending.err.next().endswith(b"; it is tried again when it changes")
        path.unlink()
        path.write_bytes(SQUARE)
        assert b"to models/a: stored, serial " in sending.err.next()
        wait_until(lambda: len(mesh_on(store, "models/a")) == 4)
        if sys.platform != "win32":
            sending.process.send_signal(signal.SIGINT)
            assert sending.process.wait(10) == 0
            assert sending.err.rest() == []


def test_watch_of_what_is_not_complete(evaluating: HPythonServer, store: Store, tmp_path: Path) -> None:
    made = io.BytesIO()
    np.save(made, np.arange(1000.0))
    path = tmp_path / "a.npy"
    path.write_bytes(made.getvalue()[:4000])
    with Sending(evaluating, "--file", str(path), "--channel", "a") as sending:
        assert b"a.npy was not sent: " in sending.err.next()
        path.write_bytes(made.getvalue())
        sending.err.until(b"to a: stored")
        assert np.array_equal(store["a"].data, np.arange(1000.0))


def test_what_is_wrong_is_said_once_until_it_is_well_again(
    evaluating: HPythonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = b"v 0 0 0\nf 1 2"
    versions = [broken, broken + b" 3", SQUARE, broken, SQUARE, SQUARE]

    class Scripted:
        def __init__(self, path: Path) -> None:
            assert path == tmp_path / "a.obj"

        def next(self) -> bytes:
            if not versions:
                raise KeyboardInterrupt
            return versions.pop(0)

    monkeypatch.setattr(files, "Watched", Scripted)
    path = str(tmp_path / "a.obj")
    assert cli.main(["send", "--watch", "--file", path, "--to", f"127.0.0.1:{evaluating.port}"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert "there is no" in said.pop(0)
    assert ["tried again" in line for line in said] == [True, False, True, False, False]
    assert ["to models/a: stored, serial" in line for line in said] == [False, True, False, True, True]


def test_watch_needs_a_server(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    (tmp_path / "a.obj").write_bytes(SQUARE)
    done = hdaemon("send", "--watch", "--file", str(tmp_path / "a.obj"), "--to", f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert b"refused the connection" in done.stderr


def test_a_file_is_taken_when_nothing_changes_it_any_more(tmp_path: Path) -> None:
    path = tmp_path / "a"
    written = [b"one", b"one two", b"one two three"]

    def wait(_: float) -> None:
        if written:
            path.write_bytes(written.pop(0))

    watched = Watched(path, wait)
    assert watched.next() == b"one two three"
    written = [b"again", b"once more"]
    assert watched.next() == b"once more"


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    read, changes = Path.read_bytes, [b"changed meanwhile"]

    def read_bytes(self: Path) -> bytes:
        found = read(self)
        if changes:
            self.write_bytes(changes.pop())
        return found

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert Watched(path, lambda _: None).next() == b"changed meanwhile"


# -- on a terminal -----------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal_only(
    evaluating: HPythonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"\0" * 7_000_000)  # what is larger goes by shared memory
    arguments = ["send", "--file", str(path), "--to", f"127.0.0.1:{evaluating.port}"]
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        assert cli.main(arguments) == 0
        shown = stream.getvalue()
        assert ("\rhdaemon: sent 4 of 7 MB" in shown) is isinstance(stream, Terminal)
        assert ("\rhdaemon: sent 7 of 7 MB" in shown) is isinstance(stream, Terminal)
        assert shown == "" or shown.endswith(" \r"), "the line is left empty"


def test_a_line_that_becomes_shorter_leaves_nothing_behind() -> None:
    terminal = Terminal()
    line = progress.Line(terminal)
    line.show("a long text")
    line.show("short")
    line.clear()
    line.clear()
    assert terminal.getvalue() == "\rhdaemon: a long text\rhdaemon: short      \r" + " " * 14 + "\r"
