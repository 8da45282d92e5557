"""`Modes`: who is in print mode and who in evaluate mode, who switched it, and whether clients may."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hdaemon.errors import UsageError
from hdaemon.message import MODES
from hdaemon.server.client import Client
from hdaemon.wire.raw import FRAMINGS

__all__ = ["Modes", "checked_framing", "checked_mode"]

Tell = Callable[[str, str, "Client | None"], None]
"""Called with an event's name, its text, and the client it is about (None: the server)."""


def checked_mode(mode: str) -> str:
    """Return `mode`.

    Raises:
        UsageError: there is no such mode.
    """
    if mode not in MODES:
        raise UsageError(f"mode {mode!r} does not exist: use {' or '.join(map(repr, MODES))}")
    return mode


def checked_framing(framing: str) -> str:
    """Return `framing`.

    Raises:
        UsageError: there is no such framing.
    """
    if framing not in FRAMINGS:
        raise UsageError(f"raw framing {framing!r} does not exist: use {' or '.join(map(repr, FRAMINGS))}")
    return framing


class Modes:
    """The mode of a server and of each of its clients; may be used from any thread.

    A client follows the server until it, or the artist, chooses a mode for it; switching the server switches everyone.

    Args:
        mode: the server's mode to begin with.
        locked: whether clients' own words are refused.
        tell: told of every change and refusal; called without any lock held.
    """

    def __init__(self, mode: str, locked: bool, tell: Tell) -> None:
        self._mode, self._locked = checked_mode(mode), locked
        self._tell = tell
        self._lock = threading.Lock()

    @property
    def mode(self) -> str:
        """The server's mode."""
        return self._mode

    @property
    def locked(self) -> bool:
        """Whether clients' own words are refused."""
        return self._locked

    def of(self, client: Client) -> str:
        """Return the mode that holds for `client`."""
        return client.own_mode or self._mode

    def switch_all(self, mode: str, clients: tuple[Client, ...], by: str) -> None:
        """Switch the server and `clients` to `mode`."""
        checked_mode(mode)
        with self._lock:
            self._mode = mode
            for client in clients:
                client.own_mode = None
        self._tell("mode", f"{mode}, for every client, by {by}", None)

    def switch(self, client: Client, mode: str | None, by: str) -> None:
        """Switch one client to `mode`; None makes it follow the server again."""
        if mode is not None:
            checked_mode(mode)
        with self._lock:
            client.own_mode = mode
        self._tell("mode", f"{mode or 'as the server'}, by {by}", client)

    def ask(self, client: Client, mode: str) -> None:
        """Deal with a client's own word."""
        if self._locked:
            self.refuse(client, mode)
        else:
            self.switch(client, mode, "the client")

    def refuse(self, client: Client, mode: str) -> None:
        """Tell that a client asked for a mode while it is locked."""
        self._tell("refused", f"asked for {mode}, but the mode is locked", client)

    def set_locked(self, locked: bool) -> None:
        """Say whether clients' own words are refused from now on."""
        if locked != self._locked:
            self._locked = locked
            self._tell("mode", "locked: clients cannot switch" if locked else "unlocked: clients can switch", None)
