"""`hdaemon.client` and servers that break off or stop: what is kept, sent again and given up."""

from __future__ import annotations

import re
import socket
import threading

import pytest
from client_fakes import Connection, Script, number_of, serving, until_end
from hypothesis import given, settings
from hypothesis import strategies as st

from hdaemon.client import Client, Disconnected

Seen = list[tuple[int, bytes]]


def breaking(after: list[int], seen: list[Seen]) -> Script:
    """A server that acknowledges `after[i]` messages on its i-th connection and then breaks off; then all of them."""

    def script(connection: Connection) -> None:
        connection.hello()
        mine: Seen = []
        seen.append(mine)
        most = after[connection.number - 1] if connection.number <= len(after) else 10**9
        while len(mine) < most:
            _, _, headers, body = connection.request()
            mine.append((number_of(headers), body))
            connection.acknowledge(100 * connection.number + len(mine))

    return script


@settings(max_examples=25)
@given(st.lists(st.integers(0, 30), max_size=4), st.integers(1, 12), st.booleans())
def test_what_is_not_acknowledged_is_sent_again_in_order(after: list[int], window: int, large: bool) -> None:
    seen: list[Seen] = []
    fill = b"." * (100_000 if large else 0)
    with serving(breaking(after, seen)) as port:
        with Client(port=port, window=window, reconnect_s=20) as client:
            acks = [client.send(b"%d" % number + fill) for number in range(60)]
            assert client.flush().count == 60
    handed_over = [item for connection in seen for item in connection]
    numbers = [number for number, _ in handed_over]
    # The connection was closed after its last acknowledgement, so each was read by the client or lost with the reset:
    # with the rule of the keys, what is left is each message once, in order.
    once = [item for i, item in enumerate(handed_over) if item[0] not in numbers[:i]]
    assert once == [(number + 1, b"%d" % number + fill) for number in range(60)]
    for connection in seen:  # each begins with the oldest that was not acknowledged, and leaves none out
        first = connection[0][0] if connection else 0
        assert [number for number, _ in connection] == list(range(first, first + len(connection)))
    assert all(ack.serial for ack in acks)


def test_an_acknowledged_message_is_not_sent_again() -> None:
    seen: list[Seen] = []
    with serving(breaking([3], seen)) as port, Client(port=port) as client:
        for text in ("a", "b", "c"):
            client.send(text, wait=True)
        client.send("d", wait=True)
    assert seen == [[(1, b"a"), (2, b"b"), (3, b"c")], [(4, b"d")]]


def test_a_server_that_does_not_come_back(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str]] = []
    broken = threading.Event()

    def script(connection: Connection) -> None:
        connection.hello()
        connection.request()
        connection.acknowledge(1)
        connection.request()
        broken.set()

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    client = Client(port=port, reconnect_s=0.2, on_event=lambda event, text: told.append((event, text)))
    with serving(script, listener):
        client.send("one", wait=True)
        client.send("two")
        assert broken.wait(10)
    with pytest.raises(
        Disconnected, match=r"was lost: .* refused the connection.*; 1 messages are not acknowledged, and kept"
    ):
        client.flush()
    with pytest.raises(Disconnected):
        client.send("three")  # it was not taken
    assert client.unacknowledged == 1
    assert [event for event, _ in told] == ["connected", "lost"]
    assert re.search("the connection to .* broke: .*; it is made again", caplog.text)
    seen: list[Seen] = []
    with serving(breaking([], seen), socket.create_server(("127.0.0.1", port))):
        client.send("four")
        assert client.flush().count == 3
        client.close()
    assert seen == [[(2, b"two"), (3, b"four")]]
    assert told[-1] == ("reconnected", f"reconnected to 127.0.0.1:{port}; 1 messages are sent again")


def test_what_is_not_acknowledged_can_be_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        connection.request()
        connection.acknowledge(1)
        until_end(connection)

    with serving(script) as port, Client(port=port) as client:
        client.send("one", wait=True)
        client.send("two")
        assert client.discard() == 1
        assert client.unacknowledged == 0
        assert client.flush().count == 1


def test_a_server_that_always_breaks_off_is_given_up() -> None:
    def script(connection: Connection) -> None:
        connection.hello()
        connection.request()

    with serving(script) as port:
        client = Client(port=port, reconnect_s=0.3)
        with pytest.raises(Disconnected, match="was lost"):
            client.send("x", wait=True)
        assert client.unacknowledged == 0
