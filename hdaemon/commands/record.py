"""The record of what was installed, and the two operations that keep to it.

`write` puts files into Houdini's packages folder and records them before it begins, so that also an interrupted
installation can be undone; `remove` deletes exactly what the record names. Every path in it is relative to packages/.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hdaemon.errors import HdaemonError

__all__ = ["PACKAGE_FILE", "PYTHON_DIR", "Record", "load", "remove", "write"]

PACKAGE_FILE = "hdaemon.json"
PYTHON_DIR = "hdaemon/python"
_RECORD = "hdaemon/installed"  # JSON, but not called so: Houdini reads packages/*.json as package files
_BEFORE = "hdaemon/before"


@dataclass
class Record:
    """What was installed into one packages folder.

    Attributes:
        files: the SHA-256 of each file written.
        folders: the folders made for them; ``.`` is packages/ itself.
        replaced: the foreign files that --force overwrote; they are kept in ``hdaemon/before``.
    """

    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)


def load(packages: Path) -> Record | None:
    """Return the record of what is installed in `packages`, or None when nothing is.

    Raises:
        HdaemonError: it is damaged, or names files that are not hdaemon's to delete.
    """
    path = packages / _RECORD
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        record = Record(dict(held["files"]), list(held["folders"]), list(held["replaced"]))
        ours = all(map(_is_ours, [*record.files, *record.replaced, *(name for name in record.folders if name != ".")]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise HdaemonError(
            f"{path} is damaged ({error}): delete {PACKAGE_FILE} and hdaemon/ beside it by hand"
        ) from error
    if not ours:
        raise HdaemonError(f"{path} names files outside hdaemon/: delete {PACKAGE_FILE} and hdaemon/ by hand")
    return record


def write(packages: Path, files: Mapping[str, bytes], force: bool = False, dry_run: bool = False) -> set[str]:
    """Make `files`, and no others of an earlier installation, be there; return the names of those that changed.

    Args:
        packages: the folder they go to; made when it is not there.
        files: the content of each.
        force: overwrite files that are not hdaemon's (they come back with `remove`) or were edited.
        dry_run: change nothing.

    Raises:
        HdaemonError: a file is in the way, or the record is damaged.
        OSError: the folder cannot be written to.
    """
    old = load(packages) or Record()
    foreign = [name for name in files if os.path.lexists(packages / name) and _is_foreign(packages, name, old)]
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if not force:
        _refuse(packages, foreign, old, digests)
    changed = [name for name in files if _digest(packages / name) != digests[name]]
    stale = [name for name in old.files if name not in files]
    if dry_run or not (changed or stale or foreign):
        return {*changed, *stale}

    folders = list(dict.fromkeys([*old.folders, *_absent_folders(packages, [*files, _RECORD])]))
    replaced = list(dict.fromkeys(old.replaced + foreign))
    _save(packages, Record({**digests, **old.files}, folders, replaced))
    for name in foreign:
        (packages / _BEFORE / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).replace(packages / _BEFORE / name)
        changed = list(dict.fromkeys([*changed, name]))
    for name in sorted(changed, key=lambda name: name == PACKAGE_FILE):  # last: it makes Houdini look for the others
        _put(packages / name, files[name])
    for name in stale:
        _delete(packages / name)
    _prune(packages, folders)
    kept = [folder for folder in folders if (packages / folder).is_dir()]
    _save(packages, Record(digests, kept, replaced))
    return {*changed, *stale}


def remove(packages: Path, dry_run: bool = False) -> Record | None:
    """Delete what is recorded, and bring back what was replaced; return the record, or None when there is none.

    Raises:
        HdaemonError: the record is damaged.
        OSError: a file cannot be deleted.
    """
    record = load(packages)
    if record is None or dry_run:
        return record
    # The package file first: without it, Houdini no longer looks for the others.
    for name in sorted(record.files, key=lambda name: name != PACKAGE_FILE):
        if not _is_foreign(packages, name, record):
            _delete(packages / name)
    for name in record.replaced:
        kept = packages / _BEFORE / name
        if kept.exists():
            (packages / name).parent.mkdir(parents=True, exist_ok=True)
            kept.replace(packages / name)
    before = packages / _BEFORE
    if before.is_dir():
        for folder in sorted((path for path in before.rglob("*") if path.is_dir()), reverse=True):
            _rmdir(folder)
        _rmdir(before)
    (packages / _RECORD).unlink()
    _prune(packages, record.folders)
    return record


def _is_ours(name: str) -> bool:
    path = PurePosixPath(name)
    return path.parts == (PACKAGE_FILE,) or (path.parts[:1] == ("hdaemon",) and ".." not in path.parts)


def _is_foreign(packages: Path, name: str, record: Record) -> bool:
    """Return whether a file is somebody else's: not recorded, or recorded but not yet replaced when we were stopped."""
    if name in record.replaced and not (packages / _BEFORE / name).exists():
        return _digest(packages / name) != record.files.get(name)
    return name not in record.files


def _refuse(packages: Path, foreign: list[str], old: Record, digests: Mapping[str, str]) -> None:
    if foreign:
        more = f" (and {len(foreign) - 1} more)" if len(foreign) > 1 else ""
        raise HdaemonError(
            f"{packages / foreign[0]}{more} is there already and was not written by `hdaemon install`: "
            "move it away, or let --force replace it (`uninstall` brings it back)"
        )
    held = _digest(packages / PACKAGE_FILE)
    if held not in (None, old.files.get(PACKAGE_FILE, held), digests.get(PACKAGE_FILE)):
        raise HdaemonError(
            f"{packages / PACKAGE_FILE} was edited since it was installed: --force overwrites your changes"
        )


def _absent_folders(packages: Path, names: list[str]) -> list[str]:
    parents = {str(parent) for name in names for parent in PurePosixPath(name).parents}
    return [folder for folder in sorted(parents) if not (packages / folder).exists()]


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _save(packages: Path, record: Record) -> None:
    _put(packages / _RECORD, json.dumps(vars(record), indent=1).encode())


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Not with tempfile, whose files other users of a shared folder cannot read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _delete(path: Path) -> None:
    """Delete a file, and what Python compiled from it."""
    path.unlink(missing_ok=True)
    if path.suffix == ".py":
        cache = path.parent / "__pycache__"
        for compiled in cache.glob(glob.escape(path.stem) + ".*.pyc"):
            compiled.unlink(missing_ok=True)
        _rmdir(cache)


def _prune(packages: Path, folders: list[str]) -> None:
    """Remove those of `folders` that are empty, the inner ones first."""
    for folder in sorted(folders, key=lambda folder: len(PurePosixPath(folder).parts), reverse=True):
        _rmdir(packages / folder)


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # not empty: something of somebody else's is in it; or gone already
        return
