"""One large HTTP body into the store, against plain Python sockets that receive as much into a ready buffer.

``python bench/body.py [--mb 256] [--rounds 7]``. Senders are processes of their own; the rounds of both are interleaved
and their medians compared. Prints the ratio, and the peak of memory while one body is received.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import subprocess
import sys
import time

_SENDER = """
import socket, sys, time
host, port, size, head = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
block = memoryview(bytes(1 << 20))
with socket.create_connection((host, port), 10) as s:
    if head:
        s.sendall(head.encode().replace(b"|", b"\\r\\n"))
    left = size
    while left:
        left -= s.send(block[:left])
    s.recv(65536)
"""


def send_from_another_process(host: str, port: int, size: int, head: str) -> subprocess.Popen[bytes]:
    """Start a process that sends `head` and then `size` bytes, and waits for an answer."""
    return subprocess.Popen([sys.executable, "-c", _SENDER, host, str(port), str(size), head])


def plain(size: int, buffer: memoryview) -> float:
    """Receive into a ready buffer; return the seconds from the first byte to the last."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = send_from_another_process("127.0.0.1", listener.getsockname()[1], size, "")
        with listener.accept()[0] as peer:
            filled = peer.recv_into(buffer)
            began = time.perf_counter()
            while filled < size:
                filled += peer.recv_into(buffer[filled:])
            took = time.perf_counter() - began
            peer.sendall(b"done")
    sender.wait(30)
    return took


def main() -> int:
    """Run the rounds; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    size = args.mb * 1_000_000

    import numpy
    import psutil

    import hdaemon

    buffer = numpy.empty(size, numpy.uint8)
    buffer[:] = 1  # its pages are there: the limit is the kernel's copy
    server = hdaemon.start("body", port=0, mode="evaluate")
    process = psutil.Process()
    times: dict[str, list[float]] = {"plain": [], "http": []}
    peak = [0]

    def http_body(number: int) -> float:
        head = f"PUT /channels/big HTTP/1.1|Host: {server.host}:{server.port}|Content-Length: {size}||"
        before = server.bytes_received
        known = server.messages_received
        hdaemon.store.clear()
        base = process.memory_info().rss
        sender = send_from_another_process(server.host, server.port, size, head)
        while server.bytes_received == before:
            time.sleep(0)
        began = time.perf_counter()
        while server.messages_received == known:
            time.sleep(0.0005)
            peak[0] = max(peak[0], process.memory_info().rss - base)
        took = time.perf_counter() - began
        sender.wait(30)
        assert len(hdaemon.store["big"].message.payload) == size
        server.log.clear()
        return took

    plain(size, memoryview(buffer))  # what happens once has happened
    http_body(0)
    for number in range(args.rounds):
        times["plain"].append(plain(size, memoryview(buffer)))
        times["http"].append(http_body(number))
    server.stop()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, seconds in medians.items():
        print(f"{name:6} {seconds * 1000:7.1f} ms  {size / seconds / 1e9:.2f} GB/s")
    print(f"http at {medians['plain'] / medians['http']:.2f} times the speed of plain sockets")
    print(f"memory while receiving: {peak[0] / size:.2f} times the body")
    return 0


if __name__ == "__main__":
    sys.exit(main())
