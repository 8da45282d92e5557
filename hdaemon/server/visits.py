"""`Visits`: the rows of the log that tell of connections. It belongs to the server thread.

A client that sends something which is taken has a row when it came and one when it went. A connection of which nothing
was taken but what it was refused for has one row, which says who it was, what it tried and why not: so a web page that
tries a hundred things is a hundred rows, not three hundred. It is known which of the two a connection is when the
first of it is taken; one that says nothing for a while is told of then, as somebody may look for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from hdaemon.server.client import Client, Connection
from hdaemon.wire.http import HttpDoor

__all__ = ["QUIET_S", "Visits"]

QUIET_S = 1.0
"""A connection that says nothing has its row after so long: a browser often opens one a moment before it needs it."""

Tell = Callable[[str, str, "Client | None"], None]


class Visits:
    """Tells of every connection once.

    Args:
        tell: adds a lifecycle row: its event, its text, the client it is about.

    Attributes:
        changed: called when somebody came or went of whom there is no row.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.changed: Callable[[], object] = int

    def came(self, connection: Connection) -> None:
        """Take note of a new client: there is no row of it yet."""
        connection.quiet_until = time.monotonic() + QUIET_S
        self.changed()

    def taken(self, connection: Connection) -> None:
        """Tell that it is connected, unless that has been told: something of it is taken."""
        if not connection.told:
            connection.told, connection.quiet_until = True, None
            self._tell("connected", connection.client.address, connection.client)

    def received(self, connection: Connection) -> None:
        """Tell that it is connected once a head has passed the gate: its body may take long."""
        door = connection.door
        if not connection.refused and isinstance(door, HttpDoor) and door.in_body:
            self.taken(connection)

    def quiet(self, connection: Connection) -> None:
        """Tell of it when it has said nothing at all, and need not show a token first."""
        connection.quiet_until = None
        if not connection.client.bytes and connection.door.admitted:
            self.taken(connection)

    def refused(self, connection: Connection, why: str) -> None:
        """Tell why it is refused; of who has no row yet also the address, as there will be no other."""
        client = connection.client
        connection.quiet_until = None
        self._tell("refused", why if connection.told else f"{why} (from {client.address})", client)

    def gone(self, connection: Connection, why: str) -> None:
        """Tell that it is disconnected, why, and what it has sent; not of who was only refused."""
        if not connection.counted or (connection.refused and not connection.told):
            self.changed()
            return
        self.taken(connection)
        client = connection.client
        sent = f"{_counted(client.messages, 'message')}, {_counted(client.bytes, 'byte')}"
        self._tell("disconnected", f"{why}; {sent}", client)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
