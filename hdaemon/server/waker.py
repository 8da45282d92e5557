"""`Waker`: has a thread that waits for sockets come round, whichever thread asks for it."""

from __future__ import annotations

import socket

from hdaemon.server.sending import send_now

__all__ = ["Waker"]


class Waker:
    """Two sockets: a selector waits for the one, a byte into the other wakes it. A context, which closes both.

    Attributes:
        receiver: what the selector is to wait for.
    """

    def __init__(self) -> None:
        self.receiver, self._sender = socket.socketpair()
        self.receiver.setblocking(False)
        self._sender.setblocking(False)

    def wake(self) -> None:
        """Wake the thread; may be called on any, and after the end."""
        send_now(self._sender, b"\0")  # when it is full the thread is awake already

    def drain(self) -> None:
        """Forget that somebody asked: the thread is awake."""
        try:
            self.receiver.recv(4096)
        except OSError:
            pass

    def __enter__(self) -> Waker:
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.close()
        self._sender.close()
