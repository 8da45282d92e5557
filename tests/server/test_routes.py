"""Requests that are answered together get the answers they get one by one, and leave the same behind."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from helpers import RawClient, data_rows, wait_until
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.channels import Channels
from hdaemon.log import RingLog
from hdaemon.server.client import Client
from hdaemon.server.modes import Modes
from hdaemon.server.recorder import Recorder
from hdaemon.server.routes import Routes
from hdaemon.server.shared import Segments
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.events import Request, Requests
from hdaemon.wire.heads import Head
from hdaemon.wire.limits import Limits


def requests(first: int, bodies: list[bytes], *headers: tuple[str, str], target: str = "/channels/a") -> Requests:
    head = Head("PUT", target, (("host", "h"), ("content-type", "text/plain"), *headers), True, 0, False)
    keys = [b'"me/%d"' % number for number in range(first, first + len(bodies))]
    return Requests(head, keys, [b"%d" % len(body) for body in bodies], bodies)


class Session:
    """What stands behind the routes, and what becomes of it."""

    def __init__(self, max_channels: int = 100) -> None:
        limits = Limits(max_channels=max_channels, max_together_messages=40)
        self.modes = Modes("evaluate", False, lambda *_: None)
        self.log, self.store, self.client = RingLog(), Store(), Client(1, "client-1", "here", "http")
        self.recorder = Recorder(self.log, self.store, Channels(max_channels))
        self.routes = Routes(self.modes, self.recorder, lambda *_: None, dict, limits, Segments(0, 0, 1.0))

    def together(self, run: Requests) -> bytes:
        parts = self.routes.answer_all(self.client, run)
        return self.one_by_one(run) if parts is None else b"".join(map(bytes, parts))

    def one_by_one(self, run: Requests) -> bytes:
        return b"".join(bytes(part) for one in run.each() for part in self.routes.answer(self.client, one))

    def left(self) -> object:
        rows = [
            (row.serial, row.channel, row.content_type, bytes(row.payload), row.mode) for row in data_rows(self.log)
        ]
        stored = {channel: (self.store[channel].message.serial, self.store[channel].data) for channel in self.store}
        infos = [
            (info.channel, info.serial, info.messages, info.bytes, info.size) for info in self.recorder.channels.infos()
        ]
        return rows, stored, infos, self.client.messages, self.recorder.messages, self.store.serial


BODIES = st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=30)
RUNS = st.lists(
    st.tuples(
        st.integers(1, 60), BODIES, st.sampled_from(["a", "b", "%FF", "a%2Bb"]), st.sampled_from(["print", "evaluate"])
    ),
    max_size=6,
)


@given(RUNS, st.integers(1, 3))
def test_the_same_as_one_by_one(runs: list[tuple[int, list[bytes], str, str]], max_channels: int) -> None:
    sessions = Session(max_channels), Session(max_channels)
    for first, bodies, channel, mode in runs:
        for session in sessions:
            session.modes.switch_all(mode, (), "test")
        run = requests(first, bodies, target=f"/channels/{channel}")
        assert sessions[0].together(run) == sessions[1].one_by_one(run)
    assert sessions[0].left() == sessions[1].left()


def test_they_are_one_block() -> None:
    session = Session()
    answers = session.together(requests(1, [b"x"] * 200))
    assert len(list(session.log.blocks(0))) == 1
    assert answers.count(b"HTTP/1.1 200 OK\r\n") == 200


@pytest.mark.parametrize(
    "run",
    [
        requests(1, [b"x"] * 3, target="/mode"),
        requests(1, [b"x"] * 3, target="/channels/%FF"),
        requests(1, [b"x"] * 3, ("content-encoding", "gzip")),
        requests(1, [b"x"] * 3, ("content-type", "text/html")),
        requests(1, [b"x"] * 3, ("idempotency-key", '"another"')),
        requests(1, [b"x"] * 3, ("origin", "https://studio.example")),
        requests(1, [b"x"] * 3, ("hdaemon-segment", "1; bytes=1")),
        requests(1, [b"1 1\nxx"] * 3, ("hdaemon-messages", "2")),
        requests(5, [b"x"] * 3),
        Requests(requests(1, []).head, [b'"same"', b'"same"'], [b"1", b"1"], [b"x", b"y"]),
    ],
)
def test_what_is_answered_one_by_one(run: Requests) -> None:
    session = Session()
    session.together(requests(7, [b"first"]))
    before = session.left()
    assert session.routes.answer_all(session.client, run) is None
    assert session.left() == before


def test_a_full_store_takes_none_of_them() -> None:
    session = Session(max_channels=1)
    session.together(requests(1, [b"x"]))
    assert session.together(requests(2, [b"x"] * 3, target="/channels/b")).count(b"HTTP/1.1 507 ") == 3
    session.modes.switch_all("print", (), "test")
    assert session.together(requests(5, [b"x"] * 3, target="/channels/b")).count(b'"stored": false') == 3


def test_each_can_be_sent_again() -> None:
    session = Session()
    run = requests(1, [b"%d" % number for number in range(50)])
    answers = session.together(run)
    before = session.left()
    (again,) = session.routes.answer(session.client, list(run.each())[20])
    assert answers.split(b"HTTP/1.1")[21] == bytes(again).partition(b"HTTP/1.1")[2]
    other = requests(21, [b"x"], target="/channels/b")
    assert session.together(other).startswith(b"HTTP/1.1 422 ")
    assert session.together(run) == answers
    assert session.left() == before


def several(key: str, bodies: list[bytes], **more: str) -> Request:
    body = b" ".join(b"%d" % len(body) for body in bodies) + b"\n" + b"".join(bodies)
    headers = (("content-type", "text/plain"), ("hdaemon-messages", str(len(bodies))), ("idempotency-key", f'"{key}"'))
    return Request(Head("PUT", "/channels/a", headers + tuple(more.items()), True, len(body), False), body)


def said(session: Session, request: Request) -> tuple[int, dict[str, object]]:
    head, _, body = b"".join(map(bytes, session.routes.answer(session.client, request))).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@given(st.lists(st.binary(max_size=5), min_size=1, max_size=30), st.sampled_from(["print", "evaluate"]))
def test_several_in_one_request_leave_what_so_many_requests_leave(bodies: list[bytes], mode: str) -> None:
    sessions = Session(), Session()
    for session in sessions:
        session.modes.switch_all(mode, (), "test")
    status, answer = said(sessions[0], several("me/1", bodies))
    sessions[1].one_by_one(requests(1, bodies))
    assert sessions[0].left() == sessions[1].left()
    stored = mode == "evaluate"
    count = len(bodies)
    assert answer == {"serial": 1, "channel": "a", "mode": mode, "stored": stored, "messages": count}
    assert status == 200


def test_several_in_one_request_can_be_sent_again() -> None:
    session = Session()
    session.together(requests(1, [b"before"] * 7))
    first = said(session, several("you/1", [b"x", b"yy"]))
    before = session.left()
    assert first[1]["serial"] == 8
    assert said(session, several("you/1", [b"x", b"yy"])) == first
    assert session.left() == before


def test_all_of_a_request_or_nothing() -> None:
    session = Session(max_channels=1)
    session.together(requests(1, [b"x"], target="/channels/b"))
    before = session.left()
    assert said(session, several("me/9", [b"x"] * 5))[0] == 507
    assert said(session, several("me/9", [b"x"] * 41))[0] == 413
    session.modes.switch_all("print", (), "test")
    assert said(session, several("me/9", [b"x"], **{"hdaemon-segment": "1; bytes=1"}))[0] == 400
    assert session.left() == before


def test_end_to_end(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")
    queue = server.store.queue("a")
    client = RawClient(server.host, server.port)
    head = f"PUT /channels/a HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
    ask = f'PUT /mode HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: 7\r\n\r\n"print"'.encode()
    put = [f'{head}Idempotency-Key: "me/{n}"\r\nContent-Length: 4\r\n\r\n{n:04}'.encode() for n in range(300)]
    client.send(b"".join([*put[:200], ask, *put[190:]]))
    wait_until(lambda: len(data_rows(server.log)) == 300)
    client.send(head.encode() + b"Connection: close\r\nContent-Length: 1\r\n\r\nx")
    answers = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in client.read_all().split(b"HTTP/1.1 ")[1:]]
    client.close()
    serials = [answer.get("serial") for answer in answers]
    assert serials == [*range(1, 201), None, *range(191, 302)]
    assert [answer["stored"] for answer in answers if "serial" in answer] == [True] * 210 + [False] * 101
    assert [message.payload for message in queue] == [b"%04d" % n for n in range(200)]
    assert [bytes(row.payload) for row in data_rows(server.log)][:300] == [b"%04d" % n for n in range(300)]
    assert server.messages_received == 301
    assert isinstance(answers[200], dict)
    assert "mode" in answers[200]


def test_one_request_is_one_of_a_run() -> None:
    session = Session()
    (one,) = requests(1, [b"x"]).each()
    assert isinstance(one, Request)
    assert (one.head.get("idempotency-key"), one.head.length, one.head.get("content-length")) == ('"me/1"', 1, "1")
    assert session.routes.answer(session.client, one)
