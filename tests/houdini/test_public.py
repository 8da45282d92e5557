"""The names of `hdaemon.houdini`: there without hou, which is imported by nobody but a call that needs it."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from helpers import ROOT, run_python
from receiving import grid, put_mesh

import hdaemon
from hdaemon import houdini


@pytest.mark.parametrize("name", houdini.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    assert getattr(houdini, name).__doc__


def test_importing_it_imports_neither_hou_nor_qt_nor_numpy() -> None:
    done = run_python(
        """
        import sys
        sys.modules["hou"] = None  # an import would fail
        from hdaemon import houdini
        assert not houdini.available()
        assert houdini.blocked_reason() is None
        assert not [name for name in sys.modules if name.startswith(("qtpy", "PySide", "numpy"))]
        from hdaemon.houdini import cook, here, publishing, receiver, recook, worker
        assert recook.update() == 0
        recook.stop()
        assert not [name for name in sys.modules if name.startswith(("qtpy", "PySide"))]
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_program_that_receives_ends() -> None:
    """The worker's thread keeps nobody alive, also when it was never stopped."""
    done = run_python(
        """
        from hdaemon.houdini.from_message import AS_SENT
        from hdaemon.houdini.worker import worker
        worker.want(("c", AS_SENT))
        print("done")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_what_the_page_shows_works(scene: ModuleType) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "houdini.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 3
    scene.node("/obj").createNode("geo", "set").createNode("null", "OUT")
    put_mesh("maya/body", grid())
    scope: dict = {}
    for block in blocks:
        exec(block, scope)
    assert scope["node"].geometry()._mesh == grid()
    assert hdaemon.store["houdini/set"].message.serial == scope["serial"]
