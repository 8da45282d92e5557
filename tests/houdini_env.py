"""What Houdini makes of a package file, for tests that run a program as Houdini's Python would be."""

from __future__ import annotations

import json
import os
from pathlib import Path


def environment_of(package_file: Path) -> dict[str, str]:
    """Return the variables that the package file sets, expanded (SideFX, "Houdini packages")."""
    content = json.loads(package_file.read_text(encoding="utf-8"))
    known = {"HOUDINI_PACKAGE_PATH": str(package_file.parent)}

    def expanded(text: str) -> str:
        for name, value in known.items():
            text = text.replace(f"${name}", value)
        return text

    for entry in content["env"]:
        ((name, value),) = entry.items()
        if isinstance(value, str):
            known[name] = expanded(value)
            continue
        old = [known[name]] if name in known else []
        new = [expanded(value["value"])]
        known[name] = os.pathsep.join(new + old if value["method"] == "prepend" else old + new)
    known["HOUDINI_PATH"] = expanded(content["hpath"])
    return known
