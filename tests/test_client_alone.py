"""`hdaemon/client.py` copied alone, as into another program, run by this Python and by the oldest that it is for."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT

from hdaemon.server.thread import HPythonServer

SOURCE = ROOT / "hdaemon" / "client.py"


def use_everything(python: str, folder: Path, server: HPythonServer, *options: str) -> None:
    shutil.copy(SOURCE, folder)
    shutil.copy(ROOT / "tests" / "client_alone.py", folder)
    done = subprocess.run(
        [python, "-W", "error", "-E", "-s", "client_alone.py", str(server.port), "s3cret", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout.startswith("client: all well, Python 3.")


@pytest.mark.parametrize("options", [[], ["--numpy"]])
def test_this_python(start_server: Callable[..., HPythonServer], tmp_path: Path, options: list[str]) -> None:
    use_everything(sys.executable, tmp_path, start_server(token="s3cret"), *options)


def test_python_3_7(start_server: Callable[..., HPythonServer], tmp_path: Path) -> None:
    """What Maya 2022 has."""
    python = shutil.which("python3.7")
    found = python and subprocess.run([python, "--version"], capture_output=True, text=True, timeout=30, check=False)
    if not python or not found or not found.stdout.startswith("Python 3.7."):
        pytest.skip("there is no python3.7 here: the client is not shown to run on the oldest Python that it is for")
    use_everything(python, tmp_path, start_server(token="s3cret"))


def test_it_is_written_in_python_3_7() -> None:
    """Said also where there is no Python 3.7, as far as the grammar goes."""
    ast.parse(SOURCE.read_text("utf-8"), feature_version=(3, 7))


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(SOURCE.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names) | {"numpy"}
