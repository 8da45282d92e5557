"""The command line as a whole: help, exit status, and that nothing a user does ends in a traceback."""

from __future__ import annotations

import argparse
import errno
import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest
from serving import environment, hdaemon

import hdaemon as package
from hdaemon import cli
from hdaemon.errors import BindError, UsageError

COMMANDS = ["demo", "panel", "serve", "send", "watch", "install", "uninstall", "doctor"]


@pytest.fixture
def command_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], None]:
    """Have `hdaemon test` do something."""

    def replace(action: Callable[[], int]) -> None:
        def run(_: argparse.Namespace) -> int:
            return action()

        command = cli._Command("test", "a test", "A test.", (), lambda parser: None, run)
        monkeypatch.setattr(cli, "_COMMANDS", (command,))

    return replace


def raising(error: BaseException) -> Callable[[], int]:
    def action() -> int:
        raise error

    return action


def test_help_names_every_command() -> None:
    done = hdaemon("--help")
    assert done.returncode == 0
    assert done.stderr == b""
    for command in COMMANDS:
        assert f"\n    {command}".encode() in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_explains_and_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "-h"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: hdaemon {command} ")
    description, _, examples = text.partition("\n\n")[2].partition("\n\nexamples:\n")
    assert len(description) > 40
    assert f"hdaemon {command}" in examples
    assert max(map(len, description.splitlines())) <= 120
    assert "==SUPPRESS==" not in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"hdaemon {package.__version__}\n"


def test_without_a_command_the_help_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "commands:" in err


@pytest.mark.parametrize("arguments", [["nothing"], ["serve", "--nothing"], ["serve", "extra"], ["--vers"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "error:" in err


def test_no_qt_without_a_window() -> None:
    """Neither the import, nor the help, nor serving or sending brings Qt in."""
    code = """
import sys
from hdaemon import cli
assert cli.main(["-h"]) == 0
assert cli.main(["send", "x", "--to", "127.0.0.1:1"]) == 1
assert cli.main(["serve", "--host", "0.0.0.0"]) == 1
loaded = {name.partition(".")[0] for name in sys.modules} & {"qtpy", "PySide2", "PySide6", "hou", "hdaemon_panel"}
assert not loaded, loaded
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        timeout=30,
        check=False,
        cwd=tempfile.gettempdir(),
        env=environment(),
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_status_of_the_command_is_returned(command_does: Callable[[Callable[[], int]], None]) -> None:
    command_does(lambda: 1)
    assert cli.main(["test"]) == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BindError("no port: take another"), 1),
        (UsageError("no such mode"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "/some/file"), 1),
    ],
)
def test_an_error_is_one_line(
    command_does: Callable[[Callable[[], int]], None],
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    status: int,
) -> None:
    command_does(raising(error))
    assert cli.main(["test"]) == status
    assert capsys.readouterr() == ("", f"hdaemon: {error}\n")


def test_ctrl_c(command_does: Callable[[Callable[[], int]], None], capsys: pytest.CaptureFixture[str]) -> None:
    command_does(raising(KeyboardInterrupt()))
    assert cli.main(["test"]) == 130
    assert capsys.readouterr() == ("", "")


def test_our_own_mistakes_are_not_hidden(command_does: Callable[[Callable[[], int]], None]) -> None:
    command_does(raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["test"])


def test_a_reader_that_closes_the_pipe_is_quiet() -> None:
    """As in `hdaemon -h | head -0`."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; sys.stdin.readline(); from hdaemon.cli import main; sys.exit(main(['-h']))",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tempfile.gettempdir(),
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stderr:
        process.stdout.close()
        process.stdin.write(b"go\n")
        process.stdin.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""
