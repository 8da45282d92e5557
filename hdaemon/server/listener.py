"""The listening socket: opening it, saying plainly why it could not be opened, and accepting clients."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import sys
import time

from hdaemon.errors import BindError

try:
    import resource
except ImportError:  # Windows, where sockets are not counted among the files
    resource = None  # type: ignore[assignment]

__all__ = ["Acceptor", "at", "is_loopback", "listen", "listening"]

PORTS_TRIED = 100
"""A busy port is followed by the next ones, up to 99 further (design.md, Python)."""

BACKLOG = 128
"""Connections that wait to be accepted; twice the clients allowed, so that a burst of reconnects is not refused."""

NO_PACING = b"reno"
"""How congestion is controlled inside this machine: see `hdaemon.client`, whose other end does the same."""

_ACCEPTS_A_TURN = 32
_BACKOFF_S = (0.05, 1.0)
"""First and longest pause when the system cannot accept: doubled each time, as a loop that spins would help nobody."""

_SPARE = 16
"""Descriptors that are left to the program in whose session this is: without one, it may not open a file, and GLib,
below Qt on Linux, aborts a process in which a thread is started (Qt starts some to paint: 4 sessions of 6 ended so)."""

_BUSY = {errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)}
_NO_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_DENIED = {errno.EACCES, errno.EPERM, getattr(errno, "WSAEACCES", errno.EACCES)}


def at(host: str, port: int) -> str:
    """Return ``HOST:PORT``, with an IPv6 address in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether `host` names this machine only: ``localhost``, ``127.x.x.x`` or ``::1``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listening(host: str, port: int, asked_for: int) -> str:
    """Say where a server listens, for its log row: also when it is another port than the one it asked for."""
    text = f"listening on {at(host, port)}"
    if asked_for not in (0, port):
        text += f" (port {asked_for} is in use)"
    if not is_loopback(host):
        text += "; other machines can reach it, with the token"
    return text


def listen(host: str, port: int, token: str | None = None) -> socket.socket:
    """Return a non-blocking socket that listens at `host`, on `port` or on the next free one after it.

    Args:
        host: an address of this machine or a name for one.
        port: 1 to 65535, or 0 for any free port.
        token: required for every address but loopback ones.

    Raises:
        BindError: nothing could be opened; the text says what, why and what to do next.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise BindError(f"port {port!r} is out of range: use 1 to 65535, or 0 for any free port")
    if not is_loopback(host) and not token:
        raise BindError(
            f"{host!r} can be reached from other machines: give the server a token, or listen on 127.0.0.1 "
            "(in the panel: Settings, Require the token)"
        )
    family, address = _resolve(host)
    if not is_loopback(address) and not token:
        raise BindError(f"{host!r} is {address} here, which other machines can reach: give the server a token")
    last = port if port == 0 else min(port + PORTS_TRIED - 1, 65535)
    for candidate in range(port, last + 1):
        try:
            return _open(family, address, candidate)
        except OSError as error:
            if error.errno in _BUSY or (error.errno in _DENIED and candidate >= 1024):
                continue
            raise BindError(_why(host, candidate, error)) from error
    raise BindError(f"ports {port} to {last} on {host} are all in use: stop a server, or use port 0 for any free port")


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    name = host.strip("[]")
    try:
        # As bytes: Python imports its encoding of names for any text, 2 ms, which those of ASCII do not need.
        known_as = name.encode() if name.isascii() else name
        found = socket.getaddrinfo(known_as, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError) as error:  # ValueError: not a name at all (a NUL in it, or not IDNA)
        raise BindError(
            f"host {host!r} cannot be found ({error}): use 127.0.0.1, or an address of this machine"
        ) from error
    # IPv4 first: the original client connects with an AF_INET socket to "localhost".
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, str(address[0])


def _open(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two servers share a port (Microsoft, "Using SO_REUSEADDR").
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past TIME_WAIT
        sock.bind((address, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno in _DENIED:
        return f"no permission to listen on port {port} of {host}: use a port from 1024 on"
    if error.errno in (errno.EADDRNOTAVAIL, getattr(errno, "WSAEADDRNOTAVAIL", -1)):
        return f"{host} is not an address of this machine: use 127.0.0.1"
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


def _limit() -> int | None:
    """Return the first descriptor that a client may not have; None where there is no such thing."""
    if resource is None:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft - min(_SPARE, soft // 4)


class Acceptor:
    """Accepts clients from a listening socket, and leaves it alone for a while when the system cannot.

    Attributes:
        again_at: when to try again, on the monotonic clock; None while the socket is to be listened to.
        news: what the log should say of the last `accept`, as an event's name and text; None for nothing.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.again_at: float | None = None
        self.news: tuple[str, str] | None = None
        self._backoff_s = _BACKOFF_S[0]

    def accept(self) -> list[tuple[socket.socket, str]]:
        """Return the clients that wait, up to 32, each with its address.

        Sets `again_at` when the system refuses, or would soon refuse others: then they wait, and the program has the
        last few descriptors.
        """
        accepted: list[tuple[socket.socket, str]] = []
        self.news = None
        limit = _limit()
        for _ in range(_ACCEPTS_A_TURN):
            try:
                self._check_room(limit)
                sock, address = self.sock.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                break
            except OSError as error:
                self._back_off(error)
                break
            if self._backoff_s != _BACKOFF_S[0]:
                self._backoff_s = _BACKOFF_S[0]
                self.news = ("accepting", "clients can connect again")
            sock.setblocking(False)
            # An answer must not wait for the acknowledgement of the one before it (Nagle's algorithm, RFC 9293, 3.7.4).
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):  # it has gone again, or the system does not allow it
                if hasattr(socket, "TCP_CONGESTION") and is_loopback(address[0]):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, NO_PACING)
            accepted.append((sock, at(address[0], address[1])))
        return accepted

    def _check_room(self, limit: int | None) -> None:
        """Raise as the system would, when the next file's number, the lowest that is free, would be past `limit`."""
        if limit is not None:
            number = os.dup(self.sock.fileno())
            os.close(number)
            if number >= limit:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def _back_off(self, error: OSError) -> None:
        if self._backoff_s == _BACKOFF_S[0]:
            do = "raise the limit of open files or close clients" if error.errno in _NO_RESOURCES else "trying again"
            self.news = ("error", f"cannot accept clients: {error.strerror or error}; {do}")
        self.again_at = time.monotonic() + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_S[1])

    def resume(self, now: float) -> bool:
        """End a pause that is over; return whether it was: then the socket is to be listened to again."""
        if self.again_at is None or self.again_at > now:
            return False
        self.again_at = None
        return True

    def close(self) -> None:
        """Close the port."""
        self.sock.close()
