"""What the soak compares the main thread with: ``python soak_control.py``, a process that does nothing but tick.

It sleeps 5 ms at a time, with the usual priority. What makes it late is the machine: other work on it, or its host.
Each round says when it was late since the round before.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from session import TICK_MS, in_rounds

_TOLD_MS = 15.0


class Control(threading.Thread):
    """Ticks.

    Attributes:
        late: when it was late: from and to, on the monotonic clock.
    """

    def __init__(self) -> None:
        super().__init__(name="control", daemon=True)
        self.late: list[tuple[float, float]] = []

    def run(self) -> None:
        """Tick until the process ends."""
        before = time.monotonic()
        while True:
            time.sleep(TICK_MS / 1000)
            now = time.monotonic()
            if (now - before) * 1000 >= _TOLD_MS:
                self.late.append((before, now))
            before = now

    def round(self, _: str) -> tuple[str]:
        """Return when it was late, as JSON; begin anew."""
        late, self.late = self.late, []
        return (json.dumps(late, separators=(",", ":")),)


if __name__ == "__main__":
    control = Control()
    control.start()
    in_rounds(control.round)
