"""What the soak compares the main thread with: ``python soak_control.py``, a process that does nothing but tick.

A thread for each processor sleeps 5 ms at a time, before all other work where the system permits that (SCHED_FIFO,
sched(7)), else with the usual priority. What makes one late is the machine: its host, which runs something else, or a
call into the system that cannot be interrupted. Each round says when each was late since the round before.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from session import TICK_MS, in_rounds

_TOLD_MS = 10.0
_PRIORITY = 1


class Control(threading.Thread):
    """Ticks on one processor.

    Attributes:
        late: when it was late: from and to, on the monotonic clock.
    """

    def __init__(self, processor: int) -> None:
        super().__init__(name=f"control {processor}", daemon=True)
        self._processor = processor
        self.late: list[tuple[float, float]] = []

    def run(self) -> None:
        """Tick until the process ends."""
        os.sched_setaffinity(0, [self._processor])  # of this thread alone
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        before = time.monotonic()
        while True:
            time.sleep(TICK_MS / 1000)
            now = time.monotonic()
            if (now - before) * 1000 >= _TOLD_MS:
                self.late.append((before, now))
            before = now


def one_round(controls: list[Control]) -> tuple[str]:
    """Return when each was late, as JSON; begin anew."""
    late = []
    for control in controls:
        late.append(control.late)
        control.late = []
    return (json.dumps(late, separators=(",", ":")),)


if __name__ == "__main__":
    controls = [Control(processor) for processor in sorted(os.sched_getaffinity(0))]
    for control in controls:
        control.start()
    in_rounds(lambda _: one_round(controls))
