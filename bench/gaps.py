"""The longest gap of the main thread while 500 MB arrives, and while lines or messages flood in, with the panel open.

``python bench/gaps.py [--short]``. A precise 5 ms timer on the main thread measures how late it is called; a main
thread that does nothing shows 5 ms. The client library sends from a process of its own: 500 MB in one message, in forty
of 12.5 MB, and 100-byte messages as fast as it can, of which each is a row of its own in a full log. The longest gap of
all rounds is judged, so one bad moment is enough; the warm-up round counts too, in which memory is new. Whether all of
it has arrived is checked at both ends.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

from figure import Figure
from judge import alone, quantile

TOTAL_BYTES = 500_000_000
LINE_BYTES = 100


def figures(short: bool) -> Iterator[Figure]:
    """Yield a row for each way in which much arrives."""
    from session import Sender, Session

    rounds, seconds = (2, 2.0) if short else (7, 3.0)
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(Session("gaps"))
        port = str(session.server.port)
        sender = stack.enter_context(Sender(__file__, "--sender", "http", port))
        for count in (1, 40):
            size = TOTAL_BYTES // count
            work = f"longest main-thread gap while 500 MB arrives by HTTP, {count} x {size / 1e6:g} MB, panel open"
            yield _figure(work, session, sender, f"{count} {size}", rounds)
        for kind, what in (("lines", "lines flood in"), ("small", "HTTP messages flood in")):
            sender = stack.enter_context(Sender(__file__, "--sender", kind, port))
            work = f"longest main-thread gap while {LINE_BYTES}-byte {what}, panel open"
            yield _figure(work, session, sender, str(seconds), rounds)


def _figure(work: str, session: Any, sender: Any, what: str, rounds: int) -> Figure:
    server = session.server
    longest, percentile, took, collections = [], [], [], [0, 0, 0]
    for _ in range(rounds + 1):
        expected, expected_bytes = server.messages_received, server.bytes_received
        sender.begin(what)
        gaps = session.gaps()
        with gaps:
            session.until(lambda: sender.done)
            began, messages, size = sender.told()
            expected, expected_bytes = expected + int(messages), expected_bytes + int(size)
            session.until(lambda expected=expected: server.messages_received >= expected)
            took.append(time.monotonic() - float(began))
            session.run_for(0.1)  # what follows the arrival is felt too
        assert server.messages_received == expected, (server.messages_received, expected)
        assert server.bytes_received >= expected_bytes, (server.bytes_received, expected_bytes)
        longest.append(gaps.longest)
        collections = [sum(counts) for counts in zip(collections, gaps.collections, strict=True)]
        percentile.append(quantile(gaps.all, 0.99))
    worst = max(longest)
    note = (
        f"longest of {rounds + 1} rounds of {statistics.median(took):.2f} s; of each round: "
        f"{', '.join(f'{one:.0f}' for one in longest)}; 99th percentile {statistics.median(percentile):.1f}; "
        f"garbage collections: {collections[0]} of young objects, {collections[1]} of older, {collections[2]} of all"
    )
    return Figure(work, worst, "ms", value=worst, must=50, want=16, better="less", note=note)


# -- the senders -------------------------------------------------------------------------------------------------------


def _send(kind: str, port: int) -> None:
    from session import in_rounds

    if kind == "http":
        from hdaemon.client import Client

        client, block = Client(port=port, timeout_s=60), bytearray(TOTAL_BYTES)

        def one_round(*words: str) -> tuple[object, ...]:
            count, size = map(int, words)
            payload, began = memoryview(block)[:size], time.monotonic()
            for _ in range(count):
                client.send(payload, "gaps")
            assert client.flush().count == count
            return (began, count, count * size)
    elif kind == "small":
        from hdaemon.client import Client

        client, text = Client(port=port), "x" * LINE_BYTES

        def one_round(*words: str) -> tuple[object, ...]:
            count, began = 0, time.monotonic()
            while time.monotonic() < began + float(words[0]):
                client.send(text, "gaps/small")
                count += 1
            assert client.flush().count == count
            return (began, count, count * LINE_BYTES)
    else:
        import socket

        sock = socket.create_connection(("127.0.0.1", port), 5)
        sock.settimeout(60)
        lines = (b"x" * (LINE_BYTES - 1) + b"\n") * 655

        def one_round(*words: str) -> tuple[object, ...]:
            count, began = 0, time.monotonic()
            while time.monotonic() < began + float(words[0]):
                sock.sendall(lines)
                count += 655
            return (began, count, count * LINE_BYTES)

    in_rounds(one_round)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--sender" in sys.argv:
        _send(sys.argv[2], int(sys.argv[3]))
    else:
        sys.exit(alone(figures, __doc__))
