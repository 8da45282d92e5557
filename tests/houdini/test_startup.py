"""Starting with Houdini: what starts it, what is printed, and that nothing is ever raised."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

import hdaemon
from hdaemon.houdini.startup import start_from_environment
from hdaemon.server import settings
from hdaemon.wire.limits import Limits

STARTED = "started python server in thread: python_server\n"

pytestmark = pytest.mark.usefixtures("python_server")


def _batch(hou: ModuleType, application: str = "hython") -> None:
    hou._gui, hou._application = False, application


def test_it_starts_and_prints_what_the_original_did(hou: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    server = start_from_environment()
    assert server is hdaemon.find("python_server")
    assert server is not None
    assert (server.state, server.objectName()) == ("listening", "python_server")
    assert capfd.readouterr() == (STARTED, "")
    assert hou.session.dataobject is hdaemon.store


def test_a_second_start_is_the_running_server(hou: ModuleType) -> None:
    assert start_from_environment() is start_from_environment()


def test_early_in_a_program_with_an_interface_nothing_is_done(
    hou: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HDAEMON_AUTOSTART", "1")
    hou._gui = False  # the interface is not there yet
    assert start_from_environment(early=True) is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("application", ["hython", "hython3.11", "hbatch"])
def test_without_an_interface_it_starts_only_when_asked(
    hou: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], application: str
) -> None:
    _batch(hou, application)
    assert start_from_environment(early=True) is None
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("HDAEMON_AUTOSTART", "yes")
    assert start_from_environment(early=True) is not None
    assert capfd.readouterr() == (STARTED, "")


def test_the_environment_may_forbid_it(hou: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HDAEMON_AUTOSTART", "0")
    assert start_from_environment() is None


def test_the_remembered_setting_may_forbid_it_and_the_environment_wins(
    hou: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    settings.save(settings.Remembered(autostart=False))
    assert start_from_environment() is None
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("HDAEMON_AUTOSTART", "1")
    assert start_from_environment() is not None


def test_it_starts_as_remembered(hou: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(max_clients=3)
    settings.save(
        settings.Remembered(host="localhost", port=0, mode="evaluate", raw_framing="burst", locked=True, limits=limits)
    )
    monkeypatch.delenv("HDAEMON_PORT")
    server = start_from_environment()
    assert server is not None
    assert server.port not in (0, hdaemon.HPythonServer.HOUDINIPORT)  # port 0 was remembered, 2000 is the default
    assert (server.mode, server.raw_framing, server.locked, server.limits) == ("evaluate", "burst", True, limits)


def test_the_environment_beats_what_is_remembered(hou: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.save(settings.Remembered(host="203.0.113.1", port=1))  # neither could be listened on
    monkeypatch.setenv("HDAEMON_HOST", "127.0.0.1")
    server = start_from_environment()
    assert server is not None
    assert server.host == "127.0.0.1"
    assert server.port > 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HDAEMON_PORT", "two thousand", "HDAEMON_PORT is 'two thousand': set it to a number"),
        ("HDAEMON_PORT", "70000", "HDAEMON_PORT is '70000': set it to a number"),
        ("HDAEMON_AUTOSTART", "maybe", "HDAEMON_AUTOSTART is 'maybe': set it to 1"),
        ("HDAEMON_HOST", "203.0.113.1", "give the server a token, or listen on 127.0.0.1"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(
    hou: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    assert start_from_environment() is None
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("hdaemon: the server was not started: ")
    assert said in err


def test_without_hou_it_says_so(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "hou", None)
    assert start_from_environment() is None
    assert "not started" in capfd.readouterr().err


def test_a_program_without_streams_is_no_reason_to_fail(hou: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert start_from_environment() is not None
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setenv("HDAEMON_PORT", "x")
    assert start_from_environment() is None
