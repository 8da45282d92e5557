"""What `import hdaemon` gives, and what it does not load."""

from __future__ import annotations

import pytest
from helpers import run_python

import hdaemon
from hdaemon import errors
from hdaemon.server.thread import HPythonServer


@pytest.mark.parametrize("name", hdaemon.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(hdaemon, name) is not None


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hdaemon.nothing  # noqa: B018


def test_the_original_s_names() -> None:
    assert HPythonServer.HOUDINIPORT == 2000
    assert HPythonServer.CLIENT_IDENTIFIER == "client"
    assert hdaemon.HPythonServer is HPythonServer


def test_one_tree_of_errors() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), hdaemon.HdaemonError)
    assert issubclass(hdaemon.BindError, OSError)
    assert issubclass(hdaemon.UsageError, ValueError)
    assert issubclass(hdaemon.NoData, KeyError)


def test_import_is_light() -> None:
    done = run_python(
        """
        import sys
        import hdaemon
        heavy = {"qtpy", "PySide2", "PySide6", "numpy", "hou", "socket", "selectors", "asyncio", "ssl", "http"}
        heavy |= {"json", "logging", "hdaemon.log", "hdaemon.content.json", "hdaemon.content.safetensors"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
