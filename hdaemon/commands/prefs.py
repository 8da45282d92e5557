"""Finding Houdini's preference folders: one for each version that has been run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OLDEST", "Prefs", "find", "given"]

OLDEST = (20, 0)
"""The first Houdini whose Python (3.10) can run hdaemon."""

_HVER = "__HVER__"


@dataclass(frozen=True, slots=True)
class Prefs:
    """A preference folder.

    Attributes:
        path: the folder.
        version: of the Houdini it belongs to; None when its name does not tell.
    """

    path: Path
    version: tuple[int, int] | None

    @property
    def too_old(self) -> bool:
        """Whether that Houdini's Python cannot run hdaemon."""
        return self.version is not None and self.version < OLDEST

    @property
    def packages(self) -> Path:
        """The folder that Houdini reads package files from."""
        return self.path / "packages"


def given(path: Path) -> Prefs:
    """Return the preference folder that the user named; its version from its name, ``houdini20.5`` or ``20.5``."""
    path = path.expanduser().absolute()
    found = re.search(r"(\d+)\.(\d+)$", path.name)
    return Prefs(path, (int(found[1]), int(found[2])) if found else None)


def find(
    environ: Mapping[str, str] = os.environ, home: Path | None = None, platform: str = sys.platform
) -> tuple[Prefs, ...]:
    """Return every preference folder of this user, by version.

    HOUDINI_USER_PREF_DIR counts when it contains ``__HVER__``, as for Houdini; the usual places are looked at as well.
    """
    home = home or Path.home()
    patterns = list(_patterns(environ, home, platform))
    own = environ.get("HOUDINI_USER_PREF_DIR", "")
    if _HVER in own:
        patterns.insert(0, str(Path(os.path.expandvars(own)).expanduser()))
    found: dict[Path, Prefs] = {}
    for pattern in patterns:
        for prefs in _matches(pattern):
            # Documents may be reached by several names, such as OneDrive's.
            found.setdefault(prefs.path.resolve(), prefs)
    return tuple(sorted(found.values(), key=lambda prefs: (prefs.version or (0, 0), str(prefs.path))))


def _patterns(environ: Mapping[str, str], home: Path, platform: str) -> Iterator[str]:
    """Yield the usual places (SideFX, "Houdini preferences"), with __HVER__ for the version."""
    if platform == "darwin":
        yield str(home / "Library" / "Preferences" / "houdini" / _HVER)
    elif platform == "win32":
        for folder in _documents(environ, home):
            yield str(folder / f"houdini{_HVER}")
    else:
        yield str(home / f"houdini{_HVER}")


def _documents(environ: Mapping[str, str], home: Path) -> Iterator[Path]:
    """Yield where Documents may be: HOME wins for Houdini, OneDrive moves the folder, and some languages rename it."""
    registered = _registered_documents()
    if registered is not None:
        yield registered
    if environ.get("HOME"):
        yield Path(environ["HOME"])
    yield home / "Documents"
    for name in ("OneDrive", "OneDriveConsumer", "OneDriveCommercial"):
        if environ.get(name):
            yield Path(environ[name]) / "Documents"
    for folder in sorted(home.glob("OneDrive*")):
        yield folder / "Documents"


def _registered_documents() -> Path | None:
    if sys.platform != "win32":
        return None
    import winreg

    key = r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders"
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:
            return Path(os.path.expandvars(str(winreg.QueryValueEx(opened, "Personal")[0])))
    except OSError:
        return None


def _matches(pattern: str) -> Iterator[Prefs]:
    """Yield the folders that `pattern` names with a version in place of __HVER__."""
    before, _, after = pattern.partition(_HVER)
    parent, start = os.path.split(before)
    end, _, below = after.replace("\\", "/").partition("/")
    named = re.compile(re.escape(start) + r"(\d+)\.(\d+)" + re.escape(end))
    try:
        entries = sorted(Path(parent).iterdir())
    except OSError:
        return
    for entry in entries:
        matched = named.fullmatch(entry.name)
        folder = entry / below.replace(_HVER, f"{matched[1]}.{matched[2]}") if matched else entry
        if matched and folder.is_dir():
            yield Prefs(folder, (int(matched[1]), int(matched[2])))
