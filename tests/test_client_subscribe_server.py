"""`Client.subscribe` against a real server."""

from __future__ import annotations

import socket
from collections.abc import Callable

import numpy
import pytest
from helpers import wait_until

from hdaemon.client import Client, Message, Rejected, Timeout, Unauthorized
from hdaemon.server.thread import HPythonServer
from hdaemon.wire.limits import Limits


def test_a_channel_of_a_server(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")
    with Client(server.host, server.port) as client:
        client.send("before", "maya/body", wait=True)
        with client.subscribe("maya/body", timeout_s=10) as subscription:
            first = next(subscription)
            client.send(numpy.arange(100_000), "maya/body")
            client.send("elsewhere", "maya/head")
            ack = client.send({"x": 1}, "maya/body", wait=True)
            second, third = next(subscription), next(subscription)
    assert (first.data, first.stored) == ("before", True)
    assert (second.content_type, second.data.sum()) == ("application/x-npy", 4999950000)
    assert (third.data, third.serial, third.channel, third.content_type) == (
        *({"x": 1}, ack.serial),
        *("maya/body", "application/json"),
    )
    assert isinstance(third, Message)
    assert third.time is not None
    assert third.client.startswith("client-")
    wait_until(lambda: not server.clients, "closed on both sides")


def test_a_filter(server: HPythonServer) -> None:
    with Client(server.host, server.port) as client, client.subscribe("maya/+/#", timeout_s=10) as subscription:
        for channel in ("maya/a", "maya", "blender/a/b", "maya/a/b/c"):
            client.send(channel, channel)
        client.flush()
        got = [next(subscription) for _ in range(2)]
    assert [(message.channel, message.data) for message in got] == [("maya/a", "maya/a"), ("maya/a/b/c", "maya/a/b/c")]


def test_a_filter_that_is_none(server: HPythonServer) -> None:
    with pytest.raises(Rejected) as caught:
        Client(server.host, server.port).subscribe("maya/#/x")
    assert caught.value.status == 400


def test_token(start_server: Callable[..., HPythonServer], as_another_user: Callable[[], None]) -> None:
    server = start_server(token="s3cret", mode="evaluate")
    as_another_user()
    with pytest.raises(Unauthorized):
        Client(server.host, server.port).subscribe("a")
    with Client(server.host, server.port, token="s3cret") as client:
        client.send("x", "a", wait=True)
        with client.subscribe("a", timeout_s=10) as subscription:
            assert next(subscription).data == "x"


def test_a_server_that_starts_again(start_server: Callable[..., HPythonServer]) -> None:
    server = start_server(mode="evaluate")
    client = Client(server.host, server.port, reconnect_s=20)
    with client, client.subscribe("a", timeout_s=10) as subscription:
        client.send("one", "a", wait=True)
        assert next(subscription).data == "one"
        server.stop()
        start_server(mode="evaluate", port=server.port)
        with pytest.raises(Timeout):
            subscription.receive(0.3)  # it is subscribed again; the newest was seen
        client.send("two", "a", wait=True)
        assert next(subscription).data == "two"


def test_a_slow_subscriber_is_told_and_comes_back(start_server: Callable[..., HPythonServer]) -> None:
    told: list[tuple[str, str]] = []
    server = start_server(mode="evaluate", limits=Limits(max_queued_bytes=100_000))
    client = Client(server.host, server.port, on_event=lambda event, text: told.append((event, text)))
    with client, client.subscribe("a", timeout_s=10) as subscription:
        for number in range(300):
            client.send(b"%3d" % number + b"x" * 100_000, "a")
        client.flush()
        newest = -1
        while newest < 299:
            newest = int(next(subscription).payload[:3])
    assert any(event == "lost" and "1013" in text and "too slowly" in text for event, text in told), told


def test_an_ipv6_server(start_server: Callable[..., HPythonServer]) -> None:
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    try:
        server = start_server(host="::1")
    except OSError:
        pytest.skip("there is no ::1 here")
    with Client("::1", server.port) as client, client.subscribe("a", timeout_s=10) as subscription:
        client.send("x", "a", wait=True)
        assert next(subscription).data == "x"
