"""Any bytes, for every parser: only documented exceptions, no hang, bounded memory, and the same however they are cut.

The examples are random bytes, and the files of corpus/ cut, doubled, spliced and with bits turned. `nox -s tests` tries
some dozens a parser, `nox -s hostile` 10,000. What is promised of each parser is in parsers.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hostile.parsers import CORPUS, MAX_S, PARSERS, Parser, check_all, check_memory, check_time, warm_up
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("HDAEMON_HOSTILE_EXAMPLES", "40"))

MAX_CHANGES = 6
FILES = {name: [file.read_bytes() for file in sorted((CORPUS / name).iterdir())] for name in PARSERS}

examples = settings(
    max_examples=EXAMPLES,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@st.composite
def hostile_bytes(draw: st.DrawFn, name: str) -> bytes:
    """Return random bytes, or a file of the parser's corpus with some changes."""
    if draw(st.integers(0, 7)) == 7:
        return draw(st.binary(max_size=300))
    files = FILES[name]
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(0, MAX_CHANGES))):
        change = draw(st.integers(0, 6))
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 40))
        if change == 0:  # cut off
            del data[at:]
        elif change == 1:  # left out
            del data[at : at + size]
        elif change == 2:  # doubled
            data[at:at] = data[at : at + size] * draw(st.integers(1, 20))
        elif change == 3 and at < len(data):  # a bit turned
            data[at] ^= 1 << size % 8
        elif change == 4 and at < len(data):  # another byte
            data[at] = draw(st.sampled_from(b"\0\x01\x7f\x80\xff\r\n\"' ,:[]{}09"))
        elif change == 5:  # spliced with another one
            other = draw(st.sampled_from(files))
            data[at:] = other[draw(st.integers(0, len(other))) :]
        elif change == 6:  # some new bytes, or a word of the format
            words = PARSERS[name].tokens
            data[at:at] = draw(st.sampled_from(words)) if words and size % 2 else draw(st.binary(max_size=9))
    return bytes(data)


@pytest.mark.parametrize("file", [f"{file.parent.name}/{file.name}" for file in sorted(CORPUS.glob("*/*"))])
def test_what_was_found_before(file: str) -> None:
    PARSERS[file.partition("/")[0]].check((CORPUS / file).read_bytes())


@pytest.mark.parametrize("name", PARSERS)
def test_any_bytes(name: str) -> None:
    warm_up(name)  # what is imported at the first input of a kind takes longer than any input may

    @examples
    @given(hostile_bytes(name))
    def check(data: bytes) -> None:
        check_time(PARSERS[name], data)

    check()


@pytest.mark.parametrize("name", PARSERS)
def test_memory_is_bounded_by_the_input(name: str) -> None:
    parser = PARSERS[name]
    warm_up(name)

    @settings(examples, max_examples=max(10, EXAMPLES // 10))
    @given(hostile_bytes(name))
    def check(data: bytes) -> None:
        check_memory(parser, data)

    check()


def busy(_: bytes) -> None:
    """Take longer than is allowed, of the processor's time."""
    until = time.thread_time() + MAX_S
    while time.thread_time() < until:
        pass


@pytest.mark.parametrize(
    ("parser", "said"),
    [
        (Parser(busy, len, 1), "s for 3 bytes"),
        (Parser(len, lambda data: bytes(5_000_000), 1), "bytes of memory for 3"),
        (Parser(lambda data: {}[data], len, 1), "abc"),
    ],
)
def test_what_is_wrong_is_seen(parser: Parser, said: str) -> None:
    """By hypothesis and by the fuzzer: a parser that is slow, one that is greedy, one that raises."""
    with pytest.raises((AssertionError, KeyError), match=said):
        check_all(parser, b"abc")


def test_every_folder_of_the_corpus_has_its_parser() -> None:
    assert sorted(PARSERS) == sorted(entry.name for entry in CORPUS.iterdir())
    assert sum(file.stat().st_size for file in Path(CORPUS).rglob("*")) < 400_000
