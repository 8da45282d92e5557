"""Searching blocks for a text."""

from __future__ import annotations

import pytest
from blocks import lines, payload
from hdaemon_panel import log_filter
from hdaemon_panel.log_filter import Needle
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.blocks import EventBlock, PayloadBlock, PayloadsBlock
from hdaemon.log import RingLog


def found(text: str, block, first: int = 0) -> list[int]:
    return [number for number in Needle(text).rows(block, first) if number is not None]


def test_lines_that_contain_the_text():
    block = lines("alpha", "beta", "alphabet", "", "gamma")
    assert found("alpha", block) == [0, 2]
    assert found("ALPHA", block) == [0, 2]
    assert found("delta", block) == []


def test_rows_before_the_first_are_left_out():
    block = lines("a", "a", "a", "b")
    block.start = 10
    assert found("a", block, 12) == [12]


def test_a_match_never_spans_two_lines():
    assert found("ab", lines("a", "b")) == []


def test_the_whole_payload_is_searched_across_windows(monkeypatch):
    monkeypatch.setattr(log_filter, "_WINDOW", 8)
    block = payload(b"x" * 13 + b"needle" + b"y" * 20)
    assert found("needle", block) == [0]
    assert found("needles", block) == []


def test_it_lets_others_work_while_it_searches_a_large_payload():
    steps = list(Needle("z").rows(payload(b"x" * (4 * log_filter._WINDOW)), 0))
    assert steps == [None] * 4


def test_events_by_name_and_text():
    block = EventBlock(0.0, "refused", "no valid token")
    assert found("TOKEN", block) == [0]
    assert found("refused", block) == [0]
    assert found("listening", block) == []


def test_a_whole_name_of_client_or_channel_matches_every_row():
    assert found("client-7", lines("a", "b", client="client-7")) == [0, 1]
    assert found("Default", payload(b"q")) == [0]
    assert found("fault", payload(b"q")) == []


def test_a_payload_that_was_let_go_is_searched_by_its_preview():
    log = RingLog(max_payload_bytes=10)
    log.append(lines("keep this preview", "other"))
    block = next(log.blocks(0))
    assert found("THIS", block) == [0]


@pytest.mark.parametrize("text", ["é", "日本"])
def test_other_letters_match_as_they_are(text: str):
    assert found(text, lines("x", f"a{text}b")) == [1]


@given(
    st.lists(st.text(alphabet="abc", max_size=6), min_size=1, max_size=40),
    st.text(alphabet="abcAB", min_size=1, max_size=3),
)
def test_same_as_looking_at_each_line(texts: list[str], text: str):
    window = log_filter._WINDOW
    log_filter._WINDOW = 16
    try:
        assert found(text, lines(*texts)) == [i for i, line in enumerate(texts) if text.lower() in line]
    finally:
        log_filter._WINDOW = window


def test_messages_that_came_together_are_searched_each():
    block = PayloadsBlock(2.5, 1, "a", "text/plain", [b"alpha", b"al", b"pha", b"ALPHABET"], "client-1", "print")
    block.start = 10
    assert found("alpha", block) == [10, 13]
    assert found("alpha", block, 11) == [13]
    assert found("client-1", block) == [10, 11, 12, 13]


def test_messages_kept_together_are_searched_one_by_one():
    log = RingLog()
    for number, data in enumerate((b"alpha", b"beta", b"Alphabet", b"a")):
        log.append(PayloadBlock(1.0, number, f"c/{number}", "text/plain", data, f"client-{number}", "print"))
    (block,) = log.blocks(0)
    gone = block.without_payload(0)
    for kept in (block, gone):
        assert found("ALPHA", kept) == [0, 2]
        assert found("alpha", kept, 1) == [2]
        assert found("c/1", kept) == [1]
        assert found("client-3", kept) == [3]
        assert found("delta", kept) == []
