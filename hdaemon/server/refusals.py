"""`Refusals`: tells clients why they are refused, at once or late, and ends what is over. It is the server thread's."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from hdaemon.server.client import Connection
from hdaemon.server.security import WrongTokens
from hdaemon.server.sending import Sender
from hdaemon.server.visits import Visits
from hdaemon.wire.events import Refused
from hdaemon.wire.heads import HttpError
from hdaemon.wire.http import error_answer
from hdaemon.wire.limits import Limits
from hdaemon.wire.sniff import sniff

__all__ = ["Refusals"]


class Refusals:
    """Says no, and closes a connection once that has been sent.

    Args:
        limits: see `Limits`.
        sender: sends the answers.
        visits: tells of refusals in the log.
        known: the open connections, by their clients' ids.
        leave: called with a connection that is to be sent nothing more but what waits for it already.
        close: closes a connection, for that reason.

    Attributes:
        wrong_tokens: counts them, and slows who guesses.
    """

    def __init__(
        self,
        limits: Limits,
        sender: Sender,
        visits: Visits,
        known: Mapping[int, Connection],
        *,
        leave: Callable[[Connection], None],
        close: Callable[[Connection, str], None],
    ) -> None:
        self.wrong_tokens = WrongTokens()
        self._limits, self._sender, self._visits, self._known = limits, sender, visits, known
        self._leave, self._close = leave, close

    def refuse(self, connection: Connection, refused: Refused) -> None:
        """Say why, and close the connection."""
        self._visits.refused(connection, refused.reason)
        connection.refused = True
        if refused.wrong_token and self._wait_with(connection, refused.reply):
            return
        if refused.reply:
            self._sender.send(connection, [refused.reply])
        self.finish(connection)

    def _wait_with(self, connection: Connection, reply: bytes) -> bool:
        """Have the answer to a wrong token wait, where it is not the first of its address; return whether it does."""
        now = time.monotonic()
        delay_s = self.wrong_tokens.delay_s(connection.client.address.rpartition(":")[0], now)
        if delay_s:
            # Who guesses must not take the places of others by being made to wait: the longest waiting one goes.
            waiting = [other for other in self._known.values() if other.late_reply and other.counted]
            if len(waiting) >= max(1, self._limits.max_clients // 4):
                self._close(waiting[0], "refused")
            connection.late_reply, connection.deadline = reply, now + delay_s
        return bool(delay_s)

    def one_too_many(self, connection: Connection) -> None:
        """Have a connection for which there is no place told so, when its first bytes say how."""
        self._visits.refused(connection, self._full())
        connection.refused, connection.late_reply = True, f"hdaemon: refused: {self._full()}\n".encode()
        connection.deadline = time.monotonic() + self._limits.silence_s

    def answer_one_too_many(self, connection: Connection, first: bytes) -> None:
        """Tell it so in the words of the door that its first bytes ask for."""
        if sniff(first) == "http":
            error = HttpError(503, self._full(), (("Retry-After", "1"),))
            connection.late_reply = error_answer(error, keep_alive=False)
        self.answer_late(connection)

    def answer_late(self, connection: Connection) -> None:
        """Send the answer that had to wait, and close the connection."""
        reply, connection.late_reply = connection.late_reply, b""
        self._sender.send(connection, [reply])
        self.finish(connection)

    def _full(self) -> str:
        return f"{self._limits.max_clients} clients are connected, which is the limit max_clients"

    def finish(self, connection: Connection, why: str = "") -> None:
        """Close the connection once all is sent; then read and throw away: a reset would lose the answer."""
        connection.refused = True
        connection.why = connection.why or why
        connection.deadline = None
        self._leave(connection)
        if connection.client.id in self._known and not connection.out:
            self._sender.linger(connection)
