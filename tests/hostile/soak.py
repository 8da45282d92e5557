"""Hours of traffic in a minute: ``python soak.py [--gb 20] [--minutes 20] [--seed WORD]`` (Linux).

A Qt program with its panel open receives lines, bursts, HTTP bodies small and large, by TCP and by shared memory,
WebSocket messages and meshes, of 1 byte to 500 MB, from a process a door (soak_senders.py), and hands them to a queue
and to a callback. It fails when

- messages or bytes are counted differently at the two ends, in the log, or by queue and callback;
- memory grows by more than 1 MB a GB, or in a run of less than 10 GB by more than 32 MB in all: what is held at rest,
  between two rounds, after the log has let go of all but a little, and the pools of what they keep for the next
  message. The first rounds, in which pools and log fill up and what is imported late is imported, do not count;
- the main thread handles no event for more than 50 ms, whatever the reason. The senders take what the session leaves of
  the processors (see soak_senders.py); other work on the machine is not held back, and may make it fail: what of a gap
  the system kept the main thread waiting for a processor is told, and how long processors stood still meanwhile, for
  whoever wanted them (see soak_control.py). Nothing is subtracted;
- descriptors or threads are left, the process does not end by itself, with status 0, or Qt or Python complains;
- it takes longer than it may.

The exit status is 0 when nothing of that happened.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from session import Sender, Session
from soak_ending import descriptors, left, threads, watched
from soak_meter import MIB, Gap, Meter, let_go, memory, slope
from soak_senders import SHARES

GB = 1_000_000_000
MAX_GAP_MS = 50.0
MAX_SLOPE_MB = 1.0
SLOPE_GB = 10.0
"""From so many GB after the warm-up on the slope is judged."""

NOISE_MB = 32.0
"""In shorter runs the memory at rest may grow by as much in all: it differs by up to 30 MB from one time to the next,
as the small objects that stay lie in the allocator's pieces."""

ROUNDS = 20  # no round is larger than 1 GB
WARM_UP = 0.25  # of the rounds
REST_S = 5.0
"""How long it may take until memory that nobody uses has gone back to the system."""


