"""Small messages by HTTP: what the client library sends, and what each costs the server.

``python bench/small.py [--count 50000] [--rounds 7]``. The sender is a process of its own: 100-byte messages, written
together (`Client.batch`) and one by one, all acknowledged, and round trips. What they cost the server is its thread's
processor time, so that other programs on the machine change it little. Prints medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import threading
import time

from hdaemon.log import RingLog
from hdaemon.server.loop import ServerLoop
from hdaemon.store import Store

_SENDER = """
import sys, time
from hdaemon.client import Client
port, count = int(sys.argv[1]), int(sys.argv[2])
text = "x" * 100
with Client(port=port) as client:
    client.send(text, "a", wait=True)
    began = time.perf_counter()
    with client.batch():
        for _ in range(count):
            client.send(text, "a")
    client.flush()
    batched = count / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range(count // 5):
        client.send(text, "a")
    client.flush()
    single = count // 5 / (time.perf_counter() - began)
    trips = []
    for _ in range(1000):
        began = time.perf_counter()
        client.send(text, "a", wait=True)
        trips.append(time.perf_counter() - began)
print(batched, single, sorted(trips)[500])
"""


def main() -> int:
    """Run the rounds; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    found: list[tuple[float, float, float, float]] = []
    for _ in range(args.rounds):
        loop = ServerLoop("small", "127.0.0.1", 0, "evaluate", log=RingLog(), store=Store())
        spent = [0.0]

        def serve(loop: ServerLoop = loop, spent: list[float] = spent) -> None:
            loop.run()
            spent[0] = time.thread_time()

        thread = threading.Thread(target=serve, name="hdaemon small")
        thread.start()
        try:
            assert loop.listening.wait(5), "the server did not start"
            command = [sys.executable, "-c", _SENDER, str(loop.port), str(args.count)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        finally:
            loop.stop()
            thread.join(5)
        batched, single, trip = map(float, done.stdout.split())
        found.append((batched, single, trip, spent[0] / loop.messages_received))
    batched, single, trip, cost = (statistics.median(values) for values in zip(*found, strict=True))
    print(f"written together {batched:,.0f}/s, one by one {single:,.0f}/s, acknowledged")
    print(f"round trip {trip * 1e6:.0f} us (median)")
    print(f"the server's thread: {cost * 1e6:.1f} us of processor time a message, all three kinds together")
    return 0


if __name__ == "__main__":
    sys.exit(main())
