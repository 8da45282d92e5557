"""Content types: how a payload becomes `Message.data`.

One file a type; each holds a `decode(payload) -> object` that raises `DecodeError` for a payload that is
not what it claims. Decoders read bytes and nothing else: no sockets, no threads, no clock, no Qt, no hou.
Each file is imported when a payload first needs it, and so are numpy and msgpack: `import hdaemon` is 15 ms quicker.
A type that nobody registered is handed over as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hdaemon.content.buffers import Payload, load_numpy
from hdaemon.errors import DecodeError, UsageError

__all__ = [
    "BGEO",
    "JSON",
    "MSGPACK",
    "NPY",
    "OCTET_STREAM",
    "SAFETENSORS",
    "TEXT",
    "Payload",
    "decode",
    "register",
    "registered",
]

TEXT = "text/plain"
JSON = "application/json"
MSGPACK = "application/msgpack"
NPY = "application/x-npy"
SAFETENSORS = "application/vnd.safetensors"
BGEO = "application/x-houdini-bgeo"
OCTET_STREAM = "application/octet-stream"

Decoder = Callable[["Any"], "Any"]
"""Called with a `Payload`: bytes, or a bytearray or memoryview, which have not all the methods of bytes."""


def _text(payload: Any) -> str:
    from hdaemon.content import text

    return text.decode(payload)


def _json(payload: Payload) -> Any:
    from hdaemon.content import json

    return json.decode(payload)


def _msgpack(payload: Payload) -> Any:
    from hdaemon.content import msgpack

    return msgpack.decode(payload)


def _npy(payload: Payload) -> Any:
    from hdaemon.content import npy

    return npy.decode(payload)


def _bgeo(payload: Payload) -> Any:
    from hdaemon.content import bgeo

    return bgeo.read(payload)


def _tensors(payload: Payload) -> Any:
    """Return the arrays of safetensors, or the mesh that their metadata say they are (docs/mesh.md)."""
    from hdaemon.content import safetensors

    tensors = safetensors.decode(payload)
    if "hdaemon.mesh" not in tensors.metadata:
        return tensors
    load_numpy("a mesh")
    from hdaemon.content import mesh_wire

    return mesh_wire.from_tensors(tensors)


_decoders: dict[str, Decoder] = {
    TEXT: _text,
    JSON: _json,
    MSGPACK: _msgpack,
    NPY: _npy,
    SAFETENSORS: _tensors,
    BGEO: _bgeo,
}


def register(content_type: str, decoder: Decoder) -> None:
    """Make `decoder` the one that turns payloads of `content_type` into `Message.data`.

    Args:
        content_type: a media type without parameters, such as ``"application/json"`` (RFC 9110, 8.3.1).
        decoder: called with the payload, any bytes-like object, on the thread that first asks for `Message.data`.
            What it raises becomes `Message.error`, and `Message.data` is then the payload as bytes.

    Raises:
        UsageError: `content_type` is not of the form ``type/subtype``.
    """
    kind, slash, subtype = content_type.partition("/")
    if not (kind and slash and subtype) or ";" in content_type or content_type != content_type.strip():
        raise UsageError(f"{content_type!r} is not a content type: write it as type/subtype, without parameters")
    _decoders[content_type.lower()] = decoder


def registered() -> tuple[str, ...]:
    """Return the content types that have a decoder, sorted."""
    return tuple(sorted(_decoders))


def decode(content_type: str, payload: Payload) -> Any:
    """Return the value of `payload`: what its type's decoder makes of it, or its bytes for a type without one.

    Raises:
        DecodeError: the payload is not what its content type says, or its decoder failed.
    """
    decoder = _decoders.get(content_type)
    if decoder is None:
        return payload if isinstance(payload, bytes) else bytes(payload)
    try:
        return decoder(payload)
    except DecodeError:
        raise
    except Exception as error:  # a decoder may be anybody's: whatever stops it, the payload is what was not decoded
        raise DecodeError(f"the decoder of {content_type} failed: {type(error).__name__}: {error}") from error
