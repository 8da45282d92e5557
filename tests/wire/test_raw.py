"""The raw door: any bytes, cut anywhere, give the same messages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hdaemon.errors import UsageError
from hdaemon.wire import raw
from hdaemon.wire.events import Event, Lines, ModeWord, Payload, Refused
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import RawDoor

SILENCE = None
"""In a script: nothing comes for a while."""

Script = list["bytes | None"]

HTTP_REQUEST = b"POST /channels/x HTTP/1.1\r\nHost: 127.0.0.1:2000\r\nContent-Length: 2\r\n\r\nhi"
TLS_HELLO = b"\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03" + bytes(range(64))


def flat(events: Iterable[Event]) -> list[object]:
    """Return one item a message, so that it does not matter how lines were grouped."""
    items: list[object] = []
    for event in events:
        if isinstance(event, Lines):
            assert event.data.endswith(b"\n")
            assert event.data.count(b"\n") == event.count
            assert b"\0" not in event.data
            event.data.decode()
            items += [("text/plain", line.removesuffix(b"\r")) for line in event.data.split(b"\n")[:-1]]
        elif isinstance(event, Payload):
            items.append((event.content_type, event.data))
        elif isinstance(event, ModeWord):
            items.append(event.mode)
        else:
            items.append(event)
    return items


def run(door: RawDoor, script: Script, *, end: bool = True) -> list[object]:
    events: list[Event] = []
    for step in script:
        events += door.silence() if step is SILENCE else door.feed(step)
    if end:
        events += door.end()
    return flat(events)


def texts(*payloads: bytes) -> list[object]:
    return [("text/plain", payload) for payload in payloads]


def make(framing: str = "lines", token: str | None = None, **limits: int) -> RawDoor:
    return RawDoor(Limits(**limits), framing, token)  # type: ignore[arg-type]


def cut_up(script: Script, sizes: Iterator[int]) -> Script:
    """Cut every piece of `script` into pieces of these sizes."""
    pieces: Script = []
    for step in script:
        if step is SILENCE:
            pieces.append(SILENCE)
            continue
        while step:
            size = next(sizes)
            pieces.append(step[:size])
            step = step[size:]
    return pieces


def ones() -> Iterator[int]:
    while True:
        yield 1


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
        assert all(len(item[1]) <= limit for item in items if isinstance(item, tuple))
        assert not any(isinstance(item, Refused) for item in items[:-1])


# -- limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"", b"\r"])
@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_exactly_the_limit_is_taken_and_one_byte_more_is_not(framing: str, end: bytes, cut: int) -> None:
    counted = len(end) if framing == "burst" else 0  # in a burst the line end is part of the message
    exact = b"x" * (50 - counted) + end
    message = exact if framing == "burst" else exact.rstrip()
    door = make(framing, max_raw_message_bytes=50)
    assert run(door, cut_up([exact], iter(lambda: cut, 0))) == texts(message)
    door = make(framing, max_raw_message_bytes=50)
    (refused,) = run(door, cut_up([b"x" + exact], iter(lambda: cut, 0)))
    assert isinstance(refused, Refused)
    assert "larger than the limit of 50 bytes" in refused.reason
    assert "max_raw_message_bytes" in refused.reason
    assert refused.reply.startswith(b"hdaemon: refused: ")
    assert refused.reply.endswith(b"\n")
    assert door.feed(b"more\n") == []
    assert door.silence() == []
    assert door.end() == []
    assert not door.waiting


@pytest.mark.parametrize("tail", [b"\0", b"\r"])
def test_the_limit_holds_for_bytes(tail: bytes) -> None:
    door = make(max_raw_message_bytes=50)
    assert run(door, [b"\0" * 49 + tail]) == [("application/octet-stream", b"\0" * 49 + tail)]
    door = make(max_raw_message_bytes=50)
    (refused,) = run(door, [b"\0" * 50 + tail])
    assert isinstance(refused, Refused)


@pytest.mark.parametrize("cut", [1, 1000])
def test_lines_before_one_that_is_too_large_are_kept(cut: int) -> None:
    script: Script = [b"a\nb\r\n" + b"x" * 51 + b"\nc\n"]
    items = run(make(max_raw_message_bytes=50), cut_up(script, iter(lambda: cut, 0)))
    assert items[:-1] == texts(b"a", b"b")
    assert isinstance(items[-1], Refused)


def test_many_lines_together_may_be_larger_than_the_limit() -> None:
    assert len(run(make(max_raw_message_bytes=5), [b"12345\n" * 100])) == 100


# -- the token ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 5, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_right_token(end: bytes, cut: int) -> None:
    door = make(token="sécret")
    assert not door.admitted
    script: Script = ["token sécret".encode() + end + b"hello\n"]
    assert run(door, cut_up(script, iter(lambda: cut, 0))) == texts(b"hello")
    assert door.admitted


@pytest.mark.parametrize(
    "first", [b"token wrong\n", b"hello\n", b"\n", b"TOKEN secret\n", b"token secret \n", b"\xff\n"]
)
def test_a_wrong_token(first: bytes) -> None:
    door = make(token="secret")
    (refused,) = run(door, [first + b"token secret\nhello\n"])
    assert isinstance(refused, Refused)
    assert "token" in refused.reason
    assert b"secret" not in refused.reply
    assert not door.admitted


def test_nothing_counts_before_the_token() -> None:
    door = make(token="secret")
    assert run(door, [b"hello", SILENCE, b" world", SILENCE], end=False) == []
    assert not door.waiting
    assert door.end() == []


def test_a_token_line_has_a_limit() -> None:
    door = make(token="secret", max_token_line_bytes=100)
    assert door.feed(b"x" * 100) == []
    (refused,) = door.feed(b"x")
    assert isinstance(refused, Refused)
    assert door.feed(b"\ntoken secret\n") == []


def test_a_browser_at_a_door_with_a_token() -> None:
    (refused,) = run(make(token="secret"), [HTTP_REQUEST])
    assert isinstance(refused, Refused)
    assert "HTTP" in refused.reason


# -- what must not get through ------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", raw.FRAMINGS)
@pytest.mark.parametrize(
    "data",
    [
        HTTP_REQUEST, b"GET / HTTP/1.0\r\n\r\n", b"OPTIONS * HTTP/1.1\n\n", b"PRI * HTTP/2\r\n\r\n", b"GET / HTTP/1.1",
        b"Host: 127.0.0.1\r\n", b"hOST:x\n",
    ],
)  # fmt: skip
def test_an_http_client_is_refused_before_any_of_it_counts(framing: str, data: bytes) -> None:
    for script in ([data, SILENCE], cut_up([data], ones())):
        (refused,) = run(make(framing), script)
        assert isinstance(refused, Refused)
        assert "web page" in refused.reason
        assert refused.reply.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_a_host_header_after_other_lines(framing: str) -> None:
    items = run(make(framing), [b"GETX\na\r\nHost: localhost\r\nb\n"])
    assert isinstance(items[-1], Refused)
    assert items[:-1] == (texts(b"GETX", b"a") if framing == "lines" else [])


@pytest.mark.parametrize(
    "data", [b"GET the door\n", b"Hostess: x\n", b"a Host: b\n", b"get / HTTP/1.1\n", b"AB / HTTP/1.1\n"]
)
def test_what_only_looks_like_it_is_text(data: bytes) -> None:
    assert run(make(), [data]) == texts(data[:-1])


@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_a_tls_hello_closes(framing: str) -> None:
    (refused,) = run(make(framing), [TLS_HELLO, SILENCE])
    assert isinstance(refused, Refused)
    assert "TLS" in refused.reason


def test_bytes_that_begin_like_tls_later_are_bytes() -> None:
    assert run(make(), [b"a\n", SILENCE, TLS_HELLO])[1] == ("application/octet-stream", TLS_HELLO)


# -- work ---------------------------------------------------------------------------------------------------


class _Work:
    """Counts the bytes the door's own look-ups go over."""

    def __init__(self) -> None:
        self.bytes = 0


