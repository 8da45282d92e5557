"""What 100,000 rows in the log cost in memory: lines, and HTTP messages, of 100 bytes each.

``python bench/memory.py [--short]``. The session is a fresh process each round, with its panel open; what sends is
another one. A row's cost is what the process has grown by (resident pages), from after two thousand warm-up messages,
which have been cleared again, until the log is full. The payloads are part of it: 100 bytes of each row.
The log holds no more rows than that; what three times as many have left behind is said beside it.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from figure import Figure
from judge import alone

ROWS = 100_000
WARM_UP = 2_000
PAYLOAD_BYTES = 100
PROCESS_S = 120.0


def _rounds(kind: str, rounds: int) -> tuple[float, float]:
    """Return bytes a row: with the log full, and after three times as many rows."""
    found = []
    for _ in range(rounds):
        command = [sys.executable, __file__, "--session", kind]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROCESS_S, check=False)
        if done.returncode:
            raise RuntimeError(f"the session ended with {done.returncode}: {done.stderr}")
        found.append(tuple(map(float, done.stdout.split())))
    full, later = (statistics.median(values) for values in zip(*found, strict=True))
    return full, later


def figures(short: bool) -> Iterator[Figure]:
    """Yield a row for lines and one for messages."""
    rounds = 3 if short else 5
    for kind, what in (("lines", "lines by the raw door"), ("http", "HTTP messages of the client library")):
        full, later = _rounds(kind, rounds)
        work = f"memory: {ROWS:,} rows in the log, 100-byte payloads, {what}"
        note = f"payload included; median of {rounds} fresh processes; after {3 * ROWS:,} rows {later:.0f}"
        yield Figure(work, full, "bytes a row", value=full, must=600, want=300, better="less", note=note)


def _resident() -> int:
    import psutil

    gc.collect()
    return int(psutil.Process().memory_info().rss)


def _session(kind: str) -> None:
    from session import Sender, Session

    with Session() as session, Sender(__file__, "--sender", kind, str(session.server.port)) as sender:
        server, sent = session.server, 0

        def more(count: int) -> int:
            nonlocal sent
            sender.begin(str(count))
            sent += count
            session.until(lambda: server.messages_received >= sent and sender.done)
            sender.told()
            session.run_for(0.2)
            return _resident()

        more(WARM_UP)
        session.clear()
        session.run_for(0.2)
        base = _resident()
        full = more(ROWS)
        assert len(server.log) == ROWS, len(server.log)
        later = more(2 * ROWS)
        assert len(server.log) == ROWS, len(server.log)
        assert server.messages_received == sent, (server.messages_received, sent)
        print((full - base) / ROWS, (later - base) / ROWS)


def _send(kind: str, port: int) -> None:
    from session import in_rounds

    from hdaemon.client import Client

    numbers = iter(range(100_000_000))  # every payload is another one: nothing can be shared
    if kind == "http":
        client = Client(port=port)

        def one_round(count: str) -> tuple[object, ...]:
            began = time.monotonic()
            for _ in range(int(count)):
                client.send(f"{next(numbers):0{PAYLOAD_BYTES}}", "memory")
            assert client.flush().count == int(count)
            return (began,)
    else:
        import socket

        sock = socket.create_connection(("127.0.0.1", port), 5)

        def one_round(count: str) -> tuple[object, ...]:
            began = time.monotonic()
            for _ in range(int(count) // 1000):
                sock.sendall(b"".join(b"%0*d\n" % (PAYLOAD_BYTES, next(numbers)) for _ in range(1000)))
            return (began,)

    in_rounds(one_round)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--sender" in sys.argv:
        _send(sys.argv[2], int(sys.argv[3]))
    elif "--session" in sys.argv:
        _session(sys.argv[2])
    else:
        sys.exit(alone(figures, __doc__))
