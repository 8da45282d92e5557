"""Blocks to feed a log with."""

from __future__ import annotations

from hdaemon.blocks import LinesBlock, PayloadBlock


def lines(
    *texts: str | bytes, client: str = "client-1", mode: str = "print", serial: int = 1, end: bytes = b"\n"
) -> LinesBlock:
    data = b"".join((text.encode() if isinstance(text, str) else text) + end for text in texts)
    return LinesBlock(1.5, serial, "default", data, len(texts), client, mode)


def payload(
    data: bytes, content_type: str = "application/octet-stream", client: str = "client-1", serial: int = 1
) -> PayloadBlock:
    return PayloadBlock(2.5, serial, "default", content_type, data, client, "print")
