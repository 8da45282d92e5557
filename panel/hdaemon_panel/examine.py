"""What a payload is shown as, and how much of it is looked at without being asked. No Qt: it runs on a thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hdaemon import content
from hdaemon.content import Payload
from hdaemon.errors import DecodeError
from hdaemon_panel.mesh_facts import MeshFacts, facts_of

__all__ = [
    "AT_ONCE_BYTES",
    "TEXT_BYTES",
    "Examined",
    "at_once",
    "auto_limit",
    "dismantling",
    "examine",
    "is_text",
    "limited_as",
    "most",
    "text_head",
]

AT_ONCE_BYTES = 2048
"""A payload up to this is decoded on the spot, in well under a millisecond: the pane need not flicker."""

TEXT_BYTES = 64 * 1024
"""What is shown of a text; a text field takes a second for megabytes."""

_KIB, _MIB = 1024, 1024 * 1024

_AUTO_TREE = 64 * _KIB
"""JSON is parsed with the interpreter held for up to a whole list at a time: this much for a few milliseconds."""

_AUTO_TEXT = _MIB
_AUTO_ARRAYS = 256 * _MIB
"""Arrays are views of the payload: only their head is read, whatever the size (bfloat16 is copied)."""

_AUTO_BGEO = 64 * _MIB
"""Houdini's own geometry is copied once: 28 MB, a million quads, in 0.3 s."""

_MOST_TREE = 64 * _MIB
"""Larger trees are not decoded here at all: as Python objects they are ten times as large."""


@dataclass(frozen=True)
class Examined:
    """A payload made ready to be shown.

    Attributes:
        kind: ``"text"``, ``"tree"``, ``"arrays"``, ``"mesh"`` or ``"bytes"``.
        value: the text's head (str), the tree (Python objects), a dict of arrays, or a `Mesh`; None for bytes.
        error: why it did not decode; empty when it did.
        metadata: what came with the arrays, str to str.
        facts: what is written about a mesh.
    """

    kind: str
    value: Any = None
    error: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    facts: MeshFacts | None = None


def is_text(content_type: str) -> bool:
    """Return whether payloads of that type are text, or can be read as such."""
    return content_type.startswith("text/") or content_type in (content.JSON, "application/xml")


def at_once(content_type: str, size: int) -> bool:
    """Return whether a payload is decoded on the spot; not what may be a mesh: importing numpy alone takes longer."""
    return size <= AT_ONCE_BYTES and content_type not in (content.SAFETENSORS, content.BGEO)


def limited_as(content_type: str, payload: Payload) -> str:
    """Return the type whose limits hold for a payload: geometry written as text is parsed as JSON is."""
    return content.JSON if content_type == content.BGEO and payload[:1] == b"[" else content_type


def auto_limit(content_type: str) -> int:
    """Return up to which size, in bytes, a payload of that type is decoded without being asked."""
    if content_type == content.BGEO:
        return _AUTO_BGEO
    if content_type in (content.NPY, content.SAFETENSORS):
        return _AUTO_ARRAYS
    if content_type == content.TEXT:
        return _AUTO_TEXT
    return _AUTO_TREE


def most(content_type: str) -> int:
    """Return up to which size a payload of that type is decoded at all."""
    if content_type in (content.NPY, content.SAFETENSORS, content.BGEO):
        return 1 << 62
    return _MOST_TREE


def text_head(payload: Payload) -> str:
    """Return the first 64 KiB as text; a character that is cut at their end is left out."""
    head = bytes(payload[:TEXT_BYTES])
    if len(head) < len(payload):
        for back in range(1, 4):  # a UTF-8 sequence has at most four bytes
            if head[-back] >= 0xC0:
                head = head[:-back]
                break
            if head[-back] < 0x80:
                break
    return str(head, "utf-8", "replace")


def examine(content_type: str, payload: Payload) -> Examined:
    """Decode `payload` and say how it is shown. Never raises.

    The value is decoded anew, and not by `Message.data`: that would keep it as long as log or store keep the message.
    """
    if content_type not in content.registered():
        return Examined("text", text_head(payload)) if is_text(content_type) else Examined("bytes")
    if content_type == content.TEXT and len(payload) > _AUTO_TEXT:
        return Examined("text", text_head(payload))
    try:
        value = content.decode(content_type, payload)
    except DecodeError as error:
        return Examined("bytes", None, str(error))
    return _shown_as(content_type, payload, value)


def _shown_as(content_type: str, payload: Payload, value: Any) -> Examined:
    if isinstance(value, str) and content_type != content.JSON:
        return Examined("text", text_head(payload) if content_type == content.TEXT else value[:TEXT_BYTES])
    if isinstance(value, bytes) and content_type not in (content.JSON, content.MSGPACK):
        return Examined("bytes")
    if _is_mesh(value):
        return Examined("mesh", value, facts=facts_of(value))
    arrays = _arrays(value)
    if arrays is not None:
        return Examined("arrays", arrays, "", dict(getattr(value, "metadata", {})))
    return Examined("tree", value)


def _arrays(value: Any) -> dict[str, Any] | None:
    """Return the arrays that `value` is or holds, by name; None when it is something else."""
    if _is_array(value):
        return {"": value}
    if isinstance(value, dict) and value and all(map(_is_array, value.values())):
        return {str(name): array for name, array in value.items()}
    if isinstance(value, dict) and hasattr(value, "metadata"):  # safetensors without a tensor
        return {}
    if not isinstance(value, (dict, list, str, bytes)) and hasattr(value, "__dict__"):  # a studio's own
        found = {name: array for name, array in vars(value).items() if _is_array(array)}
        for name, held in vars(value).items():
            if isinstance(held, dict):
                found |= {f"{name}/{key}": array for key, array in held.items() if _is_array(array)}
        return found or None
    return None


def _is_mesh(value: Any) -> bool:
    module = sys.modules.get("hdaemon.content.mesh")  # it is imported when there is one
    return module is not None and isinstance(value, module.Mesh)


def _is_array(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("dtype", "shape", "nbytes", "flat"))


def dismantling(value: Any) -> Iterator[None]:
    """Take a tree apart, yielding now and then: letting go of millions of objects at once takes a second.

    Nobody else may hold the value.
    """
    stack: list[Any] = [value]
    while stack:
        held = stack[-1]
        if isinstance(held, list) and held:
            last = held[-256:]
            del held[-256:]
        elif isinstance(held, dict) and held:
            last = [held.popitem()[1] for _ in range(min(256, len(held)))]
        else:
            stack.pop()
            continue
        stack.extend(item for item in last if isinstance(item, (list, dict)) and item)
        del last
        yield
