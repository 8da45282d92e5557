"""Servers that a test scripts, for what a real one does not do on demand: break off, be silent, be another program."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TOGETHER = {"max_together_messages": 65536, "max_together_bytes": 1024**2, "max_http_message_bytes": 1024**3}
STATUS = {"version": "0", "mode": "evaluate", "limits": TOGETHER}


class Connection:
    """A server's side of one connection; every wait has a deadline. The end of the client is an EOFError."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.sock, self.number = sock, number
        self.sock.settimeout(20)
        self._inbox = b""

    @property
    def has_more(self) -> bool:
        """Whether more has come with the last request."""
        return bool(self._inbox)

    def more(self) -> bytes:
        """Return the next bytes."""
        inbox, self._inbox = self._inbox, b""
        try:
            data = inbox or self.sock.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        return data

    def request(self) -> tuple[str, str, dict[str, str], bytes]:
        """Return method, path, headers and body of the next request."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(data) < length:
            data += self.more()
        self._inbox = data[length:]
        method, path, _ = first.split(" ")
        return method, path, headers, data[:length]

    def hello(self) -> None:
        """Answer what a client asks first."""
        method, path, _, _ = self.request()
        assert (method, path) == ("GET", "/status")
        self.answer(200, STATUS)

    def answer(self, status: int, value: object, *headers: str) -> None:
        """Send a response with a JSON body."""
        body = json.dumps(value).encode()
        lines = (f"HTTP/1.1 {status} Some Words", f"Content-Length: {len(body)}", *headers)
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def acknowledge(
        self, serial: int, channel: str = "default", stored: bool = True, headers: dict[str, str] | None = None
    ) -> None:
        """Answer a message, or several that came in one request, as its `headers` say."""
        several = (headers or {}).get("hdaemon-messages")
        said = {"serial": serial, "channel": channel, "mode": "evaluate" if stored else "print", "stored": stored}
        self.answer(200, {**said, "messages": int(several)} if several else said)


Script = Callable[[Connection], None]


def until_end(connection: Connection) -> None:
    """Read on until the client has gone."""
    while True:
        connection.more()


def answers(status: int, value: object) -> Script:
    """A server that answers a request and then is silent."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.answer(status, value)
        until_end(connection)

    return script


def acknowledging(connection: Connection) -> None:
    """Acknowledge each message, as an hdaemon after its hello, until the client has gone."""
    serial = 0
    while True:
        connection.request()
        serial += 1
        connection.acknowledge(serial)


def number_of(headers: dict[str, str]) -> int:
    """Return n of the key ``"CLIENT/n"``."""
    found = re.fullmatch(r'"[0-9a-f]{16}/([0-9]+)"', headers["idempotency-key"])
    assert found is not None, headers
    return int(found[1])


@contextmanager
def serving(script: Script, listener: socket.socket | None = None) -> Iterator[int]:
    """Run `script` for each connection, one after the other, on a port of its own; yield the port.

    A script that ends closes its connection. What it raises fails the test, but not that the client has gone.
    """
    listener = listener or socket.create_server(("127.0.0.1", 0))
    failures: list[BaseException] = []

    def run() -> None:
        number = 0
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:  # shut: the end
                return
            number += 1
            with sock:
                try:
                    script(Connection(sock, number))
                except (EOFError, ConnectionError):
                    pass
                except BaseException as error:  # noqa: BLE001 - told to the test below
                    failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)
        assert not thread.is_alive()
    if failures:
        raise failures[0]
