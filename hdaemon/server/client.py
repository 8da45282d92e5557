"""`Client`: what the server knows of one connection, for the panel and for code; and `Connection`, its socket."""

from __future__ import annotations

import selectors
import socket
import time
from typing import NamedTuple

from hdaemon.filters import ChannelFilter
from hdaemon.server.outbox import Outbox
from hdaemon.wire.events import Door
from hdaemon.wire.frames import WEBSOCKET

__all__ = ["Client", "Connection", "Subscription"]


class Client:
    """One connection, as it can be read from any thread. The server thread counts; nobody else writes.

    Attributes:
        id: its number, from 1, never used again by the same server.
        name: what the log and the messages call it.
        address: ``HOST:PORT`` of the other end.
        connected_at: seconds since the epoch.
        messages, bytes: received from it.
        own_mode: the mode it or the artist chose for it; None while it follows the server's.
        framing: how its raw bytes are cut into messages, ``"lines"`` or ``"burst"``; ``"http"`` for requests,
            ``"websocket"`` for a WebSocket.
    """

    __slots__ = ("address", "bytes", "connected_at", "framing", "id", "messages", "name", "own_mode")

    def __init__(self, id: int, name: str, address: str, framing: str) -> None:
        self.id, self.name, self.address, self.framing = id, name, address, framing
        self.connected_at = time.time()
        self.messages = self.bytes = 0
        self.own_mode: str | None = None


class Subscription(NamedTuple):
    """What a subscriber is sent: every message of the channels in `wanted`; with `heads`, each with what it is."""

    wanted: ChannelFilter
    heads: bool


class Connection:
    """A client's socket and door; belongs to the server thread.

    Attributes:
        deadline: when something is due, on the monotonic clock: the silence that ends a burst, the time to show
            a token, or the end of lingering; None while nothing is.
        stalls_at: when it has read nothing for too long, on the same clock; None while nothing waits for it.
        refused: nothing more is taken from it: what comes is thrown away until the deadline.
        held: what is put into `out` is not sent at once, as more may follow.
        awaited: what the selector waits for on its socket.
        low_water: how many bytes must have come before its thread is woken (SO_RCVLOWAT).
        had_body: the last receive was of a large body. slow: its sender is not waited for. bounded: a receive that
            waits has a time on this socket (SO_RCVTIMEO). untouched: bytes at the end of its buffer whose pages were
            never touched. See `Bodies`.
        body: which body of its door the next is about. body_at: since when it comes, on the monotonic clock.
        late_reply: what it is told at the deadline, and not before: it has shown a wrong token, and not the first.
        why: what is said of it when it is closed; empty for what closing itself says.
        out: what is to be sent.
        subscription: what it listens to, if it does.
        told: the log has a row that it is connected.
        quiet_until: when it gets that row although nothing of it was taken; None for never. See `Visits`.
        counted: it is one of the clients; False for one too many, which is only being told so.
    """

    __slots__ = (
        "awaited",
        "body",
        "body_at",
        "bounded",
        "client",
        "counted",
        "deadline",
        "door",
        "had_body",
        "held",
        "late_reply",
        "low_water",
        "out",
        "quiet_until",
        "refused",
        "slow",
        "sock",
        "stalls_at",
        "subscription",
        "told",
        "untouched",
        "why",
    )

    def __init__(self, client: Client, sock: socket.socket, door: Door) -> None:
        self.client, self.sock, self.door = client, sock, door
        self.deadline: float | None = None
        self.stalls_at: float | None = None
        self.quiet_until: float | None = None
        self.refused = self.held = self.told = False
        self.counted = True
        self.awaited, self.low_water = selectors.EVENT_READ, 1
        self.had_body = self.slow = self.bounded = False
        self.untouched = self.body = 0
        self.body_at = 0.0
        self.late_reply, self.why = b"", ""
        self.out = Outbox()
        self.subscription: Subscription | None = None

    @property
    def is_websocket(self) -> bool:
        """Whether it has gone on as a WebSocket: then it is read from also while something waits for it."""
        return self.door.framing == WEBSOCKET
