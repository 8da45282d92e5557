"""What is received while the main thread cooks: in C that lets go of the interpreter's lock, and in C that holds it.

``python bench/cook.py [--short]``. The senders are processes of their own that send 100-byte messages as fast as they
can: by the client library over HTTP, each acknowledged, and as raw lines in blocks. The panel is open. A consumer notes
on the server's thread when how much has been stored; what was sent and what was received are compared at the end.

**A cook that lets go of the lock** (as Houdini's own do): sha256 of 128 MB, again and again; no event is handled. That
it lets go, and that the other one does not, is tried with a thread that looks at the clock every millisecond.
It needs a processor beside those of the sender and the server: where there are only two, each of the three gets two
thirds of one. So there are two rows: against no cook at all, and against the same cook in another process, which takes
as much of the processors and never has the lock. The second says what hdaemon loses by the lock. And there are messages
that come as fast as they are asked for, 25,000 a second, which leaves the cook the processors that it wants.

**A cook that holds the lock**: one call of `sum` of about 200 ms, then 50 ms of the event loop, again and again. What
counts as the full rate is what 19 in 20 windows of 20 ms of undisturbed rounds in the same run reach, and at least half
of their mean: receiving varies by itself, as the panel is painted and other programs run. It is back, after a hold, at
the first moment from which on it is reached both over the next 20 ms and over all the rest of the 50 ms. So what waited
in buffers and comes at once, followed by nothing, does not count, nor does one good moment. Where it is not back in
time, 250 ms are counted, the end of the next hold. The 95th percentile of all holds is judged. Beside it stand what the
same rule finds where nothing was held, and what came in all the free times together.

A virtual machine's processors become slower by half, and quicker again, within a tenth of a second, and so does every
flow. What is judged is what came all the same. Beside it stands, not judged, what is found when messages count for more
while the processor is slower than usual, by as much (`pace.py`: a piece of work, done every 4 ms by who has most to do,
the sender of HTTP messages and the thread that receives lines): whether it was the machine that was slow.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from figure import Figure, interleaved, medians
from judge import alone, arrived, back_to_full_rate, full_rate, quantile
from pace import Pace

MESSAGE_BYTES = 100
HASHED_BYTES = 128_000_000
HOLD_S, FREE_S, HOLDS_A_ROUND = 0.2, 0.05, 10
HELD_UP_MS = (HOLD_S + FREE_S) * 1000
PACED, PACED_EVERY_S = 25_000, 0.005
KINDS = {
    "http": "HTTP messages of the client library",
    "paced": f"{PACED:,} HTTP messages a second of the client library,",
    "lines": "raw lines",
}


def figures(short: bool) -> Iterator[Figure]:
    """Yield the rows of each kind of message."""
    from session import Session

    seconds, rounds, holds = (0.5, 3, 30) if short else (1.0, 7, 40)
    buffer = os.urandom(1 << 20) * (HASHED_BYTES >> 20)
    hold = Hold()
    assert held_part(lambda: hashlib.sha256(buffer)) < 0.3, "the cook that should let go of the lock holds it"
    assert held_part(hold) > 0.8, "the cook that should hold the lock lets go of it"
    for kind in KINDS:
        with Session("cook") as session, Flow(session, kind) as flow:
            yield from _released(flow, lambda: hashlib.sha256(buffer), seconds, rounds)
            if kind != "paced":
                yield from _held(flow, hold, holds)


def held_part(cook: Callable[[], object]) -> float:
    """Return for what part of a call of `cook` no other thread could run: the longest part at a time."""
    latest, longest, stop = [time.perf_counter()], [0.0], threading.Event()

    def look() -> None:
        while not stop.wait(0.001):
            now = time.perf_counter()
            longest[0] = max(longest[0], now - latest[0])
            latest[0] = now

    thread = threading.Thread(target=look, name="bench lock")
    thread.start()
    stop.wait(0.01)
    longest[0], began = 0.0, time.perf_counter()
    cook()
    took = time.perf_counter() - began
    stop.wait(0.01)
    stop.set()
    thread.join(5)
    return longest[0] / took


class Hold:
    """A call that holds the lock for about 200 ms: `sum` of a range is one loop in C, of no Python code."""

    def __init__(self) -> None:
        count, took = 1_000_000, []
        for _ in range(5):
            began = time.perf_counter()
            sum(range(count))
            took.append(time.perf_counter() - began)
        self._count = int(count * HOLD_S / statistics.median(took))

    def __call__(self) -> None:
        """Hold it."""
        sum(range(self._count))


class Flow:
    """A sender of one kind, and when what was received."""

    def __init__(self, session: Any, kind: str) -> None:
        from session import Sender

        self.session, self.kind = session, kind
        self.arrivals = arrivals()
        session.server.store.consumers.add(self.arrivals)
        self.sender = Sender(__file__, "--sender", kind, str(session.server.port))
        self.sent, self.sent_until = 0, 0.0
        self.sender_pace = Pace()

    def __enter__(self) -> Flow:
        return self

    def __exit__(self, *_: object) -> None:
        self.arrivals.close()
        self.sender.close()

    @contextlib.contextmanager
    def round(self, seconds: float) -> Iterator[None]:
        """Send for so long while the body runs; when it is left all has been received, or an AssertionError says."""
        server, arrivals = self.session.server, self.arrivals
        before = server.messages_received
        arrivals.times.clear()
        arrivals.counts.clear()
        arrivals.total = 0
        self.sender.begin(str(seconds))
        yield
        self.session.until(lambda: self.sender.done)
        _, count, ended, *looks = self.sender.told()
        self.sender_pace = Pace.from_words(looks)
        sent, self.sent_until = int(count), float(ended)
        self.sent += sent
        with contextlib.suppress(TimeoutError):  # the counts say it better
            self.session.until(lambda: server.messages_received >= before + sent, 5)
        received = server.messages_received - before
        assert received == sent == arrivals.total, f"{sent:,} sent, {received:,} received, {arrivals.total:,} stored"

    def spent(self) -> tuple[float, float]:
        """Return the processor seconds that the sender and the server's thread have taken since they began."""
        import psutil

        sender = psutil.Process(self.sender.process.pid).cpu_times()
        server = (thread for thread in psutil.Process().threads() if thread.id == self.arrivals.thread)
        return sender.user + sender.system, sum(thread.user_time + thread.system_time for thread in server)

    def rate(self, seconds: float, cook: Callable[[], object] | None = None) -> float:
        """Return the messages stored a second in a round, from the first to the last."""
        with self.round(seconds):
            if cook is not None:
                self.session.until(lambda: self.sender.done, cook=cook)
        times, counts = self.arrivals.times, self.arrivals.counts
        return float((counts[-1] - counts[0]) / (times[-1] - times[0]))


