"""The package file: what makes Houdini find hdaemon (SideFX, "Houdini packages")."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["missing", "package_text"]


def package_text(share: str, python: list[str]) -> str:
    """Return the text of a package file.

    Args:
        share: the folder that holds panel/, icons/, scripts/ and houdini/; may use ``$HOUDINI_PACKAGE_PATH``.
        python: the folders for Houdini's Python path, first one first; may use ``$HDAEMON_SHARE``.
    """
    env: list[dict[str, Any]] = [{"HDAEMON_SHARE": share}]
    # One entry a folder, so that Houdini puts the separator of its system between; the last one put comes first.
    env += [{"PYTHONPATH": {"method": "prepend", "value": folder}} for folder in reversed(python)]
    # & is what Houdini would use if the variable were not set: setting it without takes Houdini's own panels away.
    env.append({"HOUDINI_PYTHON_PANEL_PATH": {"method": "append", "value": "$HDAEMON_SHARE/panel;&"}})
    env.append({"HOUDINI_UI_ICON_PATH": {"method": "append", "value": "$HDAEMON_SHARE/icons;&"}})
    content = {
        "enable": "houdini_version >= '20.0'",
        "load_package_once": True,
        "env": env,
        "hpath": "$HDAEMON_SHARE/houdini",
    }
    return json.dumps(content, indent=4) + "\n"


def missing(package_file: Path) -> list[str]:
    """Return what `package_file` points at and what does not exist, each as a path or in words.

    Raises:
        ValueError: it is not a package file as hdaemon writes them.
        OSError: it cannot be read.
    """
    content = json.loads(package_file.read_text(encoding="utf-8"))
    try:
        entries = [(name, value) for entry in content["env"] for name, value in entry.items()]
        named = [(name, value if isinstance(value, str) else value["value"]) for name, value in entries]
        share = next(value for name, value in named if name == "HDAEMON_SHARE")

        def path_of(value: str) -> Path:
            value = value.removesuffix(";&").replace("$HDAEMON_SHARE", share)
            return Path(value.replace("$HOUDINI_PACKAGE_PATH", package_file.parent.as_posix()))

        python = [path_of(value) for name, value in named if name == "PYTHONPATH"]
        needed = [path_of(value) for name, value in named if name != "PYTHONPATH"] + [path_of(content["hpath"])]
    except (TypeError, KeyError, AttributeError, StopIteration) as error:
        raise ValueError("it is not as hdaemon writes it") from error
    needed.append(path_of("$HDAEMON_SHARE/scripts/pythonrc.py"))  # what the shims run
    absent = [str(path) for path in dict.fromkeys(needed) if not path.exists()]
    for module in ("hdaemon", "hdaemon_panel", "qtpy"):
        if not any((folder / module / "__init__.py").exists() for folder in python):
            absent.append(f"the Python package {module} in {' or '.join(map(str, python)) or 'any PYTHONPATH'}")
    return absent
