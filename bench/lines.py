"""Lines flooding into a session while its panel is open and painted, against pyzmq's single messages without a panel.

``python bench/lines.py [--seconds 3] [--rounds 7] [--size 100] [--mode evaluate] [--filter TEXT] [--no-panel]
[--short]``

Both senders are processes of their own that send as fast as they can, and take turns. Ours writes lines in blocks to
the raw door, as a program does whose output is piped; they go into the log and, in evaluate mode, into the store.
pyzmq's sends them one by one (PUSH to PULL, which buffers 100,000), received by the session's main thread, which does
nothing else then. A round lasts from the sender's first byte until the last message is received; both ends count, and
the last line of a round has to be in the store. While lines come a 5 ms timer on the main thread measures how late it
is called: the gaps are those of the very rounds whose rates are compared.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from figure import Figure, interleaved, medians
from judge import show

BLOCK_BYTES = 65536
ROUND_S = 120.0
ZMQ_BUFFERED = 100_000


def rows(
    seconds: float = 3.0,
    rounds: int = 7,
    size: int = 100,
    *,
    mode: str = "evaluate",
    filter_text: str = "",
    panel: bool = True,
) -> Iterator[Figure]:
    """Yield the rate against pyzmq, the gaps, and what was lost.

    Args:
        seconds: how long a round's sender sends.
        rounds: of each; one more warms up.
        size: bytes a line, its end included.
        mode: ``"print"`` or ``"evaluate"``.
        filter_text: what stands in the panel's filter.
        panel: whether there is one.
    """
    import psutil
    from session import Sender, Session

    zmq = _zmq()
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(Session("lines", mode=mode, panel=panel))
        server, gaps, memory = session.server, session.gaps(), []
        if panel:
            session.panel.log.filter.setText(filter_text)
        sender = stack.enter_context(Sender(__file__, "--sender", "lines", str(server.port), str(size)))
        sent = lost = 0

        def by_lines() -> float:
            nonlocal sent, lost
            before = server.messages_received
            sender.begin(str(seconds))
            with gaps:
                session.until(lambda: sender.done, ROUND_S)
                began, ended, count, last = sender.told()
                expected = before + int(count)
                _until_received(session, server, expected)
            took = time.monotonic() - float(began)
            received = server.messages_received - before
            sent, lost = sent + int(count), lost + int(count) - received
            assert mode != "evaluate" or server.store["default"].data == last, "the last line is not in the store"
            memory.append(psutil.Process().memory_info().rss / 1e6)
            session.run_for(0.1)
            return received / took

        ways = {"hdaemon": by_lines}
        if zmq is not None:
            ways["pyzmq"] = _by_zmq(zmq, stack, seconds, size)
        found = interleaved(ways, rounds)
        middle = medians(found)
        ours, theirs = middle["hdaemon"], middle.get("pyzmq")
        all_ours = ", ".join(f"{rate / 1e6:.2f}" for rate in found["hdaemon"])
        where = f"log{' and store' if mode == 'evaluate' else ''}"
        what = f"{size}-byte raw lines into {where}" + (", panel open and painting" if panel else ", no panel")
        yield Figure(
            what,
            ours,
            "messages/s",
            "pyzmq PUSH/PULL of single messages, no panel" if theirs else "",
            theirs,
            ours / theirs if theirs else ours,
            2 if theirs else 0,
            6 if theirs else None,
            note=f"median of {rounds} rounds of {seconds:g} s; M/s in each: {all_ours}; memory after the first "
            f"{memory[0]:.0f} MB, after the last {memory[-1]:.0f} MB{'' if theirs else '; pyzmq is not installed'}",
        )
        note = f"{len(gaps.all):,} ticks; median {gaps.quantile(0.5):.1f}, longest {gaps.longest:.1f}"
        work = f"main thread, 99th percentile of gaps between 5 ms ticks in that run ({size}-byte lines)"
        yield Figure(work, gaps.p99, "ms", value=gaps.p99, must=16, better="less", note=note)
        part = 100 * (sent - lost) / sent
        yield Figure("lines delivered in that run", part, "%", value=part, must=100, note=f"{lost:,} lost of {sent:,}")


def figures(short: bool) -> Iterator[Figure]:
    """Yield the three rows as the table has them."""
    yield from rows(seconds=1.0 if short else 3.0, rounds=5 if short else 7)


def _until_received(session: Any, server: Any, expected: int) -> None:
    """Return when all has been received, or when nothing more comes for a second: then it is lost."""
    state = [server.messages_received, time.monotonic()]

    def over() -> bool:
        now = server.messages_received
        if now != state[0]:
            state[:] = now, time.monotonic()
        return bool(now >= expected or time.monotonic() - state[1] > 1)

    session.until(over, ROUND_S)


def _zmq() -> Any:
    try:
        import zmq
    except ImportError:
        return None
    return zmq


def _by_zmq(zmq: Any, stack: contextlib.ExitStack, seconds: float, size: int) -> Any:
    """Return a function that receives a round of single messages."""
    from session import Sender

    context = stack.enter_context(zmq.Context())
    pull = stack.enter_context(context.socket(zmq.PULL))
    pull.setsockopt(zmq.RCVHWM, ZMQ_BUFFERED)
    pull.setsockopt(zmq.RCVTIMEO, int(ROUND_S * 1000))
    port = pull.bind_to_random_port("tcp://127.0.0.1")
    sender = stack.enter_context(Sender(__file__, "--sender", "zmq", str(port), str(size)))

    def one_round() -> float:
        sender.begin(str(seconds))
        receive, received = pull.recv, 0
        while receive():  # an empty one ends the round
            received += 1
        ended = time.monotonic()
        began, _, count, _ = sender.told()
        assert received == int(count), f"pyzmq: {received} of {count} messages"
        return received / (ended - float(began))

    return one_round


# -- the senders -------------------------------------------------------------------------------------------------------


def _send_lines(port: int, size: int) -> None:
    import socket

    from session import in_rounds

    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.settimeout(ROUND_S)
    a_block = max(1, BLOCK_BYTES // size)
    block = (b"x" * (size - 1) + b"\n") * a_block
    number = 0

    def one_round(seconds: str) -> tuple[object, ...]:
        nonlocal number
        number += 1
        last = b"%0*d" % (size - 1, number)
        blocks, began = 0, time.monotonic()
        end = began + float(seconds)
        while time.monotonic() < end:
            sock.sendall(block)
            blocks += 1
        sock.sendall(last + b"\n")
        return (began, time.monotonic(), blocks * a_block + 1, last.decode())

    in_rounds(one_round)


def _send_by_zmq(port: int, size: int) -> None:
    import zmq
    from session import in_rounds

    push = zmq.Context().socket(zmq.PUSH)
    push.setsockopt(zmq.SNDHWM, ZMQ_BUFFERED)
    push.connect(f"tcp://127.0.0.1:{port}")
    line = b"x" * (size - 1) + b"\n"

    def one_round(seconds: str) -> tuple[object, ...]:
        send, count, began = push.send, 0, time.monotonic()
        end = began + float(seconds)
        while time.monotonic() < end:
            for _ in range(100):
                send(line)
            count += 100
        send(b"")
        return (began, time.monotonic(), count, "-")

    in_rounds(one_round)


def main() -> int:
    """Print the rows; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each round sends")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=100, help="bytes a line, its end included")
    parser.add_argument("--mode", choices=("print", "evaluate"), default="evaluate")
    parser.add_argument("--filter", default="", help="text in the panel's filter while the lines flood in")
    parser.add_argument("--no-panel", action="store_true")
    parser.add_argument("--short", action="store_true", help="five rounds of one second")
    args = parser.parse_args()
    seconds, rounds = (1.0, 5) if args.short else (args.seconds, args.rounds)
    return show(rows(seconds, rounds, args.size, mode=args.mode, filter_text=args.filter, panel=not args.no_panel))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--sender" in sys.argv:
        send = {"lines": _send_lines, "zmq": _send_by_zmq}[sys.argv[2]]
        send(int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(main())