def counted(work: _Work) -> type[bytes]:
    class Counted(bytes):
        def rfind(self, *args: object) -> int:  # type: ignore[override]
            work.bytes += len(self)
            return super().rfind(*args)  # type: ignore[arg-type]

        def __getitem__(self, key: object) -> object:  # type: ignore[override]
            part = super().__getitem__(key)  # type: ignore[index]
            work.bytes += len(part) if isinstance(part, bytes) else 1
            return part

    return Counted


@pytest.mark.parametrize("framing", raw.FRAMINGS)
def test_a_long_line_is_not_looked_at_again_for_every_packet(framing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 MB without a line end, in pieces of 1 KB: each byte is looked at a few times, not 30,000 times."""
    work = _Work()
    piece = counted(work)(b"x" * 1024)
    texts_checked = []
    real_is_text = raw.is_text
    monkeypatch.setattr(raw, "is_text", lambda data: texts_checked.append(len(data)) or real_is_text(data))
    door = make(framing)
    takes = []
    real_take = RawDoor._take
    monkeypatch.setattr(RawDoor, "_take", lambda self: takes.append(self._held) or real_take(self))
    total = 30_000 * 1024
    calls = 0

    def count_calls(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count_calls)
    try:
        for _ in range(30_000):
            assert door.feed(piece) == []
    finally:
        sys.setprofile(None)
    events = [*door.feed(b"\n"), *door.silence()]
    whole = total if framing == "lines" else total + 1  # a long line comes by itself, without its end
    assert [len(event.data) for event in events if isinstance(event, (Lines, Payload))] == [whole]
    assert work.bytes <= 3 * total, "slices and searches of what came"
    assert sum(takes) <= 2 * (total + 1), "joined once"
    assert sum(texts_checked) <= 2 * (total + 1), "decoded once"
    assert calls < 30_000 * 30, "the same few steps for every piece"


def test_tiny_packets_are_not_kept_one_by_one() -> None:
    door = make()
    for _ in range(20_000):
        assert door.feed(b"ab") == []
    assert len(door._parts) < 20
    assert flat(door.silence()) == texts(b"ab" * 20_000)


def test_a_request_line_of_any_length_closes_the_connection() -> None:
    line = b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n"
    (event,) = make().feed(line + b"evaluate\n")
    assert isinstance(event, Refused)


def test_a_buffer_that_is_used_again_changes_nothing_that_was_delivered() -> None:
    buffer = bytearray(1 << 16)
    view = memoryview(buffer)
    door = RawDoor(Limits())
    stream = b"".join(b"%d %s\n" % (number, b"x" * (number * 37 % 5000)) for number in range(200)) + b"\0tail"
    events, at = [], 0
    while at < len(stream):
        part = stream[at : at + 1 + at % len(buffer)]
        view[: len(part)] = part
        events += door.feed(view[: len(part)])
        view[: len(part)] = b"?" * len(part)
        at += len(part)
    events += door.end()
    assert all(isinstance(event.data, bytes) for event in events if isinstance(event, (Lines, Payload)))
    assert b"".join(event.data for event in events if isinstance(event, (Lines, Payload))) == stream


MADE = b"token " + b"Ab3-_" * 8 + b"xyz"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("framing", ["lines", "burst"])
@pytest.mark.parametrize("token", [None, MADE[6:].decode()])
def test_a_token_that_is_shown_unasked_is_no_data(end: bytes, framing: str, token: str | None) -> None:
    before = MADE + end if token else b""
    for script in ([before + MADE + end + b"hello"], [before, MADE, end, b"hel", b"lo"]):
        assert run(make(framing, token), script) == [("text/plain", b"hello")]
    assert run(make(framing, token), [before + MADE]) == []


@pytest.mark.parametrize(
    "line", [b"token of my esteem", MADE[:-1], MADE + b"x", MADE + b" x", b"x" + MADE, b"token  " + MADE[6:]]
)
def test_what_only_looks_like_a_token_is_data(line: bytes) -> None:
    assert run(make(), [line + b"\n"]) == [("text/plain", line)]
    assert run(make(), [line]) == [("text/plain", line)]


def test_later_lines_are_data() -> None:
    assert run(make(), [b"a\n" + MADE + b"\n"]) == [("text/plain", b"a"), ("text/plain", MADE)]


# -- long messages -------------------------------------------------------------------------------------------------

LONG = raw._LONG_PART


def long_door(framing: str = "lines") -> tuple[RawDoor, list[int]]:
    """Return a door, and the sizes of what it has had joined."""
    joined: list[int] = []
    return RawDoor(Limits(), framing, join=lambda p: joined.append(sum(map(len, p))) or memoryview(b"".join(p))), joined


def fed(door: RawDoor, data: bytes, piece: int = 256 * 1024) -> list[object]:
    events: list[object] = []
    for begin in range(0, len(data), piece):
        events += door.feed(memoryview(data)[begin : begin + piece])
    return events


@pytest.mark.parametrize("piece", [1000, 256 * 1024 - 7])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_long_line_comes_by_itself_joined_by_others(end: bytes, piece: int) -> None:
    door, joined = long_door()
    long = "ä".encode() * (LONG // 2 + 1000)
    events = fed(door, b"before\n" + long + end + b"after\nlast\n", piece)
    (part,) = (event for event in events if isinstance(event, Payload))
    assert part.content_type == "text/plain"
    assert bytes(part.data) == long
    assert memoryview(part.data).readonly
    assert joined == [len(long) + len(end)]
    assert flat(events) == texts(b"before", long, b"after", b"last")


def test_a_line_of_a_megabyte_stays_a_block() -> None:
    door, joined = long_door()
    line = b"x" * (LONG - 1) + b"\n"
    assert fed(door, line + line) == [Lines(line, 1), Lines(line, 1)]
    assert not joined


@pytest.mark.parametrize("bad", [b"\0", b"\xff"])
def test_a_long_line_that_is_not_text_is_bytes_until_silence(bad: bytes) -> None:
    door, joined = long_door()
    data = b"x" * LONG + bad + b"x" * LONG + b"\nprint\n"
    assert fed(door, data) == []
    (part,) = door.silence()
    assert isinstance(part, Payload)
    assert (part.content_type, bytes(part.data)) == ("application/octet-stream", data)
    assert joined == [len(data)]


def test_a_long_request_line_is_refused() -> None:
    door, _ = long_door()
    (refused,) = fed(door, b"xx\nGET /" + b"a" * LONG + b" HTTP/1.1\r\nprint\n")[1:]
    assert isinstance(refused, Refused)
    assert door.feed(b"more\n") == []


def test_a_long_burst_is_one_message_joined_by_others() -> None:
    door, joined = long_door("burst")
    data = b"line\n" * LONG
    assert fed(door, data) == []
    (part,) = door.end()
    assert isinstance(part, Payload)
    assert bytes(part.data) == data
    assert joined == [len(data)]
