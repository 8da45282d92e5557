"""Nothing acknowledged is lost: ``python nothing_lost.py --clients 8 --messages 100000``.

Each client is a program of its own that sends numbered messages with `hdaemon.client.Client`, through a proxy that
resets the connection in one piece of ten that it passes on (of large ones in one of a hundred), at a random place; the
client sends again what was not acknowledged. One message in five is sent by itself, the others in batches, and some are
large, of which the client hands most over in shared memory. Half of the way the last client gives up what is not
acknowledged, and goes on.

Then it must hold, message by message: what was acknowledged was handed to the consumer exactly once, under the serial
number that was acknowledged; what was given up, once or not at all. And a second consumer, whose queue is short and
which is slow, must have been handed or told as overflowed exactly what was stored. The exit status is 0 when all of it
holds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from chaos import Chaos

from hdaemon import client as client_module
from hdaemon.client import Ack, Client, Disconnected
from hdaemon.consumers import Queue
from hdaemon.log import RingLog
from hdaemon.server.loop import ServerLoop
from hdaemon.store import Store
from hdaemon.wire.limits import Limits

MIB = 1024 * 1024
LARGE_BYTES = 8 * MIB
"""From this size on a client hands a message over in shared memory."""

BATCH = 400
SHORT_QUEUE = 500


# -- a client -----------------------------------------------------------------------------------------------


def payload(number: int, size: int = 0) -> bytes:
    """Return the message of that number: its digits, and x up to `size` bytes."""
    return b"%08d" % number + b"x" * (size - 8)


def connect(client: Client) -> None:
    """Make the first connection, which a client does not try twice by itself; the proxy may break it."""
    for _ in range(20):
        with contextlib.suppress(Disconnected):
            return client.connect()
    raise SystemExit("there is no connection to be had")


def send(proxy: int, port: int, name: int, messages: int, large: int, gives_up: bool) -> None:
    """Send numbered messages; write what became of each to standard output: [number, serial], 0: not acknowledged."""
    # The server answers to its own name only, not to that of the proxy, which it knows nothing of.
    client_module._host_header = lambda _: f"127.0.0.1:{port}"
    channel, acks = f"lost/{name}", dict[int, Ack]()
    every = max(1, messages // large) if large else 0
    with Client("127.0.0.1", proxy, reconnect_s=30.0, timeout_s=30.0) as client:
        connect(client)
        for first in range(0, messages, BATCH):
            batched = contextlib.nullcontext() if first % (5 * BATCH) == 0 else client.batch()
            with batched:
                for number in range(first, min(first + BATCH, messages)):
                    if every and number % every == every - 1:
                        acks[number] = client.send(payload(number, LARGE_BYTES), channel, "application/octet-stream")
                    else:
                        acks[number] = client.send(payload(number), channel)
            if gives_up and first > messages // 2:
                client.discard()
                gives_up = False
        client.flush(60.0)
    json.dump([[number, ack.serial] for number, ack in acks.items()], sys.stdout)


# -- the server, and what is judged ----------------------------------------------------------------------------


class Consumer(threading.Thread):
    """Takes what a queue holds, until it is closed and empty; `pause_s` after each look."""

    def __init__(self, queue: Queue, pause_s: float = 0.0) -> None:
        super().__init__(daemon=True)
        self.queue, self.pause_s = queue, pause_s
        self.taken: list[tuple[str, int, int, int]] = []  # channel, number, serial, bytes

    def run(self) -> None:
        """Take."""
        while not self.queue.closed or self.queue:
            found = self.queue.take_all(timeout_s=0.2)
            if not found and self.queue.closed:
                return
            for message in found:
                data = memoryview(message.payload)
                self.taken.append((message.channel, int(bytes(data[:8])), message.serial, len(data)))
            if self.pause_s:
                threading.Event().wait(self.pause_s)


def judge(taken: list[tuple[str, int, int, int]], said: dict[str, list[tuple[int, int]]]) -> list[str]:
    """Return what is wrong, if anything: compare what was handed over with what was acknowledged."""
    wrong = []
    times = Counter((channel, number) for channel, number, _, _ in taken)
    serials = {(channel, number): serial for channel, number, serial, _ in taken}
    twice = [key for key, count in times.items() if count > 1]
    acknowledged = {(channel, number): serial for channel, all_ in said.items() for number, serial in all_ if serial}
    missing = [key for key in acknowledged if key not in times]
    other = [key for key, serial in acknowledged.items() if key in serials and serials[key] != serial]
    sent = {(channel, number) for channel, all_ in said.items() for number, _ in all_}
    never = [key for key in times if key not in sent]
    for what, keys in (
        ("handed over more than once", twice),
        ("acknowledged and missing", missing),
        ("acknowledged under another serial", other),
        ("handed over and never sent", never),
    ):
        if keys:
            wrong.append(f"{len(keys)} {what}: {sorted(keys)[:5]}")
    if any(size not in (8, LARGE_BYTES) for _, _, _, size in taken):
        wrong.append("messages were cut")
    order: dict[str, int] = {}
    for channel, number, _, _ in taken:
        if number < order.get(channel, -1):
            wrong.append(f"{channel}: {number} came after {order[channel]}")
            break
        order[channel] = number
    return wrong


def main(clients: int, messages: int, large: int, share: float, seed: int, deadline_s: float) -> int:
    """Run it; print what was seen; return the exit status."""
    store, limits = Store(), Limits(log_rows=10_000, log_payload_bytes=64 * MIB)
    loop = ServerLoop("lost", "127.0.0.1", 0, "evaluate", log=RingLog(10_000, 64 * MIB), store=store, limits=limits)
    thread = threading.Thread(target=loop.run, name="server")
    thread.start()
    assert loop.listening.wait(10)
    assert loop.state == "listening", loop.error
    consumer = Consumer(store.queue("lost/#", maxlen=clients * messages, max_bytes=8 * 1024 * MIB))
    slow = Consumer(store.queue("lost/#", maxlen=SHORT_QUEUE), pause_s=0.05)
    chaos = Chaos(loop.port, share, seed)
    for one in (consumer, slow, chaos):
        one.start()
    began = time.monotonic()
    programs = []
    for name in range(clients):
        words = [str(word) for word in (chaos.port, loop.port, name, messages, large, int(name == clients - 1))]
        programs.append(subprocess.Popen([sys.executable, __file__, "--client", *words], stdout=subprocess.PIPE))
    said: dict[str, list[tuple[int, int]]] = {}
    wrong = []
    for name, program in enumerate(programs):
        try:
            out, _ = program.communicate(timeout=max(1.0, began + deadline_s - time.monotonic()))
            said[f"lost/{name}"] = [(number, serial) for number, serial in json.loads(out or b"[]")]
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
            wrong.append(f"client {name} was not done within {deadline_s:g} s")
        if program.returncode:
            wrong.append(f"client {name} ended with status {program.returncode}")
    took = time.monotonic() - began
    shared = loop._segments.bytes_received
    chaos.stop()
    loop.stop()
    thread.join(10)
    for each in (consumer, slow):
        each.queue.close()
        each.join(30)
    stored = len(consumer.taken) + consumer.queue.overflowed
    wrong += judge(consumer.taken, said)
    if consumer.queue.overflowed:
        wrong.append(f"the long queue overflowed by {consumer.queue.overflowed}")
    counted = len(slow.taken) + slow.queue.overflowed
    # A request that is broken off within its first three letters is text, on the channel "default".
    received = sum(info.messages for info in loop.channels.infos() if info.channel.startswith("lost/"))
    if not (counted == stored == received):
        wrong.append(f"{received} received, {stored} stored; the short queue accounts for {counted}")
    acknowledged = sum(1 for all_ in said.values() for _, serial in all_ if serial)
    sent = sum(len(all_) for all_ in said.values())
    if not wrong and (sent != clients * messages or acknowledged < sent - 1024):
        wrong.append(f"{sent} sent and {acknowledged} acknowledged of {clients * messages}")
    if not wrong and not chaos.resets:
        wrong.append("no connection was reset: nothing was tried")
    print(
        f"{sent:,} messages of {clients} clients in {took:.1f} s, {chaos.resets:,} connections reset; "
        f"{acknowledged:,} acknowledged, {len(consumer.taken):,} handed over, {shared / MIB:,.0f} MiB of it in shared "
        f"memory; a slow consumer was handed {len(slow.taken):,}, and {slow.queue.overflowed:,} overflowed"
    )
    for text in wrong:
        print("WRONG:", text)
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        to, at, me, count, big, stops = map(int, sys.argv[2:])
        send(to, at, me, count, big, bool(stops))
        sys.exit(0)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--messages", type=int, default=100_000, help="of each client")
    parser.add_argument("--large", type=int, default=8, help="how many of them have 8 MiB")
    parser.add_argument("--share", type=float, default=0.1, help="of what the proxy passes on that is broken off")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deadline", type=float, default=1800.0, help="seconds, in all")
    found = parser.parse_args()
    sys.exit(main(found.clients, found.messages, found.large, found.share, found.seed, found.deadline))
