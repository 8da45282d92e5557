"""Lines flooding into a server while its panel is open: what the main thread feels, what arrives, what memory does.

``python bench/flood.py [--seconds 20] [--size 100] [--png FILE]``. The sender is a process of its own and sends
lines as fast as it can; the panel is open and painted (set QT_QPA_PLATFORM=offscreen where there is no screen).
Prints figures; exits 1 when a line was lost from the counts or a limit of the design was broken.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

_SENDER = """
import socket, sys, time
host, port, seconds, size = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
line = b"x" * (size - 1) + b"\\n"
block = line * max(1, 65536 // size)
lines = 0
with socket.create_connection((host, port), 5) as s:
    if sys.argv[5] == "evaluate":
        s.sendall(b"evaluate\\n")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        s.sendall(block)
        lines += len(block) // size
print(lines)
"""


def rss_mb() -> float:
    """Return the process's resident memory in MB."""
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e6


def main() -> int:
    """Run the flood; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--size", type=int, default=100, help="bytes a line, its end included")
    parser.add_argument("--mode", choices=("print", "evaluate"), default="evaluate")
    parser.add_argument("--filter", default="", help="text in the panel's filter while the lines flood in")
    parser.add_argument("--no-panel", action="store_true")
    parser.add_argument("--max-gap-ms", type=float, default=50.0)
    parser.add_argument("--p99-ms", type=float, default=16.0)
    args = parser.parse_args()

    from hdaemon_panel import standalone
    from qtpy import QtCore

    import hdaemon

    app = standalone.application()
    server = hdaemon.start("flood", port=0)
    panel = standalone.window("flood")
    if not args.no_panel:
        panel.resize(900, 700)
        panel.show()
        panel.log.filter.setText(args.filter)
    for _ in range(20):
        app.processEvents()

    gaps: list[float] = []
    memory: list[float] = []
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        gaps.append((now - last[0]) * 1000)
        last[0] = now

    timer = QtCore.QTimer()
    timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
    timer.setInterval(5)
    timer.timeout.connect(tick)
    sampler = QtCore.QTimer()
    sampler.setInterval(1000)
    sampler.timeout.connect(lambda: memory.append(rss_mb()))
    sender = subprocess.Popen(
        [sys.executable, "-c", _SENDER, server.host, str(server.port), str(args.seconds), str(args.size), args.mode],
        stdout=subprocess.PIPE,
        text=True,
    )
    began = time.perf_counter()
    done = QtCore.QTimer()
    done.setInterval(20)

    def check() -> None:
        if sender.poll() is not None and not server.clients:
            app.quit()

    done.timeout.connect(check)
    last[0] = time.perf_counter()
    for each in (timer, sampler, done):
        each.start()
    QtCore.QTimer.singleShot(int((args.seconds + 30) * 1000), app.quit)
    app.aboutToQuit.disconnect()  # the server is stopped below, after it has been asked
    app.exec_()
    took = time.perf_counter() - began
    out, _ = sender.communicate(timeout=10)
    sent = int(out)
    received = server.messages_received
    server.stop()
    gaps.sort()
    p99 = gaps[int(len(gaps) * 0.99)]
    print(
        f"lines sent {sent:,}  received {received:,}  {received / took / 1e6:.2f} M lines/s  "
        f"{server.bytes_received / took / 1e6:.0f} MB/s"
    )
    print(
        f"main thread, gaps between 5 ms ticks: median {statistics.median(gaps):.1f}  p99 {p99:.1f}  "
        f"longest {gaps[-1]:.1f} ms  ({len(gaps)} ticks)"
    )
    if len(memory) > 4:
        half = len(memory) // 2
        print(f"memory: {memory[0]:.0f} MB after 1 s, {memory[half]:.0f} MB half-way, {memory[-1]:.0f} MB at the end")
    print(f"log: {len(server.log):,} rows, {server.log.rows_dropped:,} dropped")
    good = sent == received and gaps[-1] <= args.max_gap_ms and p99 <= args.p99_ms
    if not good:
        print("not within the limits: nothing lost, p99 at most", args.p99_ms, "ms, longest", args.max_gap_ms, "ms")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
