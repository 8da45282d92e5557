"""Many clients at once: 64, each sending 60 messages a second of 10 kB, as so many tools on a busy machine would.

``python bench/crowd.py [--short] [--clients 64] [--seconds 30]``. Each client is a `hdaemon.client.Client` with a
connection and a channel of its own; four processes have sixteen each and send when each message is due, the dues spread
evenly. All of it shares the processors with the session, whose panel is open.

A message carries its number and the moment at which `send` was called; the clock is one for all processes. Its latency
lasts until a consumer's thread has it in its hand (`hdaemon.queue`). A sender that is late sends late: that is its own
lag, said beside it and not part of the latency. Every number of every client has to come once, in order.

The second row is the same to a callback on the main thread (`hdaemon.on`), which is called between repaints, every
33 ms at most: it is shown and not judged.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from figure import Figure
from judge import quantile, show

CLIENTS, RATE_HZ, MESSAGE_BYTES, PROCESSES = 64, 60, 10_000, 4
STAMP = struct.Struct("<dII")  # when it was sent, which client, its number


class Taken:
    """What has arrived, and how late; `take` is called by one thread."""

    def __init__(self) -> None:
        self.latencies_ms: list[float] = []
        self.next: dict[int, int] = {}  # the number expected of each client
        self.out_of_order = 0

    def take(self, messages: list[Any]) -> None:
        """Note messages at the moment at which they are in the hand."""
        now = time.monotonic()
        for message in messages:
            sent, client, number = STAMP.unpack_from(message.payload)
            self.latencies_ms.append((now - sent) * 1000)
            self.out_of_order += number != self.next.get(client, 0)
            self.next[client] = number + 1


def figures(short: bool) -> Iterator[Figure]:
    """Yield the rows of 64 clients."""
    yield from rows(CLIENTS, 5.0 if short else 30.0)


def rows(clients: int, seconds: float) -> Iterator[Figure]:
    """Yield latency to a queue and to a callback, and what was delivered."""
    from session import Session

    from hdaemon.wire.limits import Limits

    with contextlib.ExitStack() as stack:
        session = stack.enter_context(Session("crowd", limits=Limits(max_clients=clients + 1)))
        store, by_queue, by_callback = session.server.store, Taken(), Taken()
        queue = store.queue("crowd/+", maxlen=100_000)
        callback = store.on("crowd/+", by_callback.take, maxlen=100_000)
        stop = threading.Event()

        def consume() -> None:
            while not stop.is_set():
                by_queue.take(queue.take_all(timeout_s=0.1))

        thread = threading.Thread(target=consume, name="bench consumer")
        thread.start()
        stack.callback(thread.join, 5)
        stack.callback(stop.set)
        gaps = session.gaps()
        spent = time.process_time()
        sent, lags = _sent(stack, session, clients, seconds, gaps)
        spent = time.process_time() - spent
        with contextlib.suppress(TimeoutError):  # the counts say it better
            session.until(lambda: min(len(by_queue.latencies_ms), len(by_callback.latencies_ms)) >= sent, 5)
        callback.close()
        received = len(by_queue.latencies_ms)
        late = by_queue.latencies_ms
        load = f"{clients} clients at {RATE_HZ} messages a second of {MESSAGE_BYTES // 1000} kB, {seconds:g} s"
        lag = f"the senders' own lag: median {quantile(lags, 0.5):.1f}, 99th percentile {quantile(lags, 0.99):.1f} ms"
        note = f"median {quantile(late, 0.5):.2f}, longest {max(late):.1f}; {lag}; main thread's gaps: 99th percentile "
        note += f"{gaps.p99:.1f}, longest {gaps.longest:.1f} ms; {spent / seconds:.0%} of a processor in the session; "
        note += f"garbage collections: {', '.join(map(str, gaps.collections))}"
        p99 = quantile(late, 0.99)
        yield Figure(f"{load}: 99th percentile of latency", p99, "ms", value=p99, must=20, better="less", note=note)
        late = by_callback.latencies_ms
        note = f"median {quantile(late, 0.5):.1f}, longest {max(late):.1f}; {len(late):,} received"
        p99 = quantile(late, 0.99)
        yield Figure("the same to a callback on the main thread", p99, "ms", value=p99, better="less", note=note)
        part = 100 * received / sent
        note = f"{received:,} of {sent:,}, {by_queue.out_of_order} out of order, {queue.overflowed} overflowed"
        good = part if not by_queue.out_of_order else 0.0
        yield Figure(f"{load}: delivered", part, "%", value=good, must=100, note=note)


def _sent(
    stack: contextlib.ExitStack, session: Any, clients: int, seconds: float, gaps: Any
) -> tuple[int, list[float]]:
    """Have everything sent; return how many messages that was, and the senders' lags in ms."""
    from session import Sender

    senders = []
    for process in range(PROCESSES):
        numbers = ",".join(map(str, range(process, clients, PROCESSES)))
        if numbers:
            senders.append(Sender(__file__, "--sender", str(session.server.port), numbers))
            stack.callback(senders[-1].close)
    begin = time.monotonic() + 0.5
    for sender in senders:
        sender.begin(f"{begin} {seconds} {clients}")
    with gaps:
        session.until(lambda: all(sender.done for sender in senders), seconds * 2 + 30)
    sent = 0
    lags: list[float] = []
    for sender in senders:
        _, count, *quantiles = sender.told()
        sent += int(count)
        lags += map(float, quantiles)
    return sent, lags


def _send(port: int, numbers: list[int]) -> None:
    from session import in_rounds

    from hdaemon.client import Client

    clients = {number: Client(port=port) for number in numbers}
    filling = bytes(MESSAGE_BYTES - STAMP.size)
    for client in clients.values():
        client.connect()

    def one_round(begin: str, seconds: str, of: str) -> tuple[object, ...]:
        lags, every = [], 1 / RATE_HZ
        per_client = int(float(seconds) * RATE_HZ)
        for message in range(per_client):
            for number, client in clients.items():
                due = float(begin) + every * (message + number / int(of))
                wait = due - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
                now = time.monotonic()
                lags.append((now - due) * 1000)
                client.send(STAMP.pack(now, number, message) + filling, f"crowd/{number}")
        count = sum(client.flush().count for client in clients.values())
        assert count == per_client * len(clients), f"{count} acknowledged"
        return (begin, count, *(quantile(lags, part / 200) for part in range(1, 200)))

    in_rounds(one_round)


def main() -> int:
    """Print the rows; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--short", action="store_true", help="five seconds")
    args = parser.parse_args()
    return show(rows(args.clients, 5.0 if args.short else args.seconds))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--sender" in sys.argv:
        _send(int(sys.argv[2]), [int(number) for number in sys.argv[3].split(",")])
    else:
        sys.exit(main())