def arrivals() -> Any:
    """Return a consumer that notes when how much was stored, and keeps nothing of it."""
    from hdaemon.consumers import Queue

    class Arrivals(Queue):
        def __init__(self) -> None:
            super().__init__("#")
            self.times: list[float] = []
            self.counts: list[int] = []
            self.total = 0
            self.pace: Pace | None = None  # of the server's thread, while somebody asks
            self.thread = 0  # which is the server's; before its first message it has taken next to nothing

        def offer(self, block: Any) -> bool:
            self.thread = threading.get_native_id()
            self.total += block.count
            now = time.monotonic()
            self.times.append(now)
            self.counts.append(self.total)
            if self.pace is not None:
                self.pace.look(now)
            return False

    return Arrivals()


def _released(flow: Flow, cook: Callable[[], object], seconds: float, rounds: int) -> Iterator[Figure]:
    def elsewhere() -> float:
        other = subprocess.Popen([sys.executable, __file__, "--cook"], stdout=subprocess.PIPE, text=True)
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "cooking\n"
            return flow.rate(seconds)
        finally:
            other.terminate()
            other.communicate(timeout=10)

    taken: dict[str, list[tuple[float, float]]] = {"cook": [], "none": [], "elsewhere": []}

    def noted(way: str, rate: Callable[[], float]) -> float:
        sender, server = flow.spent()
        found = rate()
        sender_then, server_then = flow.spent()
        taken[way].append(((sender_then - sender) / seconds, (server_then - server) / seconds))
        return found

    rates = {"cook": lambda: flow.rate(seconds, cook), "none": lambda: flow.rate(seconds), "elsewhere": elsewhere}
    found = interleaved({way: lambda way=way: noted(way, rates[way]) for way in rates}, rounds)
    middle = medians(found)
    sender, server = ({way: statistics.median(one[i] for one in taken[way]) for way in taken} for i in (0, 1))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    shares = ", ".join(f"{way} {sender[way]:.2f} and {server[way]:.2f}" for way in taken)
    note = f"median of {rounds} rounds of {seconds:g} s; {cores} processors, where three want one each; "
    note += f"what sender and server's thread take of one: {shares}"
    for way, peer in (("none", "without the cook"), ("elsewhere", "the cook in another process")):
        yield Figure(
            f"{KINDS[flow.kind]} received while the main thread cooks in C that releases the lock",
            middle["cook"],
            "messages/s",
            peer,
            middle[way],
            middle["cook"] / middle[way],
            0.9,
            1.0,
            note=note,
        )


