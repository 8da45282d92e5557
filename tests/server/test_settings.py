"""The remembered settings: what is saved is loaded, and what makes no sense is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import run_python
from qtpy import QtCore

from hdaemon.server.settings import Remembered, load, save
from hdaemon.wire.limits import Limits

ALL_OTHER = Remembered("localhost", 0, "evaluate", False, "burst", True, Limits(max_clients=7, silence_s=0.2), True)


def _set(name: str, value: object) -> None:
    settings = QtCore.QSettings("hdaemon", "hdaemon")
    settings.setValue(name, value)
    settings.sync()


def test_nothing_remembered_is_the_defaults() -> None:
    assert load() == Remembered()
    assert Remembered() == Remembered("127.0.0.1", 2000, "print", True, "lines", False, Limits())


def test_what_is_saved_is_loaded() -> None:
    save(ALL_OTHER)
    assert load() == ALL_OTHER
    save(Remembered())
    assert load() == Remembered()


def test_another_process_loads_it(settings_folder: Path) -> None:
    save(ALL_OTHER)
    done = run_python(
        """
        import sys
        from qtpy import QtCore
        S = QtCore.QSettings
        S.setPath(S.Format.NativeFormat, S.Scope.UserScope, sys.argv[1])
        from hdaemon.server.settings import load
        print(load())
        """,
        arguments=[str(settings_folder)],
    )
    assert done.stdout.strip() == repr(ALL_OTHER), done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server/port", "two"),
        ("server/port", "65536"),
        ("server/port", "-1"),
        ("server/port", "9" * 5000),
        ("server/port", ["1", "2"]),
        ("server/mode", "eval"),
        ("server/raw_framing", "packets"),
        ("server/autostart", "maybe"),
        ("server/locked", "maybe"),
        ("server/host", "  "),
        ("limits/max_clients", "many"),
        ("limits/max_clients", "0"),
        ("limits/silence_s", "-1"),
    ],
)
def test_what_makes_no_sense_is_the_default(name: str, value: object) -> None:
    _set(name, value)
    assert load() == Remembered()


@pytest.mark.parametrize(("value", "flag"), [("true", True), (1, True), ("0", False), (False, False), ("False", False)])
def test_flags_are_read_as_each_system_writes_them(value: object, flag: bool) -> None:
    _set("server/autostart", value)
    assert load().autostart is flag
