"""One thing at a time on a thread."""

from __future__ import annotations

import threading

import pytest
from hdaemon_panel.worker import Worker
from helpers import wait_until


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def test_the_answer_is_told_on_the_main_thread(qapp):
    worker = Worker()
    told = []
    worker.start(threading.current_thread, lambda thread: told.append((thread, threading.current_thread())))
    assert worker.busy
    wait_until(lambda: told)
    assert told[0][0] is not threading.main_thread()
    assert told[0][1] is threading.main_thread()
    assert not worker.busy
    assert not worker._timer.isActive()


def test_the_newest_wins_and_only_one_runs_at_a_time(qapp, gate):
    worker = Worker()
    told, running, most = [], [], []

    def work(number: int):
        def run() -> int:
            running.append(number)
            most.append(threading.active_count())
            assert gate.wait(10)
            return number

        return run

    for number in range(5):
        worker.start(work(number), told.append)
    gate.set()
    wait_until(lambda: told)
    assert told == [4]
    assert running == [0, 4]


def test_cancelled_it_tells_nothing(qapp, gate):
    worker = Worker()
    told = []
    worker.start(lambda: gate.wait(10), told.append)
    worker.cancel()
    assert not worker.busy
    gate.set()
    wait_until(lambda: worker._running is None)
    worker.start(lambda: 1, told.append)
    wait_until(lambda: told == [1])


def test_late_answers_are_given_up_and_the_next_waits_for_the_thread(qapp, gate):
    worker = Worker(deadline_s=0.05)
    told = []
    worker.start(lambda: gate.wait(10), lambda _: told.append("first"), lambda: told.append("late"))
    wait_until(lambda: told == ["late"])
    worker._deadline_s = 10.0
    worker.start(lambda: 2, told.append)
    gate.set()
    wait_until(lambda: told == ["late", 2])


def test_work_that_raises_is_told_as_nothing(qapp, monkeypatch):
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda hook: raised.append(hook.exc_type))
    worker = Worker()
    told = []
    worker.start(lambda: 1 // 0, told.append)
    wait_until(lambda: told == [None])
    assert raised == [ZeroDivisionError]


def test_it_may_go_while_its_thread_works(qapp, gate):
    worker = Worker()
    told = []
    worker.start(lambda: gate.wait(10), told.append)
    thread = worker._running.thread
    worker.deleteLater()
    del worker
    gate.set()
    wait_until(lambda: not thread.is_alive())
    assert told == []