def _held(flow: Flow, hold: Callable[[], object], holds: int) -> Iterator[Figure]:
    session, arrivals, sent = flow.session, flow.arrivals, flow.sent
    arrivals.pace = Pace()
    undisturbed: list[_Round] = []
    held: list[_Round] = []
    lasted: list[float] = []
    for _ in range(-(-holds // HOLDS_A_ROUND)):
        rate = flow.rate(1.0)
        pretended = [arrivals.times[0] + 0.2 + FREE_S * number for number in range(HOLDS_A_ROUND)]
        undisturbed.append(_Round(flow, pretended, rate))
        ends = []
        # With a sender beside it a hold may take half as long again; it sends until the last one is over, and longer.
        with flow.round((2 * HOLD_S + FREE_S) * HOLDS_A_ROUND + 0.2):
            session.run_for(0.1)
            for _ in range(HOLDS_A_ROUND):
                began = time.monotonic()
                hold()
                ends.append(time.monotonic())
                lasted.append(ends[-1] - began)
                session.run_for(FREE_S)
        assert ends[-1] + FREE_S <= flow.sent_until, "the sender ended before the last hold did: this says nothing"
        held.append(_Round(flow, ends))
    arrivals.pace = None
    usual = statistics.median(one.pace.usual(one.times[0], one.times[-1]) for one in undisturbed)
    took = [look / usual for one in held for end in one.ends for look in one.pace.looks(end, end + FREE_S)]
    full = statistics.median(full_rate(one.times, one.counts) for one in undisturbed)
    ours, floor = ([ms for one in rounds for ms in one.back(full)] for rounds in (held, undisturbed))
    evened = [ms for one in held for ms in one.back(full, usual)]
    mean = statistics.median(one.rate for one in undisturbed)
    free = [one.came(end) / FREE_S for one in held for end in one.ends]
    note = (
        f"95th percentile of {len(ours)} holds of {statistics.median(lasted) * 1000:.0f} ms; median "
        f"{statistics.median(ours):.1f}, longest {max(ours):.1f}; where nothing was held {quantile(floor, 0.95):.1f}, "
        f"median {statistics.median(floor):.1f}; full: {full / mean:.2f} of the mean of {mean:,.0f}/s; in all the free "
        f"times together {statistics.fmean(free) / mean:.2f} of it; {sum(one >= HELD_UP_MS for one in ours)} not back "
        f"in time"
    )
    work = f"{KINDS[flow.kind]}: full rate again after 200 ms of Python that holds the lock, repeated"
    value = quantile(ours, 0.95)
    yield Figure(work, value, "ms", value=value, must=50, want=10, better="less", note=note)
    note = f"{sum(one >= HELD_UP_MS for one in evened)} not back in time; then a piece of work took the processor "
    note += f"{quantile(took, 0.05):.2f} to {quantile(took, 0.95):.2f} of its usual time"
    yield Figure(f"{work}, were the processor never slower than usual", quantile(evened, 0.95), "ms", note=note)
    note = f"of {flow.sent - sent:,} sent; the run fails where one is missing"
    yield Figure(f"{KINDS[flow.kind]}: delivered in that run", 100.0, "%", value=100.0, must=100, note=note)


class _Round:
    """When what was received in a round, when holds ended in it, or are pretended to, its rate, and the pace of it."""

    def __init__(self, flow: Flow, ends: list[float], rate: float = 0.0) -> None:
        self.times, self.counts = flow.arrivals.times.copy(), flow.arrivals.counts.copy()
        self.ends, self.rate = ends, rate
        self.pace: Pace = flow.sender_pace if flow.kind == "http" else flow.arrivals.pace

    def came(self, since: float) -> float:
        """Return how many messages came in the free time from `since` on."""
        return arrived(self.times, self.counts, since, since + FREE_S)

    def back(self, rate: float, usual: float | None = None) -> list[float]:
        """Return in ms when the full rate was back after each end; with the `usual` pace, counted at its speed."""
        counts = self.counts if usual is None else self.pace.evened(self.times, self.counts, usual)
        found = [back_to_full_rate(self.times, counts, end, end + FREE_S, rate) for end in self.ends]
        return [HELD_UP_MS if one is None else one * 1000 for one in found]


# -- the senders -------------------------------------------------------------------------------------------------------


def _send(kind: str, port: int) -> None:
    from session import in_rounds

    if kind == "paced":
        from hdaemon.client import Client

        client, text = Client(port=port), "x" * MESSAGE_BYTES

        def one_round(seconds: str) -> tuple[object, ...]:
            count, began = 0, time.monotonic()
            due = int(PACED * float(seconds))
            while count < due:
                now = time.monotonic() - began
                while count < min(PACED * now, due):
                    client.send(text, "cook")
                    count += 1
                time.sleep(PACED_EVERY_S)
            over = time.monotonic()
            assert client.flush().count == count
            return (began, count, over)
    elif kind == "http":
        from hdaemon.client import Client

        client, text = Client(port=port), "x" * MESSAGE_BYTES

        def one_round(seconds: str) -> tuple[object, ...]:
            pace, count, began = Pace(), 0, time.monotonic()
            end = began + float(seconds)
            while (now := time.monotonic()) < end:
                pace.look(now)
                client.send(text, "cook")
                count += 1
            over = time.monotonic()
            assert client.flush().count == count
            return (began, count, over, *pace.words())
    else:
        import socket

        sock = socket.create_connection(("127.0.0.1", port), 5)
        sock.settimeout(30)
        lines = (b"x" * (MESSAGE_BYTES - 1) + b"\n") * 655

        def one_round(seconds: str) -> tuple[object, ...]:
            count, began = 0, time.monotonic()
            end = began + float(seconds)
            while time.monotonic() < end:
                sock.sendall(lines)
                count += 655
            return (began, count, time.monotonic())

    in_rounds(one_round)


def _cook_elsewhere() -> None:
    buffer = os.urandom(1 << 20) * (HASHED_BYTES >> 20)
    print("cooking", flush=True)
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        hashlib.sha256(buffer)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--sender" in sys.argv:
        _send(sys.argv[2], int(sys.argv[3]))
    elif "--cook" in sys.argv:
        _cook_elsewhere()
    else:
        sys.exit(alone(figures, __doc__))
