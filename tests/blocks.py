"""Blocks to feed a log with."""

from __future__ import annotations

from hdaemon.blocks import LinesBlock, PayloadBlock


def lines(*texts: str, client: str = "client-1", mode: str = "print") -> LinesBlock:
    data = "".join(text + "\n" for text in texts).encode()
    return LinesBlock(1.5, 1, "default", data, len(texts), client, mode)


def payload(data: bytes, content_type: str = "application/octet-stream", client: str = "client-1") -> PayloadBlock:
    return PayloadBlock(2.5, 1, "default", content_type, data, client, "print")
