"""Errors of the rows in sight."""

from __future__ import annotations

import threading

import pytest
from blocks import lines, payload
from hdaemon_panel import row_errors
from hdaemon_panel.row_errors import MAX_CHECKED_BYTES, RowErrors

from hdaemon import content
from hdaemon.content.mesh import Mesh
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


@pytest.mark.parametrize(
    ("kind", "most"),
    [("application/json", MAX_CHECKED_BYTES), ("application/msgpack", 4096), ("application/x-houdini-bgeo", 4096)],
)
def test_up_to_which_size(errors, log, decoded, kind, most):
    log.append(payload(b"\x80" * most, kind))
    log.append(payload(b"\x80" * (most + 1), kind))
    errors.want(list(log))
    while errors._timer.isActive():
        errors.step()
    assert [len(data) for data in decoded] == [most]


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


def test_what_decodes_meshes_is_imported_by_another_thread(errors, log, decoded, monkeypatch, qtbot):
    """It takes 30 ms: the main thread handled no event meanwhile."""
    threads = []
    monkeypatch.setattr(row_errors, "import_module", lambda _: threads.append(threading.current_thread()))
    mesh = Mesh([(0, 0, 0)]).to_safetensors()
    log.append(payload(BAD, "application/json"))
    log.append(payload(mesh, "application/vnd.safetensors"))
    log.append(payload(mesh[:20], "application/vnd.safetensors"))
    errors.want(list(log))
    errors.step()
    assert decoded == [BAD]
    qtbot.waitUntil(lambda: len(decoded) == 3)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    qtbot.waitUntil(lambda: errors.get(log[2]) is not None)
    assert errors.get(log[1]) is None
    log.append(payload(mesh, "application/vnd.safetensors"))
    errors.want(list(log))
    errors.step()
    assert len(decoded) == 4, "once imported, it is decoded at once"


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
