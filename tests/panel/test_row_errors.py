"""Errors of the rows in sight."""

from __future__ import annotations

import pytest
from blocks import lines, payload
from hdaemon_panel import row_errors
from hdaemon_panel.row_errors import MAX_CHECKED_BYTES, RowErrors

from hdaemon import content
from hdaemon.log import RingLog

BAD = b'{"x": }'


@pytest.fixture
def errors(qapp) -> RowErrors:
    return RowErrors()


@pytest.fixture
def decoded(monkeypatch) -> list[bytes]:
    """What was decoded."""
    seen = []
    decode = content.decode
    monkeypatch.setattr(content, "decode", lambda kind, data: seen.append(bytes(data)) or decode(kind, data))
    return seen


def test_rows_that_do_not_decode_are_found(errors, log, qtbot):
    log.append(payload(BAD, "application/json"))
    log.append(payload(b"{}", "application/json"))
    rows = list(log)
    assert errors.get(rows[0]) is None
    with qtbot.waitSignal(errors.found):
        errors.want(rows)
    assert errors.get(rows[0]).startswith("not JSON")
    assert errors.get(rows[1]) is None
    assert not errors._timer.isActive()


def test_only_small_typed_rows_are_decoded_and_once(errors, log, decoded):
    log.append(lines("text"))
    log.append(payload(b"\xff" * 10))
    log.append(payload(b"\xff", "text/plain"))
    log.append(payload(b"x" * (MAX_CHECKED_BYTES + 1), "application/json"))
    log.append(payload(BAD, "application/json"))
    log.event(0.0, "connected", "x")
    for _ in range(3):
        errors.want(list(log))
        while errors._timer.isActive():
            errors.step()
    assert decoded == [BAD]


def test_what_scrolled_away_is_not_decoded(errors, log, decoded):
    log.append(payload(b"1", "application/json"))
    log.append(payload(b"2", "application/json"))
    errors.want([log[0]])
    errors.want([log[1]])
    errors.step()
    assert decoded == [b"2"]


def test_it_stops_at_its_budget(errors, log, decoded, monkeypatch):
    monkeypatch.setattr(row_errors, "_BUDGET_S", 0.0)
    for _ in range(5):
        log.append(payload(b"1", "application/json"))
    errors.want(list(log))
    errors.step()
    assert decoded == []
    assert errors._timer.isActive()


def test_it_forgets_before_it_grows(errors, monkeypatch):
    monkeypatch.setattr(row_errors, "_KEPT", 10)
    for number in range(25):
        errors.put(number, "wrong")
    assert len(errors._known) <= 10


def test_what_others_found_is_told_once(errors, qtbot):
    with qtbot.waitSignal(errors.found):
        errors.put(3, "wrong")
    with qtbot.assertNotEmitted(errors.found):
        errors.put(3, "wrong")
        errors.put(4, None)


def test_a_row_shows_its_error(qtbot):
    from hdaemon_panel.log_model import LogModel
    from hdaemon_panel.log_view import LogView

    log = RingLog()
    view = LogView()
    qtbot.addWidget(view)
    model = LogModel(log, view)
    view.setModel(model)
    view.resize(800, 200)
    view.show()
    qtbot.waitExposed(view)
    log.append(payload(BAD, "application/json"))
    model.sync()
    seen = view.viewport().grab().toImage()
    qtbot.waitUntil(lambda: view.errors.get(log[0]) is not None)
    assert view.viewport().grab().toImage() != seen
