"""What the soak measures of its own process: memory, the main thread's gaps and what they were spent on (Linux)."""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import sys
import threading
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from session import Gaps

MIB = 1024 * 1024
TOLD_MS = 25.0
"""Gaps of so many milliseconds or more are told."""

LOOK_MS = 20.0
"""So late the main thread's stack is looked at."""


def slope(points: list[tuple[float, float]]) -> float:
    """Return the median of the slopes between all pairs of points (Theil and Sen): one odd point does not move it."""
    found = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 != x1]
    return statistics.median(found) if found else 0.0


def memory(*fields: str) -> list[int]:
    """Return fields of /proc/self/status, in bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return [int(lines[field].split()[0]) * 1024 for field in fields]


def let_go() -> None:
    """Have everything freed that nobody holds: what is left is held."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


Call = tuple[CodeType, int]
Look = tuple[str, list[Call]]
"""A thread's name, and where it was."""


@dataclass(frozen=True)
class Gap:
    """A time in which the main thread handled no event.

    Attributes:
        began, ended: on the monotonic clock, in seconds.
        own_ms: what of it the main thread ran. queued_ms: what of it the system kept it waiting for a processor,
            since 10 or 20 ms before it began. The rest it waited for something: the interpreter's lock, mostly.
        collected_ms: the longest garbage collection that ended in it, on any thread; `generation` is which.
        looks: where threads were meanwhile. A call that keeps the interpreter's lock is where its thread is seen next.
    """

    began: float
    ended: float
    own_ms: float
    queued_ms: float
    collected_ms: float
    generation: int
    looks: tuple[Look, ...]

    @property
    def ms(self) -> float:
        """How long it was."""
        return (self.ended - self.began) * 1000

    @property
    def seen(self) -> list[str]:
        """Where threads were, as text."""
        return [
            f"{name} at " + " < ".join(f"{Path(code.co_filename).name}:{line} {code.co_name}" for code, line in calls)
            for name, calls in self.looks
        ]

    def __str__(self) -> str:
        text = f"{self.ms:.0f} ms (ran {self.own_ms:.0f}, waited for a processor {self.queued_ms:.0f}"
        if self.collected_ms >= 1:
            text += f", collection of generation {self.generation} {self.collected_ms:.0f}"
        return text + ")"


def _calls(frame: FrameType | None) -> list[Call]:
    """Return the innermost three calls of a stack."""
    calls: list[Call] = []
    while frame is not None and len(calls) < 3:
        calls.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return calls


class Watch(threading.Thread):
    """Looks at where the threads are while the main one is late.

    It takes the interpreter's lock from them, and most when that is short: so it wakes by one call, and what it sees is
    made text later. With an Event, names and paths a look was 1 to 2 ms, and 5 to 9 while the machine was slow.
    """

    def __init__(self, meter: Meter) -> None:
        super().__init__(name="soak watch", daemon=True)
        self._meter, self._goes_on = meter, threading.Lock()
        self._goes_on.acquire()
        self._names: dict[int, str] = {}  # of each thread that was seen; "" where it is of no interest
        self.start()

    def run(self) -> None:
        """Look every 10 ms."""
        while not self._goes_on.acquire(timeout=0.01):
            if not self._meter.late_ms > LOOK_MS:
                self._meter.note_queued()
                continue
            for ident, frame in sys._current_frames().items():
                if name := self._name_of(ident):
                    self._meter.looks.append((name, _calls(frame)))
            del frame  # one that is held keeps all that lies in it

    def _name_of(self, ident: int) -> str:
        if ident not in self._names:
            known = {thread.ident: thread for thread in threading.enumerate()}.get(ident)
            wanted = known is threading.main_thread() or (known is not None and known.name.startswith("hdaemon"))
            self._names[ident] = known.name if known is not None and wanted else ""
        return self._names[ident]

    def end(self) -> None:
        """Look no more."""
        self._goes_on.release()
        self.join(5)


class Meter(Gaps):
    """The main thread's gaps, and why the long ones were.

    Attributes:
        long: those of `TOLD_MS` and more. worst: the longest of all, in ms. ticks: how many there were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.long: list[Gap] = []
        self.worst, self.ticks = 0.0, 0
        self._running = False
        self._schedstat = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        self._before = time.monotonic(), time.thread_time()
        self.note_queued()
        self._collected: list[tuple[float, float, int]] = []
        self._collecting: dict[int, float] = {}
        self.looks: list[Look] = []
        gc.callbacks.append(self._on_collection)
        self._watch = Watch(self)

    @property
    def late_ms(self) -> float:
        """For how long no event has been handled; on any thread."""
        return (time.perf_counter() - self._last) * 1000 if self._running else 0.0

    def close(self) -> None:
        """Measure no more."""
        self.stop()
        self._watch.end()
        os.close(self._schedstat)
        gc.callbacks.remove(self._on_collection)

    def start(self) -> None:
        """Begin, or go on after a pause, which does not count."""
        self._before = time.monotonic(), time.thread_time()
        self.note_queued()
        super().start()
        self._running = True

    def stop(self) -> None:
        """End, for a while or for good."""
        self._running = False
        super().stop()

    def note_queued(self) -> None:
        """Remember how long the main thread has waited for a processor so far; on any thread.

        The main thread itself reads it only after a long gap: each file that it reads is a turn at the interpreter's
        lock, which may take 5 ms. Four of them a tick were a good part of the gaps that they were to explain.
        """
        self._queued_ms = self._queued()

    def _queued(self) -> float:
        # proc(5), /proc/PID/schedstat: nanoseconds on a processor, and waiting for one.
        return int(os.pread(self._schedstat, 100, 0).split()[1]) / 1e6

    def _on_collection(self, phase: str, info: dict[str, Any]) -> None:
        thread = threading.get_ident()
        if phase == "start":
            self._collecting[thread] = time.monotonic()
        elif thread in self._collecting:
            began, now = self._collecting.pop(thread), time.monotonic()
            self._collected.append((now, (now - began) * 1000, info["generation"]))

    def _on_tick(self) -> None:
        super()._on_tick()
        self.all.clear()  # all of an hour would be memory that grows
        before, self._before = self._before, (time.monotonic(), time.thread_time())
        last = (self._before[0] - before[0]) * 1000
        self.ticks += 1
        self.worst = max(self.worst, last)
        collected, self._collected = self._collected, []
        looks, self.looks = self.looks, []
        if last < TOLD_MS:
            return
        now, ran_ms = self._before[0], (self._before[1] - before[1]) * 1000
        queued_ms = self._queued() - self._queued_ms
        self.note_queued()
        ended_at = [(ms, generation) for ended, ms, generation in collected if ended >= before[0]]
        longest, generation = max(ended_at, default=(0.0, 0))
        self.long.append(Gap(before[0], now, ran_ms, queued_ms, longest, generation, tuple(looks)))
