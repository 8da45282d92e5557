"""What a row says of arrays, from their first bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.content import NPY, SAFETENSORS, safetensors
from hdaemon.content.headline import headline
from hdaemon.content.mesh import Mesh
from hdaemon.message import Message, preview


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((480, 640), "f4"), "float32 480 × 640"),
        (np.zeros(1_000_000, "i8"), "int64 1,000,000"),
        (np.zeros((2, 3), ">u2"), "uint16 2 × 3"),
        (np.zeros((2, 3), bool, order="F"), "bool 2 × 3"),
        (np.zeros((), "f8"), "float64"),
        (np.zeros((1, 2), "c16"), "complex128 1 × 2"),
        (np.zeros((3,), "<U5"), "<U5 3"),
    ],
)
def test_npy(array: np.ndarray, says: str) -> None:
    assert headline(NPY, npy(array)) == says
    assert headline(NPY, npy(array)[:200]) == says


def test_safetensors() -> None:
    payload = b"".join(safetensors.encode({"P": np.zeros((5000, 3), "f4"), "id": np.zeros(5000, "i8")}, {"frame": "1"}))
    said = headline(SAFETENSORS, payload)
    assert said is not None
    assert said in ("P float32 5,000 × 3, id int64 5,000", "id int64 5,000, P float32 5,000 × 3")
    assert preview(SAFETENSORS, payload) == said


def test_a_mesh() -> None:
    mesh = Mesh(np.zeros((4802, 3), "f4"), [4, 3], [0, 1, 2, 3, 0, 1, 2], point={"N": np.zeros((4802, 3), "f4")})
    assert headline(SAFETENSORS, mesh.to_safetensors()) == "mesh, 4,802 points, 2 polygons"
    assert headline(SAFETENSORS, Mesh(np.zeros((7, 3), "f4")).to_safetensors()) == "mesh, 7 points"


def test_what_is_cut_says_what_it_can() -> None:
    payload = b"".join(safetensors.encode({f"a{number}": np.zeros(number, "f4") for number in range(200)}, {}))
    said = headline(SAFETENSORS, payload)
    assert said is not None
    assert "float32" in said
    assert len(preview(SAFETENSORS, payload, 200)) <= 200
    assert preview(SAFETENSORS, payload, 200).endswith("…")


@pytest.mark.parametrize("content_type", [NPY, SAFETENSORS, "application/msgpack", "image/png"])
@given(payload=st.binary(max_size=300))
def test_what_is_broken_is_shown_as_bytes(content_type: str, payload: bytes) -> None:
    assert headline(content_type, payload) is None
    shown = Message(1, 0.0, "a", content_type, payload, "c").preview(60)
    assert shown.startswith(payload[:20].hex(" "))


def test_control_characters_of_a_name_do_not_reach_the_row() -> None:
    payload = b"".join(safetensors.encode({"a\x1b[31m\u202e": np.zeros(2, "f4")}, {}))
    assert preview(SAFETENSORS, payload).isprintable()


def test_a_shape_that_is_none_raises_nothing() -> None:
    head = b'{"P": {"dtype": "F32", "shape": [1 2, ,], "data_offsets": [0, 0]}}'
    assert headline(SAFETENSORS, len(head).to_bytes(8, "little") + head) == "P float32"


def test_a_size_that_is_no_number_raises_nothing() -> None:
    """A fuzzer's: a superscript two is a digit to Python, and no number."""
    head = b"\x93NUMPY\x01\x00\x46\x00{'descr': '>i\xb2', 'fortran_order': False, 'shape': (2, 3), }"
    assert headline(NPY, head) == ">i² 2 × 3"
    assert preview(NPY, head) == ">i² 2 × 3"


def test_other_types_have_none() -> None:
    assert headline("text/plain", b"\x93NUMPY") is None
