"""Where the time of a large array goes, stage by stage: what docs/performance.md says of it.

``python bench/stages.py [--megabytes 12] [--rounds 45] [--cook]``. From `Client.send` to the array's last value, read
by a thread of the session; with ``--cook`` by the main thread, which runs Python without pause and looks now and then.
Sent by shared memory and by TCP, in turns; medians. Moments are noted by wrapping methods of the client and the server,
which costs some microseconds a stage; the clock is one for all processes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from arrays import OURS, SHARED, TCP, WARM_UP
from session import ROUND_S, Sender, Session, in_rounds, python_cook

CHANNEL = "bench/stages"

STAGES = {
    SHARED: ("memory asked for", "copied", "request taken", "stored", "in a thread's hand", "read"),
    TCP: ("head made", "head received", "body begun", "body received", "stored", "in a thread's hand", "read"),
}
"""What has been done at the end of each stage; the first ones are the sender's."""

FILL = 20
"""Rounds before those that count, besides those that warm up: then the log is full of messages of 12 MB."""

Marks = dict[str, float]


def note(marks: Marks, owner: type, method: str, *, begun: str = "", ended: str = "") -> None:
    """Have the moment noted at which a method is called first, and that at which it returned last."""
    original: Callable[..., Any] = getattr(owner, method)

    def noted(*args: Any, **more: Any) -> Any:
        if begun:
            marks.setdefault(begun, time.monotonic())
        try:
            return original(*args, **more)
        finally:
            if ended:
                marks[ended] = time.monotonic()

    setattr(owner, method, noted)


def send(port: str, megabytes: str) -> None:
    """Send an array by the way that is named, each round; say when it began, and when the sender's stages ended."""
    import numpy as np

    from hdaemon import client

    marks: Marks = {}
    note(marks, client._Segments, "write", begun="memory asked for", ended="copied")
    note(marks, client.Client, "_write_one", begun="head made")
    clients = {way: client.Client(port=int(port), shared_memory=way == SHARED) for way in OURS}
    source = np.random.default_rng(1).random(int(float(megabytes) * 1e6) // 4, np.float32)
    array = source.copy()

    def one_round(way: str, number: str) -> tuple[object, ...]:
        np.multiply(source, 1 + int(number) / 1000, out=array)
        array[-1] = int(number)
        marks.clear()
        began = time.monotonic()
        clients[way].send(array, CHANNEL)
        return (began, *(marks[stage] for stage in STAGES[way] if stage in marks))

    in_rounds(one_round)


class Stages:
    """The session's part: when its stages ended."""

    def __init__(self, session: Session, megabytes: float) -> None:
        import hdaemon
        from hdaemon.server.bodies import Bodies
        from hdaemon.server.shared import Segments

        self.session, self.marks, self._number = session, Marks(), 0
        self.queue = hdaemon.queue(CHANNEL, maxlen=2)
        note(self.marks, Segments, "take", begun="request taken")
        note(self.marks, Bodies, "receive_head", ended="head received")
        note(self.marks, Bodies, "receive", begun="body begun", ended="body received")
        note(self.marks, type(self.queue), "offer", ended="stored")
        self.sender = Sender(__file__, "--sender", str(session.server.port), str(megabytes))

    def round(self, way: str, cook: bool) -> Marks:
        """Return the milliseconds of each stage of one message."""
        self._number += 1
        self.marks.clear()
        found: list[float] = []

        def look() -> None:
            message = self.queue.take(ROUND_S)
            self.marks["in a thread's hand"] = time.monotonic()
            assert message is not None, f"no message in {ROUND_S:g} s"
            found.append(float(message.data[-1]))
            self.marks["read"] = time.monotonic()

        thread = None if cook else threading.Thread(target=look, name="bench stages")
        if thread is not None:
            thread.start()
        self.sender.begin(f"{way} {self._number}")
        if thread is None:
            self.session.until(lambda: len(self.queue) > 0, cook=python_cook)
            look()
        self.session.until(lambda: self.sender.done and (thread is None or not thread.is_alive()))
        began, *senders = map(float, self.sender.told())
        assert found == [self._number], "what arrived is not what was sent"
        ends = dict(zip(STAGES[way], senders, strict=False))
        ends |= {stage: self.marks[stage] for stage in STAGES[way] if stage not in ends}
        took, last = Marks(), began
        for stage in STAGES[way]:
            took[stage] = (ends[stage] - last) * 1000
            last = ends[stage]
        return took | {"all": (last - began) * 1000}

    def close(self) -> None:
        """End it."""
        self.queue.close()
        self.sender.close()


def main() -> int:
    """Print the stages of each way; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=45)
    parser.add_argument("--cook", action="store_true", help="the main thread runs Python without pause")
    args = parser.parse_args()
    if args.megabytes < 9:
        parser.error("smaller messages all go by TCP: give 9 MB or more")
    with Session("stages") as session:
        stages = Stages(session, args.megabytes)
        try:
            rounds = [{way: stages.round(way, args.cook) for way in OURS} for _ in range(WARM_UP + FILL + args.rounds)]
        finally:
            stages.close()
    for way in OURS:
        print(f"{args.megabytes:g} MB by {way}, median of {args.rounds} rounds, ms:")
        for stage in (*STAGES[way], "all"):
            print(f"  {stage:20}{statistics.median(one[way][stage] for one in rounds[-args.rounds :]):7.2f}")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if sys.argv[1:2] == ["--sender"]:
        send(*sys.argv[2:])
    else:
        sys.exit(main())
