"""Send with the client library: JSON, an array, and what the server says to them.

hdaemon/client.py is one file without dependencies: copy it beside your script, or into Maya, Blender or Nuke, and
`import client` works without an installation.

python send_with_client.py
python send_with_client.py --to 127.0.0.1:2001
"""

import argparse
import array
import sys

try:
    from hdaemon.client import Client, ClientError
except ImportError:  # the copied file
    from client import Client, ClientError


def main() -> int:
    """Send three messages and tell what became of them."""
    parser = argparse.ArgumentParser(description="Send with the client library.")
    parser.add_argument("--to", metavar="HOST:PORT", default="127.0.0.1:2000", help="default: %(default)s")
    host, _, port = parser.parse_args().to.rpartition(":")
    try:
        with Client(host, int(port)) as client:
            client.send("Hello Houdini")
            client.send({"tx": 0.5, "ty": 1.6, "focal": 35}, "rig/camera")
            client.send(array.array("f", range(30)), "sim/heights")  # with numpy: client.send(points, "sim/points")
            done = client.flush()
            print(f"{done.count} messages: {done.stored} stored, {done.shown} only shown (print mode)")
            newest = client.latest("rig/camera")
            if newest is not None:
                print("rig/camera is", newest.data)
    except ClientError as error:  # nobody listens, something else does, a wrong token ...
        print(f"cannot send: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
