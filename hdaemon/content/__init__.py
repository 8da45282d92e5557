"""Content types: how a payload becomes `Message.data`.

One file a type; each holds a `decode(payload) -> object` that raises `DecodeError` for a payload that is
not what it claims. Decoders read bytes and nothing else: no sockets, no threads, no clock, no Qt, no hou.
A type that nobody registered is handed over as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hdaemon.content import text
from hdaemon.errors import UsageError

__all__ = ["OCTET_STREAM", "TEXT", "decode", "register", "registered"]

TEXT = "text/plain"
OCTET_STREAM = "application/octet-stream"

Decoder = Callable[[bytes], Any]

_decoders: dict[str, Decoder] = {TEXT: text.decode}


def register(content_type: str, decoder: Decoder) -> None:
    """Make `decoder` the one that turns payloads of `content_type` into `Message.data`.

    Args:
        content_type: a media type without parameters, such as ``"application/json"`` (RFC 9110, 8.3.1).
        decoder: called with the payload on the thread that first asks for `Message.data`.

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


def decode(content_type: str, payload: bytes) -> Any:
    """Return the value of `payload`: what its type's decoder makes of it, or `payload` itself for a type without one.

    Raises:
        DecodeError: the payload is not what its content type says.
    """
    decoder = _decoders.get(content_type)
    return payload if decoder is None else decoder(payload)
