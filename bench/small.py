"""100-byte messages by HTTP, acknowledged, beside RPyC calls into the same session, a Qt program with its panel open.

One process sends by both in turn, over connections that stay: many messages under way at once (`Client.send_many`,
`Client.send` in a `batch`, `Client.send` by itself, which is a request a message; `rpyc.async_`), and round trips. At
most 512 are under way, as the client library has it. RPyC's connection has TCP_NODELAY; its call appends the bytes to a
list. What a message costs the server is its thread's processor time, panel and senders left out.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from figure import Figure, interleaved, medians, spread
from session import Sender, Session, in_rounds

CHANNEL = "bench/small"
TEXT = "x" * 100
UNDER_WAY = 512


# -- the sender, a process of its own ----------------------------------------------------------------------------------


def send(hdaemon_port: str, rpyc_port: str) -> None:
    """Send as many as is said, by the way that is named; say how many a second, or how long one took (median)."""
    import rpyc
    from rpyc.core.stream import SocketStream

    from hdaemon.client import Client

    client = Client("127.0.0.1", int(hdaemon_port))
    connection = rpyc.connect_stream(SocketStream.connect("127.0.0.1", int(rpyc_port), nodelay=True))
    call: Callable[[bytes], object] = connection.root.take
    call_soon = rpyc.async_(call)
    data = TEXT.encode()

    def many_at_once(count: int) -> None:
        assert client.send_many((TEXT for _ in range(count)), CHANNEL) == count
        assert client.flush().count == count

    def batch(count: int) -> None:
        with client.batch():
            for _ in range(count):
                client.send(TEXT, CHANNEL)
        assert client.flush().count == count

    def one_by_one(count: int) -> None:
        for _ in range(count):
            client.send(TEXT, CHANNEL)
        assert client.flush().count == count

    def rpyc_async(count: int) -> None:
        under_way: deque[Any] = deque()
        for _ in range(count):
            if len(under_way) == UNDER_WAY:
                under_way.popleft().wait()
            under_way.append(call_soon(data))
        for result in under_way:
            result.wait()

    def trips(once: Callable[[], object], count: int) -> float:
        took = []
        for _ in range(count):
            began = time.perf_counter()
            once()
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    many = {"send_many": many_at_once, "batch": batch, "one_by_one": one_by_one, "rpyc": rpyc_async}
    single: dict[str, Callable[[], object]] = {
        "trip": lambda: client.send(TEXT, CHANNEL, wait=True),
        "rpyc_trip": lambda: call(data),
    }

    def one_round(way: str, count: str) -> tuple[object, ...]:
        began = time.monotonic()
        if way in single:
            return (began, trips(single[way], int(count)))
        many[way](int(count))
        return (began, int(count) / (time.monotonic() - began))

    in_rounds(one_round)


# -- the session -------------------------------------------------------------------------------------------------------


def start_rpyc(taken: list[bytes]) -> Any:
    """Start an RPyC server on a thread of this program, as hrpyc does."""
    import rpyc
    from rpyc.utils.server import ThreadedServer

    class Service(rpyc.Service):  # type: ignore[misc, name-defined, unused-ignore]
        def exposed_take(self, data: bytes) -> None:
            taken.append(data)

    server = ThreadedServer(Service, hostname="127.0.0.1", port=0)
    threading.Thread(target=server.start, name="bench rpyc", daemon=True).start()
    return server


def processor_s(session: Session) -> float:
    """Return the processor time that the server's thread has used, in seconds; 0 where the system does not tell."""
    import psutil

    name = f"hdaemon {session.server.name}"
    ids = [thread.native_id for thread in threading.enumerate() if thread.name == name]
    return sum(float(each.user_time + each.system_time) for each in psutil.Process().threads() if each.id in ids)


def figures(short: bool) -> Iterator[Figure]:
    """Yield the rows."""
    count, calls, trips, rounds = (30_000, 2_000, 200, 5) if short else (50_000, 4_000, 1_000, 9)
    taken: list[bytes] = []
    with Session() as session:
        server = start_rpyc(taken)
        try:
            with Sender(__file__, str(session.server.port), str(server.port)) as sender:

                def one_round(way: str, number: int) -> float:
                    sender.begin(f"{way} {number}")
                    session.until(lambda: sender.done)
                    if way == "rpyc":
                        assert len(taken) == number, f"{len(taken)} calls of {number} arrived"
                    taken.clear()
                    return float(sender.told()[1])

                yield from _rates(session, one_round, count, calls, rounds)
                yield _trip(one_round, trips, rounds)
        finally:
            server.close()


OneRound = Callable[[str, int], float]


def _rates(session: Session, one_round: OneRound, count: int, calls: int, rounds: int) -> Iterator[Figure]:
    spent: list[float] = []

    def received(way: str, number: int) -> float:
        before = session.server.messages_received
        rate = one_round(way, number)
        assert session.server.messages_received - before == number, "a message was lost"
        return rate

    def send_many() -> float:
        before = processor_s(session)
        rate = received("send_many", count)
        spent.append((processor_s(session) - before) / count)
        return rate

    found = interleaved(
        {
            "send_many": send_many,
            "rpyc": lambda: one_round("rpyc", calls),
            "batch": lambda: received("batch", count),
            "one by one": lambda: received("one_by_one", count // 2),
        },
        rounds,
    )
    middle = medians(found)
    work, ours, theirs = "100-byte HTTP messages pipelined, acknowledged", middle["send_many"], middle["rpyc"]
    note = f"send_many: {spread(found['send_many'])}; RPyC {spread(found['rpyc'])}"
    yield Figure(work, ours, "messages/s", "RPyC async calls", theirs, ours / theirs, 30, 100, note=note)
    for way, name in (("batch", "send in a batch"), ("one by one", "send, a request each")):
        yield Figure(f"{work}: {name}", middle[way], "messages/s", value=middle[way], note=spread(found[way]))
    cost = statistics.median(spent) * 1e6
    yield Figure(f"{work}: the server's thread", cost, "us a message", value=cost, better="less")


def _trip(one_round: OneRound, trips: int, rounds: int) -> Figure:
    found = interleaved(
        {
            "ours": lambda: one_round("trip", trips) * 1e6,
            "rpyc": lambda: one_round("rpyc_trip", trips) * 1e6,
        },
        rounds,
    )
    ours, theirs = medians(found).values()
    note = f"us, {spread(found['ours'])}; RPyC {spread(found['rpyc'])}; {trips} trips a round"
    work = "100-byte HTTP message there and back, p50"
    return Figure(work, ours, "us", "RPyC sync call", theirs, ours / theirs, 0.6, 0.5, better="less", note=note)


if __name__ == "__main__":
    send(*sys.argv[1:])
