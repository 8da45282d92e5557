"""One line that says what arrays a payload holds, read from its first bytes: for rows of a log, not for programs."""

from __future__ import annotations

import re

from hdaemon.content.buffers import Payload

__all__ = ["headline"]

_NPY = re.compile(rb"\x93NUMPY.{4,6}\{'descr': '([^']{1,40})'.{0,40}'shape': \(([0-9, ]*)\)", re.DOTALL)
_TENSOR = re.compile(rb'"([^"\\]{1,60})": ?\{ ?"dtype": ?"([A-Z0-9]{2,4})", ?"shape": ?\[([0-9, ]*)\]')
_IS_MESH = b'"hdaemon.mesh"'

_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex", "b": "bool"}
_DTYPES = {"F": "float", "I": "int", "U": "uint"}


def headline(content_type: str, head: Payload) -> str | None:
    """Return what the arrays of a payload are, such as ``float32 480 x 640``; None for other types and what is broken.

    Args:
        content_type: of the payload.
        head: the payload, or its first some hundred bytes: what is not in them is not told.
    """
    begin = bytes(head[:2048])
    if content_type == "application/x-npy":
        found = _NPY.match(begin)
        return (
            None if found is None else f"{_npy_type(found.group(1).decode('latin-1'))} {_shape(found.group(2))}".strip()
        )
    if content_type != "application/vnd.safetensors" or begin[8:9] != b"{":
        return None
    tensors = {name.decode("utf-8", "replace"): (kind, shape) for name, kind, shape in _TENSOR.findall(begin)}
    if _IS_MESH in begin:
        points, polygons = (_first(tensors, name) for name in ("P", "counts"))
        parts = [f"{points} points" if points else "", f"{polygons} polygons" if polygons else ""]
        return ", ".join(["mesh", *(part for part in parts if part)])
    shown = [f"{name} {_tensor_type(kind)} {_shape(shape)}".rstrip() for name, (kind, shape) in tensors.items()]
    return ", ".join(shown) or None


def _first(tensors: dict[str, tuple[bytes, bytes]], name: str) -> str:
    size = tensors[name][1].partition(b",")[0].strip() if name in tensors else b""
    return f"{int(size):,}" if size.isdigit() else ""


def _npy_type(descr: str) -> str:
    kind, size = descr[1:2], descr[2:]
    if kind == "b":
        return "bool"
    return f"{_KINDS[kind]}{8 * int(size)}" if kind in _KINDS and size.isdecimal() else descr


def _tensor_type(kind: bytes) -> str:
    text = kind.decode("latin-1")
    return _DTYPES[text[0]] + text[1:] if text[:1] in _DTYPES and text[1:].isdigit() else text.lower()


def _shape(shape: bytes) -> str:
    sizes = [size.strip() for size in shape.decode("latin-1").split(",")]
    sizes = [size for size in sizes if size.isdigit()]  # what else there may be is not this line's to refuse
    return " × ".join(f"{int(size):,}" for size in sizes)
