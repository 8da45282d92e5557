"""The raw door: any bytes, cut anywhere, give the same messages."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from raw_scripts import SILENCE, Script, cut_up, flat, make, ones, run, texts

from hdaemon.errors import UsageError
from hdaemon.wire import raw
from hdaemon.wire.events import Lines, ModeWord, Payload, Refused

# -- lines --------------------------------------------------------------------------------------------------


def test_lines_with_both_ends() -> None:
    door = make()
    assert flat(door.feed(b"one\ntwo\r\n\nthr")) == texts(b"one", b"two", b"")
    assert door.waiting
    assert flat(door.feed(b"ee\n")) == texts(b"three")
    assert not door.waiting
    assert door.end() == []


def test_one_event_for_many_lines() -> None:
    data = b"line\n" * 1000
    assert make().feed(data) == [Lines(data, 1000)]


def test_a_part_without_line_end_is_delivered_after_silence_and_at_the_end() -> None:
    door = make()
    assert door.feed(b"Hellow Houdini, I am your father") == []
    assert flat(door.silence()) == texts(b"Hellow Houdini, I am your father")
    assert not door.waiting
    door.feed(b"again")
    assert flat(door.end()) == texts(b"again")
    assert door.feed(b"too late\n") == []


@pytest.mark.parametrize(
    "late",
    [
        [b"\n"], [b"\r\n"], [b"\r", b"\n"], [b"\r", SILENCE, b"\n"],
    ],
)  # fmt: skip
def test_a_late_line_end_belongs_to_the_part_before_it(late: Script) -> None:
    assert run(make(), [b"part", SILENCE, *late, b"next\n"]) == texts(b"part", b"next")


def test_a_part_cut_between_the_halves_of_its_line_end() -> None:
    assert run(make(), [b"part\r", SILENCE, b"\n", b"next\n"]) == texts(b"part", b"next")


def test_only_one_late_line_end_belongs_to_it() -> None:
    assert run(make(), [b"part", SILENCE, b"\n\n"]) == texts(b"part", b"")
    assert run(make(), [b"part", SILENCE, b"next", SILENCE, b"\n"]) == texts(b"part", b"next")
    assert run(make(), [b"part", SILENCE, b"\rx\n"]) == texts(b"part", b"\rx")
    assert run(make(), [b"part\n", SILENCE, b"\n"]) == texts(b"part", b"")


def test_utf8_split_across_packets() -> None:
    data = "grüße 🎈 日本語\n".encode() * 3
    assert run(make(), cut_up([data], ones())) == texts(*["grüße 🎈 日本語".encode()] * 3)


# -- words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", raw.FRAMINGS)
@pytest.mark.parametrize("word", ["print", "evaluate"])
def test_a_word_alone(framing: str, word: str) -> None:
    assert run(make(framing), [word.encode(), SILENCE]) == [word]
    assert run(make(framing), cut_up([word.encode()], ones())) == [word]


def test_words_among_lines() -> None:
    data = b"evaluate\na\nprint\r\nprint\nevaluate it\n evaluate\nevaluate \nPrint\nprint"
    expected = [
        "evaluate",
        *texts(b"a"),
        "print",
        "print",
        *texts(b"evaluate it", b" evaluate", b"evaluate ", b"Print"),
    ]
    assert run(make(), [data]) == [*expected, "print"]
    assert run(make(), cut_up([data], ones())) == [*expected, "print"]


def test_a_word_with_a_late_line_end() -> None:
    assert run(make(), [b"evaluate", SILENCE, b"\n", b"a\n"]) == ["evaluate", *texts(b"a")]
    assert run(make(), [b"evaluate\r", SILENCE, b"\n", b"a\n"]) == ["evaluate", *texts(b"a")]


def test_in_a_burst_only_the_whole_message_is_a_word() -> None:
    assert run(make("burst"), [b"print\nevaluate\n"]) == texts(b"print\nevaluate\n")
    assert run(make("burst"), [b"print", SILENCE, b"x", SILENCE, b"evaluate"]) == ["print", *texts(b"x"), "evaluate"]


# -- bursts -------------------------------------------------------------------------------------------------


def test_a_burst_is_one_message_line_ends_and_all() -> None:
    door = make("burst")
    assert door.feed(b"one\ntwo\r\n") == []
    assert door.feed(b"\nthree") == []
    assert flat(door.silence()) == texts(b"one\ntwo\r\n\nthree")
    assert flat([*door.feed(b"\n"), *door.silence()]) == texts(b"\n"), "no late line ends here"


def test_a_burst_of_bytes() -> None:
    assert run(make("burst"), [b"a\n\0b", SILENCE, b"text"]) == [
        ("application/octet-stream", b"a\n\0b"),
        *texts(b"text"),
    ]


def test_framing_may_be_changed() -> None:
    door = make()
    assert flat(door.feed(b"a\n")) == texts(b"a")
    door.framing = "burst"
    assert flat([*door.feed(b"b\nc\n"), *door.silence()]) == texts(b"b\nc\n")
    door.framing = "lines"
    assert flat(door.feed(b"d\n")) == texts(b"d")


def test_a_framing_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="'packets' does not exist"):
        make("packets")


# -- bytes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [b"\0", b"\xff", b"a\0b", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_the_first_line_that_is_not_text_begins_bytes(wrong: bytes) -> None:
    script: Script = [b"one\ntwo\n" + wrong + b"\nthree\nprint\n", SILENCE, b"four\n"]
    expected = [
        *texts(b"one", b"two"),
        ("application/octet-stream", wrong + b"\nthree\nprint\n"),
        *texts(b"four"),
    ]
    assert run(make(), script) == expected
    assert run(make(), cut_up(script, ones())) == expected


def test_bytes_without_any_line_end() -> None:
    assert run(make(), [bytes(range(11, 256))]) == [("application/octet-stream", bytes(range(11, 256)))]


# -- any bytes, cut anywhere --------------------------------------------------------------------------------

_interesting = st.sampled_from(
    [
        b"\n", b"\r\n", b"\r", b"print", b"evaluate", b"print\n", b"\nevaluate\r\n", b"\0", b"\xff", "é".encode(),
        "🎈".encode(), b"\xc3", b"GET / HTTP/1.1", b"\nHost: a", b"Host:", b"\x16\x03\x01\x00", b"x" * 30, b"",
    ]
)  # fmt: skip
_data = st.lists(st.one_of(_interesting, st.binary(max_size=6), st.text(max_size=4).map(str.encode)), max_size=12).map(
    b"".join
)
_script = st.lists(st.one_of(_data, _data, st.just(SILENCE)), min_size=1, max_size=8)


@settings(max_examples=400)
@given(_script, st.sampled_from(raw.FRAMINGS), st.data())
@example([b"a\r", SILENCE, b"\r\n\n"], "lines", None)
@example([b"\r", SILENCE, b"\r", SILENCE, b"\n"], "lines", None)
def test_where_it_is_cut_makes_no_difference(script: Script, framing: str, data: st.DataObject | None) -> None:
    whole = run(make(framing), script)
    assert run(make(framing), cut_up(script, ones())) == whole
    if data is not None:
        sizes = iter(lambda: data.draw(st.integers(1, 9)), 0)
        assert run(make(framing), cut_up(script, sizes)) == whole


@settings(max_examples=200)
@given(st.lists(st.text().map(str.encode), max_size=10), st.booleans(), st.randoms(use_true_random=False))
def test_text_comes_back_whole(pieces: list[bytes], windows: bool, random: object) -> None:
    """Payloads and their line ends, put together, are what was sent."""
    ending = b"\r\n" if windows else b"\n"
    clean = [piece.replace(b"\0", b"").replace(b"\n", b"").replace(b"\r", b"") + b"." for piece in pieces]
    sent = ending.join([*clean, b""])
    got = run(make(), cut_up([sent], iter(lambda: random.randint(1, 7), 0)))  # type: ignore[attr-defined]
    assert b"".join(payload + ending for _, payload in got) == sent  # type: ignore[misc]


@settings(max_examples=200)
@given(_script.map(lambda script: [step for step in script if step is not SILENCE]), st.sampled_from(raw.FRAMINGS))
def test_nothing_is_lost(script: Script, framing: str) -> None:
    """Whatever came is in the events, byte for byte, unless a word was taken out or the client was refused."""
    sent = b"".join(step for step in script if step is not None)
    door = make(framing)
    events = [event for step in cut_up([sent], iter(lambda: 3, 0)) for event in door.feed(step or b"")]
    events += door.end()
    if any(isinstance(event, (Refused, ModeWord)) for event in events):
        return
    got = b"".join(event.data for event in events if isinstance(event, (Lines, Payload)))
    assert got in (sent, sent.removesuffix(b"\r")), "a last CR is half of a line end"


@settings(max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=40), _data, st.just(SILENCE)), max_size=10), st.sampled_from(raw.FRAMINGS))
def test_within_a_small_limit_too(script: Script, framing: str) -> None:
    """No exception, nothing larger than the limit, nothing after a refusal, however it is cut."""
    limit = 20
    for pieces in (script, cut_up(script, ones())):
        items = run(make(framing, max_raw_message_bytes=limit), pieces)
        assert all(len(item[1]) <= limit for item in items if type(item) is tuple)
        assert not any(isinstance(item, Refused) for item in items[:-1])
