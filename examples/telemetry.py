"""Send a JSON line 30 times a second: a point that goes round. Needs nothing but Python 3.

python telemetry.py
python telemetry.py --to 127.0.0.1:2001 --seconds 10
"""

import argparse
import json
import math
import socket
import sys
import time

RATE = 30


def main() -> int:
    """Send until the time is over or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Send a JSON line 30 times a second: a point that goes round.")
    parser.add_argument("--to", metavar="HOST:PORT", default="127.0.0.1:2000", help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=math.inf, help="default: until Ctrl-C")
    args = parser.parse_args()
    host, _, port = args.to.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            send(sock, args.seconds)
    except OSError as error:
        print(f"cannot send to {args.to}: {error}; is the server started?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def send(sock: socket.socket, seconds: float) -> None:
    """Send a line each 30th of a second, counted from the start so that the rate does not drift."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # each line at once, not two together
    start = time.monotonic()
    for frame in range(10**9):
        elapsed = frame / RATE
        if elapsed >= seconds:
            return
        time.sleep(max(0.0, start + elapsed - time.monotonic()))
        point = {"frame": frame, "x": math.cos(elapsed), "y": math.sin(3 * elapsed) / 4, "z": math.sin(elapsed)}
        sock.sendall(json.dumps(point).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
