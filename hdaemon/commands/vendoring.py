"""What Houdini's Python lacks, as found in this environment: the files to copy beside the package file.

From a checkout these are the dependencies alone, as Houdini imports hdaemon from the checkout. From a wheel they are
also hdaemon and its panel: the site-packages folder must not be on Houdini's path, as it would put another numpy and
another Qt before Houdini's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from hdaemon import paths
from hdaemon.errors import HdaemonError

__all__ = ["Copy", "to_copy"]

_HOUDINIS_OWN = re.compile(r"numpy|pyside\d*(-.*)?|pyqt\d*(-.*)?|shiboken\d*|pyside-.*")
"""Never copied: Houdini ships its own, which another would shadow."""

_COMPILED = (".so", ".pyd", ".dll", ".dylib")
_WORKS_WITHOUT = ("msgpack",)
"""Packages whose compiled part only makes them quicker: copied without it, as it is made for one Python version."""

_LICENCE = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Copy:
    """One file to copy: from `source` to `target`, which is relative to the folder on Houdini's Python path."""

    source: Path
    target: PurePosixPath


def to_copy() -> tuple[list[Copy], list[str]]:
    """Return the files to copy, and a sentence for each dependency that is left out.

    Raises:
        HdaemonError: a dependency is not installed here, or is not pure Python; says what to do.
    """
    copies: list[Copy] = []
    left_out: list[str] = []
    wanted = list(_declared()) if paths.is_checkout() else ["hdaemon"]
    seen = set()
    while wanted:
        name = wanted.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if _HOUDINIS_OWN.fullmatch(name):
            left_out.append(f"{name} is not copied: Houdini has its own")
            continue
        found = _distribution(name)
        copies += _files(name, found)
        if name in _WORKS_WITHOUT:
            left_out.append(f"the compiled part of {name} is not copied: its Python code does the same, slower")
        wanted += _required(found.requires or [])
    return copies, left_out


def _declared() -> Iterator[str]:
    """Yield what hdaemon itself requires: from its metadata, or in a bare checkout from pyproject.toml."""
    try:
        requires = metadata.requires("hdaemon") or []
    except metadata.PackageNotFoundError:
        text = (paths.share_dir() / "pyproject.toml").read_text(encoding="utf-8")
        array = re.search(r"^dependencies\s*=\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
        requires = re.findall(r"[\"'](.+?)[\"']", array[1]) if array else []
    yield from _required(requires)


def _required(requirements: list[str]) -> Iterator[str]:
    """Yield the normalised names of what is required in every case (PEP 508): extras and conditions are not."""
    for requirement in requirements:
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
        # A condition is about the Python that asks, not Houdini's; pure Python packages hardly need any.
        if name and ";" not in requirement:
            yield re.sub(r"[-_.]+", "-", name[0]).lower()


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise HdaemonError(
            f"{name}, which hdaemon needs in Houdini, is not installed here: run `python -m pip install {name}`"
        ) from None


def _files(name: str, found: metadata.Distribution) -> Iterator[Copy]:
    """Yield what a distribution consists of, by its RECORD (packaging.python.org, "Recording installed projects")."""
    record = found.read_text("RECORD")
    if not record:
        raise HdaemonError(f"what belongs to {name} is not recorded here: run `python -m pip install {name}` again")
    # Not `found.files`: from Python 3.12 on it keeps quiet about files that are missing.
    for file, *_ in csv.reader(record.splitlines()):
        target = PurePosixPath(file)
        if ".." in target.parts or target.is_absolute() or target.suffix == ".pyc" or "__pycache__" in target.parts:
            continue  # scripts, and what this Python has compiled
        if target.suffix in _COMPILED:
            if name in _WORKS_WITHOUT:
                continue
            raise HdaemonError(f"{name} is not pure Python ({target.name}): it cannot be copied for Houdini's Python")
        if target.suffix == ".pth" or (target.parts[0].endswith(".dist-info") and not _belongs(target)):
            continue
        source = Path(str(found.locate_file(file)))
        if not source.is_file():
            raise HdaemonError(f"{source} is missing: run `python -m pip install --force-reinstall {name}`")
        yield Copy(source, target)


def _belongs(target: PurePosixPath) -> bool:
    """Return whether a file of the metadata goes along: the licences, and what names and versions them."""
    return target.name == "METADATA" or bool(_LICENCE.search("/".join(target.parts[1:])))
