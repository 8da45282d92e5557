"""What a store is given, for tests of its consumers."""

from __future__ import annotations

from hdaemon import Message
from hdaemon.blocks import LinesBlock, PayloadBlock


def payload(channel: str, data: bytes, serial: int = 1) -> PayloadBlock:
    return PayloadBlock(0.0, serial, channel, "text/plain", data, "client-1", "evaluate")


def lines(first: int, count: int) -> LinesBlock:
    data = b"".join(b"%d\n" % number for number in range(first, first + count))
    return LinesBlock(0.0, first, "default", data, count, "client-1", "evaluate")


def values(messages: list[Message]) -> list[str]:
    return [message.data for message in messages]
