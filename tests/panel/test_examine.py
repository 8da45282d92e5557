"""What a payload is shown as."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hdaemon_panel import examine as module
from hdaemon_panel.examine import TEXT_BYTES, auto_limit, dismantling, examine, is_text, most, text_head
from panel_values import npy

from hdaemon import content
from hdaemon.content import safetensors


@pytest.mark.parametrize(
    ("content_type", "payload", "kind", "value"),
    [
        (content.TEXT, b"h\xc3\xa9", "text", "hé"),
        ("text/csv", b"a,b", "text", "a,b"),
        (content.JSON, b'{"x": [1]}', "tree", {"x": [1]}),
        (content.JSON, b'"word"', "tree", "word"),
        (content.MSGPACK, msgpack.packb({"a": b"\0"}), "tree", {"a": b"\0"}),
        (content.MSGPACK, msgpack.packb(b"\0"), "tree", b"\0"),
        (content.OCTET_STREAM, b"\0\1", "bytes", None),
        ("image/png", b"\x89PNG", "bytes", None),
    ],
)
def test_kinds(content_type, payload, kind, value):
    found = examine(content_type, memoryview(payload))
    assert (found.kind, found.value, found.error) == (kind, value, "")


def test_arrays():
    found = examine(content.NPY, npy(np.arange(3)))
    assert found.kind == "arrays"
    assert list(found.value) == [""]
    payload = b"".join(safetensors.encode({"P": np.zeros((2, 3), "f4")}, {"frame": "12"}))
    found = examine(content.SAFETENSORS, payload)
    assert (found.kind, list(found.value), found.metadata) == ("arrays", ["P"], {"frame": "12"})
    assert examine(content.SAFETENSORS, b"".join(safetensors.encode({}))).kind == "arrays"


@pytest.mark.parametrize(
    ("content_type", "payload"),
    [(content.JSON, b"{"), (content.MSGPACK, b"\xc1"), (content.NPY, b"no"), (content.TEXT, b"\xff")],
)
def test_what_does_not_decode_is_bytes_with_its_error(content_type, payload):
    found = examine(content_type, payload)
    assert found.kind == "bytes"
    with pytest.raises(content.DecodeError) as told:
        content.decode(content_type, payload)
    assert found.error == str(told.value)


@pytest.fixture
def studio_types(monkeypatch):
    monkeypatch.setattr(content, "_decoders", dict(content._decoders))
    return content.register


def test_a_studios_own_types(studio_types):
    class Camera:
        def __init__(self) -> None:
            self.matrix = np.eye(4)
            self.point = {"P": np.zeros(3)}
            self.name = "A"

    studio_types("application/x-a", lambda payload: Camera())
    studio_types("application/x-b", lambda payload: (1, 2))
    studio_types("application/x-c", lambda payload: "word")
    studio_types("application/x-d", lambda payload: b"raw")
    assert list(examine("application/x-a", b"").value) == ["matrix", "point/P"]
    assert examine("application/x-b", b"").kind == "tree"
    assert examine("application/x-c", b"").kind == "text"
    assert examine("application/x-d", b"").kind == "bytes"


def test_no_memory_is_told(studio_types):
    def greedy(payload: object) -> None:
        raise MemoryError

    studio_types("application/x-greedy", greedy)
    assert "MemoryError" in examine("application/x-greedy", b"12").error


def test_a_large_text_is_not_decoded_whole(monkeypatch):
    def decode(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module.content, "decode", decode)
    found = examine(content.TEXT, b"x" * (2 << 20))
    assert found.value == "x" * TEXT_BYTES


@pytest.mark.parametrize("letter", ["a", "é", "日", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_head_never_ends_in_half_a_letter(letter, shift):
    payload = b"." * shift + letter.encode() * TEXT_BYTES
    head = text_head(payload)
    assert set(head) <= {".", letter}
    assert 0 <= TEXT_BYTES - len(head.encode()) < 4
    assert text_head(b"\xe6\x97") == "\ufffd"


def test_limits():
    assert auto_limit(content.JSON) < auto_limit(content.TEXT) < auto_limit(content.NPY)
    assert auto_limit("application/x-own") == auto_limit(content.JSON) < most("application/x-own")
    assert most(content.SAFETENSORS) > 1 << 40
    assert is_text("text/html")
    assert not is_text(content.MSGPACK)


def test_taking_a_tree_apart():
    tree = {"a": [[1] * 1000, {"b": [2]}], "c": {str(i): [i] for i in range(1000)}}
    inner = tree["c"]
    steps = sum(1 for _ in dismantling([tree]))
    assert steps > 10
    assert tree == {}
    assert inner == {}
