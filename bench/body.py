"""One large HTTP body into the store, against plain Python sockets that receive as much into a ready buffer.

``python bench/body.py [--mb 256] [--rounds 7] [--busy]``. Senders are processes of their own and say when they began; a
round ends when the last byte is in the buffer, or when a consumer holds the message. The rounds of both are interleaved
and their medians compared. Prints the ratio, and the peak of memory while one more body is received. With ``--busy``
the main thread runs Python without pause meanwhile, as a cook does, and what waking for every packet costs then is
measured too.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import threading
import time

_SENDER = """
import socket, sys, time
host, port, size, head = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
block = memoryview(bytes(1 << 20))
with socket.create_connection((host, port), 10) as s:
    began = time.monotonic()
    if head:
        s.sendall(head.encode().replace(b"|", b"\\r\\n"))
    left = size
    while left:
        left -= s.send(block[:left])
    s.recv(65536)
print(began)
"""


def send_from_another_process(host: str, port: int, size: int, head: str) -> subprocess.Popen[str]:
    """Start a process that sends `head` and then `size` bytes, waits for an answer, and prints when it began."""
    command = [sys.executable, "-c", _SENDER, host, str(port), str(size), head]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def plain(size: int, buffer: memoryview) -> float:
    """Receive into a ready buffer; return the seconds it took."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = send_from_another_process("127.0.0.1", listener.getsockname()[1], size, "")
        with listener.accept()[0] as peer:
            filled = 0
            while filled < size:
                filled += peer.recv_into(buffer[filled:])
            ended = time.monotonic()
            peer.sendall(b"done")
    return ended - float(sender.communicate(timeout=30)[0])


def main() -> int:
    """Run the rounds; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--busy", action="store_true")
    args = parser.parse_args()
    size = args.mb * 1_000_000

    import numpy
    import psutil

    import hdaemon
    from hdaemon.server import readiness

    low_water = readiness._LOW_WATER_BYTES
    buffer = numpy.empty(size, numpy.uint8)
    buffer[:] = 1  # its pages are there: the limit is the kernel's copy
    server = hdaemon.start("body", port=0, mode="evaluate")
    process = psutil.Process()
    messages = hdaemon.queue("big")
    times: dict[str, list[float]] = {"plain": [], "http": []}

    def http_body() -> float:
        head = f"PUT /channels/big HTTP/1.1|Host: {server.host}:{server.port}|Content-Length: {size}||"
        sender = send_from_another_process(server.host, server.port, size, head)
        give_up = time.monotonic() + 60
        while args.busy and not len(messages) and time.monotonic() < give_up:
            pass
        message = messages.take(timeout_s=60)
        ended = time.monotonic()
        assert message is not None
        assert len(message.payload) == size
        del message
        took = ended - float(sender.communicate(timeout=30)[0])
        server.log.clear()
        hdaemon.store.clear()
        return took

    base, peak, watching = process.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not watching.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss - base)

    watcher = threading.Thread(target=watch)
    watcher.start()
    http_body()  # nothing is warm yet, and memory is watched
    watching.set()
    watcher.join()
    plain(size, memoryview(buffer))
    for _ in range(args.rounds):
        times["plain"].append(plain(size, memoryview(buffer)))
        times["http"].append(http_body())
        if args.busy:
            readiness._LOW_WATER_BYTES = 1
            times.setdefault("http, woken for every packet", []).append(http_body())
            readiness._LOW_WATER_BYTES = low_water
    server.stop()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        best = min(times[name])
        print(f"{name} median {seconds * 1000:6.1f} ms ({size / seconds / 1e9:.2f} GB/s), best {best * 1000:.1f} ms")
    print(f"http at {medians['plain'] / medians['http']:.2f} times the speed of plain sockets")
    print(f"memory while receiving: {peak[0] / size:.2f} times the body")
    return 0


if __name__ == "__main__":
    sys.exit(main())
