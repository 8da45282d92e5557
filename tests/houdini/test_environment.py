"""The environment variables: what they may say, and what is said of those that make no sense."""

from __future__ import annotations

import pytest

from hdaemon.errors import UsageError
from hdaemon.houdini.environment import Environment, problems, read


def test_nothing_set_says_nothing() -> None:
    assert read({}) == Environment(None, None, None)
    assert read({"HDAEMON_PORT": "", "HDAEMON_HOST": " ", "HDAEMON_AUTOSTART": ""}) == Environment()


@pytest.mark.parametrize("text", ["1", "true", "TRUE", "yes", "on", " Yes "])
def test_autostart_yes(text: str) -> None:
    assert read({"HDAEMON_AUTOSTART": text}).autostart is True


@pytest.mark.parametrize("text", ["0", "false", "no", "OFF"])
def test_autostart_no(text: str) -> None:
    assert read({"HDAEMON_AUTOSTART": text}).autostart is False


def test_host_and_port() -> None:
    assert read({"HDAEMON_HOST": " localhost ", "HDAEMON_PORT": " 65535 "}) == Environment(None, "localhost", 65535)
    assert read({"HDAEMON_PORT": "0"}).port == 0


@pytest.mark.parametrize("text", ["65536", "-1", "2000.0", "two", "٢٠٠٠", "0x10", "9" * 5000])
def test_a_bad_port_says_what_to_set(text: str) -> None:
    with pytest.raises(UsageError, match="HDAEMON_PORT is .*: set it to a number from 1 to 65535"):
        read({"HDAEMON_PORT": text})


def test_a_bad_autostart_says_what_to_set() -> None:
    with pytest.raises(UsageError, match="HDAEMON_AUTOSTART is 'maybe': set it to 1 .* or to 0"):
        read({"HDAEMON_AUTOSTART": "maybe"})


def test_problems_names_each_and_what_is_unknown() -> None:
    found = problems({"HDAEMON_PORT": "x", "HDAEMON_AUTOSTART": "x", "HDAEMON_PROT": "1", "PATH": "x"})
    assert [sentence.split()[0] for sentence in found] == ["HDAEMON_AUTOSTART", "HDAEMON_PORT", "HDAEMON_PROT"]
    assert problems({"HDAEMON_PORT": "2000", "HDAEMON_SHARE": "/x", "HDAEMON_HOST": "localhost"}) == []
