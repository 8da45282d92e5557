"""`Client.send_mesh`: what arrives is the mesh that was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from hdaemon.client import BadValue, Client
from hdaemon.content.mesh import Mesh
from hdaemon.server.thread import HPythonServer

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 2, 2]], "f4")


@pytest.fixture
def server(start_server: Callable[..., HPythonServer]) -> HPythonServer:
    return start_server(mode="evaluate")


@pytest.fixture
def client(server: HPythonServer) -> Iterator[Client]:
    with Client(server.host, server.port) as made:
        yield made


def received(server: HPythonServer, channel: str = "mesh") -> Mesh:
    message = server.store[channel].message
    assert message.error is None, message.error
    assert isinstance(message.data, Mesh)
    return message.data


def test_all_of_it(client: Client, server: HPythonServer) -> None:
    ack = client.send_mesh(
        POINTS,
        [4, 3, 2],
        [0, 1, 2, 3, 0, 1, 2, 3, 4],
        "maya/body",
        point={"N": POINTS, "id": np.arange(5), "name": ["a", "b", "a", "", "c"]},
        vertex={"uv": np.zeros((9, 2), "f8")},
        prim={"material": ["wood", "wood", "iron"], "half": np.array([1, 2, 3], "f2")},
        detail={"frame": 12, "scene": "shot 1"},
        point_groups={"pinned": [1, 0, 0, 0, 1]},
        prim_groups={"curves": [False, False, True]},
        closed=[True, True, False],
        kinds={"point/N": "normal", "vertex/uv": "texturecoord"},
        winding="clockwise",
        up="Z",
        metres_per_unit=0.01,
        wait=True,
    )
    assert ack.stored
    mesh = received(server, "maya/body")
    expected = Mesh(
        POINTS,
        [4, 3, 2],
        [0, 1, 2, 3, 0, 1, 2, 3, 4],
        point={"N": POINTS, "id": np.arange(5), "name": ["a", "b", "a", "", "c"]},
        vertex={"uv": np.zeros((9, 2), "f8")},
        prim={"material": ["wood", "wood", "iron"], "half": np.array([1, 2, 3], "f2")},
        detail={"frame": np.array([12]), "scene": ["shot 1"]},
        point_groups={"pinned": np.array([1, 0, 0, 0, 1], bool)},
        prim_groups={"curves": np.array([0, 0, 1], bool)},
        closed=np.array([True, True, False]),
        kinds={"point/N": "normal", "vertex/uv": "texturecoord"},
        winding="clockwise",
        up="Z",
        metres_per_unit=0.01,
    )
    assert mesh == expected


def test_points_alone_and_the_defaults(client: Client, server: HPythonServer) -> None:
    client.send_mesh(POINTS.astype("f8"), wait=True)
    mesh = received(server)
    assert mesh == Mesh(POINTS.astype("f8"), winding="counterclockwise", up="Y", metres_per_unit=1.0)
    assert mesh.points.dtype == np.float64


def test_whole_numbers_become_floats(client: Client, server: HPythonServer) -> None:
    client.send_mesh([[0, 0, 0], [1, 2, 3]], wait=True)
    assert received(server).points.dtype == np.float32


def test_no_strings_at_all(client: Client, server: HPythonServer) -> None:
    client.send_mesh(np.zeros((0, 3), "f4"), point={"name": []}, wait=True)
    assert list(received(server).point) == ["name"]


def test_a_large_mesh_is_not_copied(client: Client, server: HPythonServer) -> None:
    side = 400
    points = np.random.default_rng(1).random((side * side, 3), "f4")
    first = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    indices = np.stack([first, first + 1, first + side + 1, first + side], 1).astype("i4").ravel()
    counts = np.full(len(first), 4, "i4")
    client.send_mesh(points, counts, indices, point={"N": points})
    client.flush()
    mesh = received(server)
    assert np.array_equal(mesh.points, points)
    assert np.array_equal(mesh.indices, indices)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"points": [[0, 0]]}, r"\(1, 2\): give \(n, 3\)"),
        ({"points": POINTS, "counts": [4], "indices": [0, 1, 2]}, "add up to 4 vertices, and there are 3"),
        ({"points": POINTS, "counts": [3], "indices": [0, 1, 5]}, "go up to 5, and there are 5 points"),
        ({"points": POINTS, "counts": [3], "indices": [0, 1, -1]}, "indices are from -1"),
        ({"points": POINTS, "counts": [3.0], "indices": [0, 1, 2]}, "counts are float64"),
        ({"points": POINTS, "point": {"N": [[0, 0, 1]]}}, "point/N has 1 elements, and the mesh has 5"),
        ({"points": POINTS, "point": {"a": [b"x"] * 5}}, "point/a"),
        ({"points": POINTS, "point": {"a": [None] * 5}}, "point/a .* give a list of str"),
        ({"points": POINTS, "point_groups": {"g": [True]}}, "point_group/g has 1 elements"),
        ({"points": POINTS, "counts": [3], "indices": [0, 1, 2], "closed": [1, 1]}, "closed has 2 elements"),
    ],
)
def test_what_is_no_mesh(client: Client, server: HPythonServer, given: dict[str, object], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        client.send_mesh(**given)  # type: ignore[arg-type]
    assert client.unacknowledged == 0
    assert server.messages_received == 0
