"""`Client`: what the server knows of one connection, for the panel and for code; and `Connection`, its socket."""

from __future__ import annotations

import socket
import time
from collections import deque
from dataclasses import dataclass, field

from hdaemon.wire.events import Door

__all__ = ["Client", "Connection"]


@dataclass(slots=True, eq=False)
class Client:
    """One connection, as it can be read from any thread. The server thread counts; nobody else writes.

    Attributes:
        id: its number, from 1, never used again by the same server.
        name: what the log and the messages call it.
        address: ``HOST:PORT`` of the other end.
        connected_at: seconds since the epoch.
        messages, bytes: received from it.
        own_mode: the mode it or the artist chose for it; None while it follows the server's.
        framing: how its raw bytes are cut into messages, ``"lines"`` or ``"burst"``; ``"http"`` for requests.
    """

    id: int
    name: str
    address: str
    framing: str
    connected_at: float = field(default_factory=time.time)
    messages: int = 0
    bytes: int = 0
    own_mode: str | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """A client's socket and door; belongs to the server thread.

    Attributes:
        deadline: when something is due, on the monotonic clock: the silence that ends a burst, the time to show
            a token, or the end of lingering; None while nothing is.
        refused: nothing more is taken from it: what comes is thrown away until the deadline.
        closing: it is closed once everything in `out` is sent.
        out: what is to be sent, oldest first.
        queued: bytes of `out` that were made for this client; payloads of the store are not copied, nor counted.
        counted: it is one of the clients; False for one too many, which is only being told so.
    """

    client: Client
    sock: socket.socket
    door: Door
    deadline: float | None = None
    refused: bool = False
    closing: bool = False
    out: deque[memoryview] = field(default_factory=deque)
    queued: int = 0
    counted: bool = True
