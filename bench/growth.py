"""How the cost grows with the load, and what typing into the filter of a full log costs.

``python bench/growth.py [--short]``. Loads of 1, 10, 100 and where it is quick 1000 units: clients, channels, rows in
the log, bytes in a message. Each curve shows the cost of one unit, so a level line is what is wanted.

What is judged is the total cost on log-log axes: 0 is a cost that does not depend on the load, 1 one that grows with
it, 2 a quadratic one. The steepest step between two neighbouring loads is taken: a line through all of them would be
made flat by what small loads cost at least. Noise of 30 % is 0.15 in a slope. It must be at most 1.5, half-way to
quadratic.

- Clients and channels: the processor time of the session, its panel open and showing them, for each of as many
  messages from every client, or on every channel.
- Rows: the time for a line from sender to log, until the log holds so many.
- Message size: the time for one message of the client library from its call to the consumer's hand, a megabyte.
  Log and store are cleared after each, so that buffers are used again, as they are once the log is full.
- The filter: keys typed, one after another, each when the result of the one before is whole. A key is done with when
  the main thread is free again: the longest gap between 5 ms ticks from the key until the result is whole is judged.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cook import arrivals
from figure import Curve, Figure
from judge import alone, steepest

LINE_BYTES = 100
FULL_LOG, LARGE_LOG = 100_000, 1_000_000
STEEPEST = 1.5
KEYS = ("0", "0", "1", "7", "\b", "\b", "\b", "\b", "e", "\b")
"""Typed into the filter: what all rows contain, fewer, few, more again, no filter, what no row contains, no filter."""


def figures(short: bool) -> Iterator[Figure | Curve]:
    """Yield a curve and a row for each kind of load, then the filter's."""
    rounds = 3 if short else 5
    every = 200 if short else 500
    yield from _grown("clients", "client", _clients(every, rounds), "µs of processor time a message")
    yield from _grown("channels", "channel", _channels(10 if short else 20, rounds), "µs of processor time a message")
    yield from _grown("rows in the log", "row", _rows(rounds), "µs a line")
    yield from _grown("message size", "kB", _sizes(rounds), "ms a MB", per=1e3)
    yield from _filter(short)


def _grown(
    what: str, unit: str, points: Sequence[tuple[float, float]], cost: str, per: float = 1.0
) -> Iterator[Figure | Curve]:
    """Yield a curve of the cost of a unit, and the row that judges it. `per`: units of `points` that make one."""
    title = f"cost by {what}"
    yield Curve(title, f"{what} ({unit}s)", cost, {"hdaemon": [(load / per, value) for load, value in points]})
    slope = steepest([load for load, _ in points], [load * value for load, value in points])
    each = ", ".join(f"{load / per:,.6g}: {value:.3g}" for load, value in points)
    work = f"growth by {what}: steepest slope of the total cost, log-log"
    note = f"{cost}, by {unit}s: {each}"
    yield Figure(work, slope, "slope", value=slope, must=STEEPEST, want=1.1, better="less", note=note)


# -- loads -------------------------------------------------------------------------------------------------------------


def _cost(session: Any, sender: Any, what: str, rounds: int) -> tuple[float, float]:
    """Return the medians of the session's processor time and of the time, in µs a message."""
    server, spent, took = session.server, [], []
    for number in range(rounds + 1):
        expected = server.messages_received
        process = time.process_time()
        sender.begin(what)
        session.until(lambda: sender.done)
        began, count = sender.told()
        expected += int(count)
        session.until(lambda expected=expected: server.messages_received >= expected)
        ended = time.monotonic()
        session.run_for(0.3)  # the interface shows it
        process = time.process_time() - process
        assert server.messages_received == expected, (server.messages_received, expected)
        if number:  # the first warms up
            spent.append(process / int(count) * 1e6)
            took.append((ended - float(began)) / int(count) * 1e6)
    return statistics.median(spent), statistics.median(took)


