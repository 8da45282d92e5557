"""The client, copied alone beside this file, against a server in evaluate mode: `python client_alone.py PORT TOKEN`.

Run by test_client_alone.py with Pythons that have no pytest, down to 3.7: nothing here is newer than that.
"""

import sys
import threading

import client
from client import Client, Message

ARRAYS = "--numpy" in sys.argv


def main(port, token):
    """Use everything once."""
    told = []
    with Client("127.0.0.1", port, token=token, on_event=lambda event, text: told.append(event)) as one:
        one.mode = "evaluate"
        assert one.mode == "evaluate"
        for number in range(2000):
            one.send(f"message {number}", "text")
        with one.batch():
            for number in range(2000):
                one.send({"number": number, "list": [1.5, None, True]}, "json/a b")
        done = one.flush()
        assert (done.count, done.stored, done.shown) == (4000, 4000, 0), done
        assert one.latest("text").data == "message 1999"
        assert one.latest("json/a b").data == {"number": 1999, "list": [1.5, None, True]}
        large = bytearray(b"0123456789" * 2000000)
        ack = one.send(large, "large", wait=True)
        assert (ack.stored, ack.mode, ack.serial > 0) == (True, "evaluate", True), ack
        assert one.latest("large").data == bytes(large)
        assert one.latest("nothing") is None
        assert {row["channel"] for row in one.channels()} == {"text", "json/a b", "large"}
        assert one.status()["mode"] == "evaluate"
        subscribed(one, port, token)
        if ARRAYS:
            arrays(one)
    assert told == ["connected"], told
    errors(port, token)


def subscribed(one, port, token):
    """Listen, while another client sends."""
    with one.subscribe("live/#", timeout_s=10) as subscription:

        def send():
            with Client(port=port, token=token) as two:
                two.send("a", "live/x")
                two.send(b"b" * 1000000, "live/y/z")

        sender = threading.Thread(target=send)
        sender.start()
        first, second = next(subscription), next(subscription)
        sender.join(10)
        assert isinstance(first, Message)
        assert (first.channel, first.data) == ("live/x", "a"), first
        assert (second.channel, second.data) == ("live/y/z", b"b" * 1000000), second


def arrays(one):
    """Where there is a numpy, of whatever age."""
    import numpy

    points = numpy.arange(300000, dtype="f4").reshape(-1, 3)
    one.send(points, "npy")
    one.send({"P": points, "id": numpy.arange(5)}, "tensors")
    assert numpy.array_equal(one.latest("npy").data, points)
    found = one.latest("tensors").data
    assert numpy.array_equal(found["P"], points)
    assert found["id"].tolist() == [0, 1, 2, 3, 4]


def errors(port, token):
    """What is caught by its class."""
    cases = [
        (client.Unauthorized, lambda: Client(port=port, token=token + "x").connect()),
        (client.Refused, lambda: Client(port=1).connect()),
        (client.BadValue, lambda: Client(port=port, token=token).send(float("nan"))),
        (client.BadValue, lambda: Client(port=port, token=token).send(1, "a/#")),
    ]
    for kind, action in cases:
        try:
            action()
        except kind as error:
            assert isinstance(error, client.ClientError)  # noqa: PT017 - there is no pytest here
        else:
            raise AssertionError(kind)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
    if not ARRAYS:
        assert "numpy" not in sys.modules
    sys.stdout.write("client: all well, Python {}.{}\n".format(*sys.version_info[:2]))
