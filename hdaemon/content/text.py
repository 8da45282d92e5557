"""text/plain: UTF-8 text (RFC 2046, 4.1; RFC 3629)."""

from __future__ import annotations

from hdaemon.errors import DecodeError

__all__ = ["decode"]


def decode(payload: bytes) -> str:
    """Return the text of `payload`.

    Raises:
        DecodeError: the bytes are not UTF-8; names the first that is not and its offset.
    """
    try:
        return str(payload, "utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(
            f"not UTF-8: byte 0x{payload[error.start]:02x} at offset {error.start}; "
            "send the text as UTF-8, or the bytes as application/octet-stream"
        ) from error