class Soak:
    """The session, what sends to it, and what was found."""

    def __init__(self, session: Session, seed: str, deadline: float) -> None:
        import hdaemon

        self.session, self.deadline = session, deadline
        self.server = session.server
        self.faults: list[str] = []
        self.points: list[tuple[float, float]] = []  # GB sent so far, MB held at rest
        self.gaps: list[tuple[Gap, str]] = []
        self.stopped_ms = 0.0  # the longest that a processor stood still, in all that anybody could see
        self.stops = 0
        self.peak = 0
        self.called: Counter[str] = Counter()
        self.called_bytes: Counter[str] = Counter()
        self.taken = 0
        self._shares: list[float] = []
        self.callback = hdaemon.on("#", self._on_messages)
        self.queue = hdaemon.queue("#")
        self._qt = session._core
        self._timer = self._qt.QTimer()
        self._timer.setInterval(10)
        self._timer.timeout.connect(self._take)
        self._timer.start()
        self.meter = Meter()
        script = str(Path(__file__).with_name("soak_senders.py"))
        self._open = ExitStack()
        self.control = self._open.enter_context(Sender(script.replace("soak_senders", "soak_control")))
        self.senders = {}
        for door in SHARES:
            self.senders[door] = self._open.enter_context(Sender(script, door, str(self.server.port), seed))

    def _on_messages(self, messages) -> None:
        for message in messages:
            self.called[message.channel] += 1
            self.called_bytes[message.channel] += len(message)

    def _take(self) -> None:
        self.taken += len(self.queue.take_all(200))

    # -- a round ----------------------------------------------------------------------------------------

    def round(self, target: float) -> None:
        """Have `target` bytes sent, since the start; look at everything then."""
        said = {}
        for door, sender in self.senders.items():
            sender.begin(str(int(target * SHARES[door])))
        with self.meter:
            for door, sender in self.senders.items():
                self._until(lambda sender=sender: sender.done)
                said[door] = json.loads(sender.told()[0])
            counts = _sums(said)
            self._until(lambda: self.server.messages_received >= sum(n for n, _ in counts.values()))
            self._until(lambda: not len(self.callback) and not len(self.queue))
            self.control.begin()
            self._until(lambda: self.control.done)
            late = json.loads(self.control.told()[0])
        self._compare(counts)
        for stops in late:
            self.stopped_ms = max([self.stopped_ms, *((ended - began) * 1000 for began, ended in stops)])
            self.stops += len(stops)
        for gap in self.meter.long:
            self.gaps.append((gap, _under_way(gap, said) + _control(gap, late)))
        self.meter.long.clear()
        self.peak = max(self.peak, *memory("VmHWM"))
        self.sent = sum(size for _, size in counts.values())
        self.count = sum(n for n, _ in counts.values())
        held = memory("VmRSS")[0]
        self._rest()
        anonymous, shared, at_rest = memory("RssAnon", "RssShmem", "VmRSS")
        self.points.append((self.sent / GB, (anonymous + shared) / 1e6))
        say(
            f"{self.sent / GB:6.2f} GB, {self.count:,} messages; {held / 1e6:.0f} MB in use, {at_rest / 1e6:.1f} at "
            f"rest ({shared / 1e6:.1f} shared); longest gap so far {self.meter.worst:.0f} ms"
        )

    def _until(self, predicate) -> None:
        self.session.until(predicate, max(0.1, self.deadline - time.monotonic()))

    def _compare(self, counts: dict[str, tuple[int, int]]) -> None:
        """Compare what was sent with what was received."""
        for channel, sent in counts.items():
            info = self.server.channel(channel)
            got = (0, 0) if info is None else (info.messages, info.bytes)
            if got != sent:
                self.faults.append(f"{channel}: sent {sent}, received {got} (messages, bytes)")
            if self.callback.overflowed == 0 and self.called[channel] != sent[0]:
                self.faults.append(f"{channel}: the callback was given {self.called[channel]} of {sent[0]} messages")
        total = sum(n for n, _ in counts.values())
        for name, given, overflowed in (
            ("callback", sum(self.called.values()), self.callback.overflowed),
            ("queue", self.taken, self.queue.overflowed),
        ):
            if given + overflowed != total:
                self.faults.append(f"{name}: {given} given and {overflowed} overflowed of {total} messages")
        rows = self.server.log
        if len(rows) > rows.max_rows or rows.payload_bytes > rows.max_payload_bytes:
            self.faults.append(f"the log is over its limits: {len(rows)} rows, {rows.payload_bytes} bytes")

    def _rest(self) -> None:
        """Bring the session to where it can be compared with itself: nothing held but what is held for good."""
        from hdaemon.server import pool, shared

        log, kept = self.server.log, (self.server.log.max_rows, self.server.log.max_payload_bytes)
        log.set_limits(100, MIB)
        log.set_limits(*kept)
        self.server.store.clear()
        keeps = pool.KEEP_S, shared.KEEP_S, shared._LOOK_S
        pool.KEEP_S = shared.KEEP_S = shared._LOOK_S = 0.05
        try:
            end, least, since = time.monotonic() + REST_S, 1 << 60, time.monotonic()
            while time.monotonic() < min(end, since + 0.3):
                self.server._loop._wake()  # it looks at its deadlines
                self.session.run_for(0.05)
                now = memory("VmRSS")[0]
                if now < least - MIB:
                    least, since = now, time.monotonic()
        finally:
            pool.KEEP_S, shared.KEEP_S, shared._LOOK_S = keeps
        let_go()

    def close(self) -> None:
        """End the senders, and what was made here."""
        self._open.close()
        self.meter.close()
        self._timer.stop()
        self.callback.close()
        self.queue.close()