def _clients(every: int, rounds: int) -> list[tuple[float, float]]:
    from session import Sender, Session

    from hdaemon.wire.limits import Limits

    points = []
    for count in (1, 10, 100):
        with Session("clients", limits=Limits(max_clients=110)) as session:
            with Sender(__file__, "--sender", "clients", str(session.server.port), str(count)) as sender:
                # As many messages a round at 1 client as at 10, so that the repaints of a round weigh alike.
                each = every * 10 // min(count, 10)
                points.append((float(count), _cost(session, sender, str(each), rounds)[0]))
    return points


def _channels(every: int, rounds: int) -> list[tuple[float, float]]:
    from session import Sender, Session

    points = []
    for count in (10, 100, 1000, 10_000):
        with Session("channels") as session:
            session.panel.browser.show_page(1)
            with Sender(__file__, "--sender", "channels", str(session.server.port), str(count)) as sender:
                some = max(1, every * 1000 // count)
                points.append((float(count), _cost(session, sender, str(some), rounds)[0]))
    return points


def _rows(rounds: int) -> list[tuple[float, float]]:
    from session import Sender, Session

    from hdaemon.wire.limits import Limits

    points = []
    for count in (1000, 10_000, 100_000, 1_000_000):
        with Session("rows", limits=Limits(log_rows=LARGE_LOG)) as session:
            with Sender(__file__, "--sender", "lines", str(session.server.port), str(LINE_BYTES)) as sender:
                took = []
                for number in range(rounds + 1):
                    session.clear()
                    filled = fill(session, sender, count)
                    if number:
                        took.append(filled / count * 1e6)
                points.append((float(count), statistics.median(took)))
    return points


def fill(session: Any, sender: Any, count: int) -> float:
    """Have so many lines in the log; return how many seconds it took from the first byte sent until all were stored."""
    seen = arrivals()  # notes it on the server's thread: a look every 5 ms would be all that is seen of 1000 lines
    session.server.store.consumers.add(seen)
    sender.begin(str(count))
    session.until(lambda: seen.total >= count and sender.done)
    seen.close()
    assert seen.total == count, (seen.total, count)
    assert len(session.server.log) >= min(count, session.server.log.max_rows), (len(session.server.log), count)
    return float(seen.times[-1]) - float(sender.told()[0])


def _sizes(rounds: int) -> list[tuple[float, float]]:
    from session import Sender, Session

    points = []
    with Session("sizes") as session:
        queue = session.server.store.queue("sizes", max_bytes=1 << 30)
        with Sender(__file__, "--sender", "sizes", str(session.server.port)) as sender:
            for size in (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000):
                took = []
                for number in range(rounds + 3):
                    sender.begin(str(size))
                    # Waiting on the queue itself: looking at it every 5 ms would cost more than the message.
                    message = queue.take(timeout_s=20)
                    ended = time.monotonic()
                    assert message is not None
                    assert len(message.payload) == size
                    del message
                    began, _ = sender.told()
                    session.clear()
                    session.run_for(0.02)
                    if number >= 3:  # before, buffers are new
                        took.append(ended - float(began))
                points.append((float(size), statistics.median(took) * 1000 / (size / 1e6)))
    return points


# -- the filter --------------------------------------------------------------------------------------------------------


def _filter(short: bool) -> Iterator[Figure | Curve]:
    held: list[tuple[float, float]] = []
    whole: list[tuple[float, float]] = []
    for count in (FULL_LOG // 10, FULL_LOG, LARGE_LOG):
        longest, took = _typed(count, 1 if short else 3)
        held.append((float(count), max(longest)))
        whole.append((float(count), max(took)))
        if count < FULL_LOG:
            continue
        note = (
            f"the longest of {len(longest)} keys, median {statistics.median(longest):.1f}; the result is whole after "
            f"{statistics.median(took):.0f} ms, at most {max(took):.0f}"
        )
        work = f"a key typed into the filter of a log of {count:,} rows: main thread free again"
        yield Figure(work, max(longest), "ms", value=max(longest), must=50, better="less", note=note)
    yield Curve(
        "typing into the filter",
        "rows in the log",
        "ms, the longest of all keys",
        {"main thread free again": held, "result whole": whole},
        limit=50,
    )
    slope = steepest([count for count, _ in whole], [took for _, took in whole])
    work = "growth by rows of the filter's time: steepest slope, log-log"
    yield Figure(work, slope, "slope", value=slope, must=STEEPEST, want=1.1, better="less")


def _typed(count: int, rounds: int) -> tuple[list[float], list[float]]:
    """Return for each key of all rounds the main thread's longest gap, and when the result was whole, in ms."""
    from qtpy import QtTest
    from session import Sender, Session

    from hdaemon.wire.limits import Limits

    longest, took = [], []
    with Session("filter", limits=Limits(log_rows=count)) as session, contextlib.ExitStack() as stack:
        port = str(session.server.port)
        fill(session, stack.enter_context(Sender(__file__, "--sender", "lines", port, str(LINE_BYTES))), count)
        pane = session.panel.log
        searching = [False]
        pane.model.filtering.connect(lambda on: searching.__setitem__(0, on))
        session.run_for(0.3)
        text = ""
        for key in KEYS * rounds:
            text = text[:-1] if key == "\b" else text + key
            gaps = session.gaps()
            began = time.perf_counter()
            with gaps:
                QtTest.QTest.keyClick(pane.filter, _key(key))
                session.until(lambda text=text: pane.model.filter_text == text and not searching[0])
                took.append((time.perf_counter() - began) * 1000)
                session.run_for(0.05)  # what is painted after it
            longest.append(gaps.longest)
            assert pane.filter.text() == text, (pane.filter.text(), text)
    return longest, took


def _key(character: str) -> Any:
    from qtpy import QtCore

    return QtCore.Qt.Key.Key_Backspace if character == "\b" else character


# -- the senders -------------------------------------------------------------------------------------------------------


def _send(kind: str, port: int, *args: str) -> None:
    from session import in_rounds

    from hdaemon.client import Client

    one_round: Callable[[str], tuple[object, ...]]
    if kind == "lines":
        one_round = _lines(port, int(args[0]))
    elif kind == "sizes":
        client = Client(port=port, timeout_s=30)

        def one_round(size: str) -> tuple[object, ...]:
            payload = bytes(int(size))
            began = time.monotonic()
            client.send(payload, "sizes", wait=True)
            return (began, 1)
    elif kind == "clients":
        clients = [Client(port=port) for _ in range(int(args[0]))]
        for client in clients:
            client.connect()

        def one_round(each: str) -> tuple[object, ...]:
            began = time.monotonic()
            for _ in range(int(each)):
                for client in clients:
                    client.send("x" * LINE_BYTES, "clients")
            count = sum(client.flush().count for client in clients)
            assert count == int(each) * len(clients), count
            return (began, count)
    else:
        client, channels = Client(port=port), [f"a/{number // 100}/{number}" for number in range(int(args[0]))]

        def one_round(each: str) -> tuple[object, ...]:
            began = time.monotonic()
            for _ in range(int(each)):
                for channel in channels:
                    client.send("x" * LINE_BYTES, channel)
            count = client.flush().count
            assert count == int(each) * len(channels), count
            return (began, count)

    in_rounds(one_round)


def _lines(port: int, size: int) -> Callable[[str], tuple[object, ...]]:
    import socket

    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.settimeout(30)
    block = b"".join(b"%0*d\n" % (size - 1, number) for number in range(1000))

    def one_round(count: str) -> tuple[object, ...]:
        began = time.monotonic()
        for _ in range(int(count) // 1000):
            sock.sendall(block)
        return (began, int(count))

    return one_round


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--sender" in sys.argv:
        _send(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    else:
        sys.exit(alone(figures, __doc__))
