"""What a server knows of its channels: newest, totals, rate."""

from __future__ import annotations

import pytest
from helpers import Clock

from hdaemon.blocks import LinesBlock, PayloadBlock
from hdaemon.channels import Channels
from hdaemon.message import DEFAULT_CHANNEL


def block(channel: str, payload: bytes = b"{}", serial: int = 1, mode: str = "evaluate") -> PayloadBlock:
    return PayloadBlock(1e9, serial, channel, "application/json", payload, "client-1", mode)


def lines(data: bytes, count: int, serial: int = 1) -> LinesBlock:
    return LinesBlock(1e9, serial, DEFAULT_CHANNEL, data, count, "client-2", "print")


def test_the_newest_message_and_the_totals() -> None:
    channels = Channels(10, Clock())
    channels.add(block("a/b", b"[1]", 1))
    channels.add(block("a/b", b"[1,2]", 2, "print"))
    info = channels.info("a/b")
    assert info is not None
    assert (info.channel, info.serial, info.time, info.content_type) == ("a/b", 2, 1e9, "application/json")
    assert (info.size, info.messages, info.bytes) == (5, 2, 8)
    assert (info.client, info.stored, info.preview) == ("client-1", False, "[1,2]")


def test_lines_count_one_by_one_and_the_last_is_the_newest() -> None:
    channels = Channels(10, Clock())
    channels.add(lines(b"first\nlast\r\n", 2, serial=5))
    info = channels.info(DEFAULT_CHANNEL)
    assert info is not None
    assert (info.serial, info.content_type, info.size, info.preview) == (6, "text/plain", 4, "last")
    assert (info.messages, info.bytes) == (2, 12)


@pytest.mark.parametrize("large", [block("x", b"7" * 3_000_000), lines(b"7" * 3_000_000 + b"\n", 1)])
def test_a_large_payload_is_not_kept(large: PayloadBlock | LinesBlock) -> None:
    channels = Channels(10, Clock())
    channels.add(large)
    (info,) = channels.infos()
    assert info.size == 3_000_000
    assert info.preview.startswith("777")
    assert info.preview.endswith("…")
    assert channels._counts[info.channel].newest is not large


def test_names_are_sorted_and_unknown_is_none() -> None:
    channels = Channels(10, Clock())
    for name in ("b", "a", "a/b"):
        channels.add(block(name))
    assert [info.channel for info in channels.infos()] == ["a", "a/b", "b"]
    assert channels.info("c") is None
    assert sorted(channels.names()) == ["a", "a/b", "b"]


def test_past_the_limit_the_channel_that_was_silent_longest_is_forgotten() -> None:
    channels = Channels(2, Clock())
    for name in ("a", "b", "a", "c"):
        channels.add(block(name))
    assert [info.channel for info in channels.infos()] == ["a", "c"]
    assert len(channels) == 2


def rate(channels: Channels) -> float:
    (info,) = channels.infos()
    return info.rate


def test_a_steady_rate_is_told_at_any_moment() -> None:
    clock = Clock()
    channels = Channels(10, clock)
    for number in range(300):
        channels.add(block("a"))
        clock.now += 1 / 30
        if number > 60:
            assert rate(channels) == pytest.approx(30, rel=0.05)


def test_a_block_of_lines_counts_as_its_lines() -> None:
    clock = Clock()
    channels = Channels(10, clock)
    for _ in range(30):
        channels.add(lines(b"x\n" * 1000, 1000))
        clock.now += 0.1
    assert rate(channels) == pytest.approx(10_000, rel=0.1)


def test_silence_is_a_rate_of_zero_and_what_follows_begins_anew() -> None:
    clock = Clock()
    channels = Channels(10, clock)
    for _ in range(100):
        channels.add(block("a"))
    assert rate(channels) == 100
    clock.now += 2.1
    assert rate(channels) == 0
    clock.now += 60
    channels.add(block("a"))
    assert rate(channels) == 1
    clock.now += 1.0
    channels.add(block("a"))
    assert rate(channels) == pytest.approx(2)