def _sums(said: dict[str, dict]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for one in said.values():
        for channel, (count, size) in one["counts"].items():
            before = sums.get(channel, (0, 0))
            sums[channel] = (before[0] + count, before[1] + size)
    return sums


def _under_way(gap: Gap, said: dict[str, dict]) -> str:
    """Return which large messages were sent while the gap lasted, or ended shortly before."""
    found = [
        f"{door} {size / 1e6:.0f} MB"
        for door, one in said.items()
        for began, ended, size in one["large"]
        if began < gap.ended and ended > gap.began - 0.1
    ]
    return ", ".join(found) or "small messages only"


def _control(gap: Gap, late: list[list[tuple[float, float]]]) -> str:
    """Return for how long processors stood still while the gap lasted."""
    each = (
        sum(max(0.0, min(ended, gap.ended) - max(began, gap.began)) * 1000 for began, ended in stops) for stops in late
    )
    texts = [f"{number} for {ms:.0f} ms" for number, ms in enumerate(each) if ms >= 1]
    return "; of it stood still processor " + ", ".join(texts) if texts else ""


def run(gb: float, minutes: float, seed: str, most_ms: float) -> list[str]:
    """Run it all in this process; return what was wrong. `most_ms`: of a gap that does not fail the run."""
    deadline = time.monotonic() + minutes * 60
    import numpy  # noqa: F401 - its threads are not ours

    from hdaemon import Limits

    with Session("soak-before"):  # what Qt and the panel make once and keep
        pass
    gc.collect()
    before = descriptors(), threads()
    faults: list[str] = []
    # A sender that waits for a processor must not have its message cut: silence is what ends one without an end.
    with Session("soak", limits=Limits(silence_s=5.0)) as session:
        soak = Soak(session, seed, deadline)
        rounds = max(ROUNDS, round(gb))
        say(f"port {session.server.port}, {gb:g} GB in {rounds} rounds, seed {seed}")
        try:
            for number in range(1, rounds + 1):
                soak.round(gb * GB * number / rounds)
        except TimeoutError:
            faults.append(f"{minutes:g} minutes are over, and {gb:g} GB were not reached")
        finally:
            soak.close()
        faults += soak.faults
    say(f"{soak.count:,} messages, {soak.sent / GB:.2f} GB; peak {soak.peak / 1e6:.0f} MB")
    say(
        f"callback: {sum(soak.called.values()):,} given, {soak.callback.overflowed:,} overflowed; "
        f"queue: {soak.taken:,} given, {soak.queue.overflowed:,} overflowed"
    )
    points = soak.points[int(len(soak.points) * WARM_UP) :]
    grown, span = slope(points), points[-1][0] - points[0][0] if points else 0.0
    most = MAX_SLOPE_MB * span if span >= SLOPE_GB else NOISE_MB
    say(f"memory at rest: {grown:+.2f} MB a GB in {span:.1f} GB after the warm-up")
    say(f"    which is {grown * span:.1f} MB in all (at most {most:.1f})")
    if grown * span > most:
        faults.append(f"memory grew by {grown:.2f} MB a GB, {grown * span:.1f} MB in all")
    for gap, what in sorted(soak.gaps, key=lambda pair: -pair[0].ms)[:5]:
        say(f"gap of {gap}: {what}")
        for where, count in Counter(gap.seen).most_common(4):
            say(f"    {count} x {where}")
    worst = soak.meter.worst
    say(f"longest gap of {soak.meter.ticks:,}: {worst:.0f} ms (at most {MAX_GAP_MS:g})")
    say(f"processors stood still {soak.stops} times for 10 ms or more, {soak.stopped_ms:.0f} ms the longest")
    if worst > most_ms:
        faults.append(f"the main thread handled no event for {worst:.0f} ms")
    elif worst > MAX_GAP_MS:
        say(f"MISSED: the main thread handled no event for {worst:.0f} ms; it fails this run from {most_ms:g} on")
    del soak, session
    gc.collect()
    faults += left(before)
    return faults


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gb", type=float, default=20.0, help="how much is sent (%(default)s)")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long it may take (%(default)s)")
    parser.add_argument("--seed", default="soak", help="of the sizes (%(default)s)")
    parser.add_argument("--gap-ms", type=float, default=MAX_GAP_MS, help="a longer gap fails the run (%(default)s)")
    parser.add_argument("--session", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.session:
        faults = watched(__file__, sys.argv[1:], options.minutes)
        say("soak: FAILED\n  " + "\n  ".join(faults) if faults else "soak: all is well")
        return 1 if faults else 0
    faults = run(options.gb, options.minutes, options.seed, options.gap_ms)
    for fault in faults:
        say(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
