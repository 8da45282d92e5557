"""The switch interval is of the whole process: it is put back, whatever happens meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from helpers import RawClient, wait_until

from hdaemon.interval import LONGER_S, SHORT_S, Hurry, short_waits
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store


@pytest.fixture(autouse=True)
def usual() -> Iterator[float]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.004)
    yield sys.getswitchinterval()
    sys.setswitchinterval(before)


def test_it_is_short_inside_and_put_back(usual: float) -> None:
    with short_waits():
        assert sys.getswitchinterval() == pytest.approx(SHORT_S)
    assert sys.getswitchinterval() == usual


@pytest.mark.parametrize("microseconds", [501, 999, 3000, 4700, 5000, 10_001])
def test_it_does_not_creep(microseconds: int) -> None:
    sys.setswitchinterval(microseconds * 1e-6 + 1e-7)
    before = sys.getswitchinterval()
    for _ in range(5):
        with short_waits():
            pass
    assert sys.getswitchinterval() == before


def test_an_error_puts_it_back(usual: float) -> None:
    with pytest.raises(OSError, match="gone"), short_waits():
        raise OSError("gone")
    assert sys.getswitchinterval() == usual


def test_the_last_to_end_puts_it_back(usual: float) -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with short_waits():
            inside.set()
            assert leave.wait(5)

    thread = threading.Thread(target=other)
    with short_waits():
        thread.start()
        assert inside.wait(5)
    assert sys.getswitchinterval() == pytest.approx(SHORT_S)
    leave.set()
    thread.join(5)
    assert sys.getswitchinterval() == usual


def test_what_somebody_sets_meanwhile_stays() -> None:
    with short_waits():
        sys.setswitchinterval(0.002)
    assert sys.getswitchinterval() == pytest.approx(0.002)


def test_one_that_was_shorter_is_left_alone() -> None:
    sys.setswitchinterval(0.0001)
    with short_waits():
        assert sys.getswitchinterval() == pytest.approx(0.0001)
    assert sys.getswitchinterval() == pytest.approx(0.0001)


def test_a_thread_hurries_while_there_is_something_to_do_and_a_little_longer(usual: float) -> None:
    hurry = Hurry()
    assert hurry.until_looking_again(None) is None
    assert hurry.until_looking_again(7.0) == 7.0
    hurry.saw(True)
    hurry.saw(True)
    assert sys.getswitchinterval() == pytest.approx(SHORT_S)
    assert hurry.until_looking_again(None) == LONGER_S
    assert hurry.until_looking_again(0.01) == 0.01
    hurry.saw(False)
    hurry.saw(False)
    assert sys.getswitchinterval() == usual
    assert hurry.until_looking_again(7.0) == 7.0


def test_a_server_hurries_while_data_comes_and_then_no_more(
    usual: float, start_server: Callable[..., HPythonServer], store: Store
) -> None:
    server = start_server(mode="evaluate")
    client = RawClient(server.host, server.port)
    seen = []
    server._loop.set_on_block(lambda _: seen.append(sys.getswitchinterval()))
    client.send(b"a line\n")
    wait_until(lambda: seen)
    assert seen == [pytest.approx(SHORT_S)]
    wait_until(lambda: sys.getswitchinterval() == usual)
    client.send(b"a line\n")
    wait_until(lambda: len(seen) == 2)
    assert server.stop()  # in a hurry, as it was just now
    assert sys.getswitchinterval() == usual
    client.close()
