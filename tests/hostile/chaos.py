"""A proxy that breaks connections: it passes bytes on, and now and then resets both ends in the middle of them.

What it was about to pass on is cut at a random place; the rest is lost, as is what the kernel had not delivered yet.
Which of the pieces that it passes are broken is drawn from a seed. Linux, macOS: a reset is a close with SO_LINGER 0.
"""

from __future__ import annotations

import random
import selectors
import socket
import struct
import threading
from typing import Any

__all__ = ["Chaos", "reset"]

_PIECE_BYTES = 256 * 1024
_LARGE_BYTES = 32 * 1024
_NOW = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close a connection with a RST, whatever was not sent yet."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW)
    except OSError:
        pass
    sock.close()


class _Side:
    """One end of a passage: what came from the other one and is still to be written here."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.other: _Side
        self.waiting = b""
        self.ended = False  # nothing more comes from here


class Chaos(threading.Thread):
    """Listens on a port of its own and passes on to `port`, on a thread.

    Args:
        port: of the server, on 127.0.0.1.
        share: of the pieces (256 KiB at the most, in either direction) this many are broken, 0 to 1. Of those above
            32 KiB a tenth as many: a large body has hundreds, and would never arrive.
        seed: for which.

    Attributes:
        port: to connect to.
        resets: connections broken so far.
        passed: bytes passed on so far, both directions together.
    """

    def __init__(self, port: int, share: float, seed: int) -> None:
        super().__init__(name="chaos", daemon=True)
        self._to, self._share, self._random = port, share, random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.setblocking(False)
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self.port: int = self._listener.getsockname()[1]
        self.resets = self.passed = 0

    def run(self) -> None:
        """Pass on until `stop`."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        stopping = False
        while not stopping:
            for key, mask in self._selector.select():
                if key.fileobj is self._woken:
                    stopping = True
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.data.sock.fileno() >= 0:  # else it was reset in this turn
                    self._move(key.data, mask)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, _Side):
                reset(key.data.sock)
        for sock in (self._listener, self._wake, self._woken):
            sock.close()
        self._selector.close()

    def stop(self) -> None:
        """Reset what is connected, and end."""
        self._wake.send(b"x")
        self.join(10)
        assert not self.is_alive()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        near = _Side(sock)
        try:
            far = _Side(socket.create_connection(("127.0.0.1", self._to), 5))
        except OSError:
            reset(sock)
            return
        near.other, far.other = far, near
        for side in (near, far):
            side.sock.setblocking(False)
            side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(side.sock, selectors.EVENT_READ, side)

    def _move(self, side: _Side, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._write(side)
            if mask & selectors.EVENT_READ and not side.other.waiting:
                piece = side.sock.recv(_PIECE_BYTES)
                side.ended = not piece
                side.other.waiting = piece
                share = self._share / 10 if len(piece) > _LARGE_BYTES else self._share
                if piece and self._random.random() < share:
                    side.other.waiting = piece[: self._random.randrange(len(piece) + 1)]
                    self._write(side.other)
                    self.resets += 1
                    self._end(side)
                    return
                self._write(side.other)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:  # one end has reset it: so does the other
            self._end(side)
            return
        for end in (side, side.other):
            if end.sock.fileno() >= 0:  # else both have ended well
                self._listen(end)

    def _write(self, side: _Side) -> None:
        try:
            while side.waiting:
                sent = side.sock.send(side.waiting)
                self.passed += sent
                side.waiting = side.waiting[sent:]
        except (BlockingIOError, InterruptedError):
            return
        if side.other.ended:
            side.sock.shutdown(socket.SHUT_WR)

    def _listen(self, side: _Side) -> None:
        """Read only what the other end can take, so that nothing piles up here."""
        wanted = selectors.EVENT_WRITE if side.waiting else 0
        wanted |= selectors.EVENT_READ if not side.other.waiting and not side.ended else 0
        known: Any = self._selector.get_map().get(side.sock)
        if known is None and wanted:
            self._selector.register(side.sock, wanted, side)
        elif known is not None and not wanted:
            self._selector.unregister(side.sock)
        elif known is not None and known.events != wanted:
            self._selector.modify(side.sock, wanted, side)
        if side.ended and side.other.ended and not side.waiting and not side.other.waiting:
            self._end(side)

    def _end(self, side: _Side) -> None:
        for end in (side, side.other):
            if end.sock.fileno() >= 0:
                if end.sock in self._selector.get_map():
                    self._selector.unregister(end.sock)
                reset(end.sock)
