"""`hdaemon install` and `hdaemon uninstall`: making Houdini find hdaemon, and undoing exactly that."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from hdaemon import paths
from hdaemon.commands import prefs, record, vendoring
from hdaemon.commands.package import package_text
from hdaemon.errors import HdaemonError

__all__ = ["add_install_arguments", "add_uninstall_arguments", "run_install", "run_uninstall"]


def add_install_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `install` takes."""
    _add_common(parser)
    parser.add_argument(
        "--force", action="store_true", help="replace files that hdaemon did not write; uninstall brings them back"
    )


def add_uninstall_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `uninstall` takes."""
    _add_common(parser)


def run_install(args: argparse.Namespace) -> int:
    """Write the package file, and what Houdini's Python lacks, into each preference folder; print what was done.

    Returns 0 when each folder of a Houdini new enough has it now, and 1 when one has not, or there is none.
    """
    try:
        files, left_out = _files()
    except (HdaemonError, OSError) as error:
        return _fail(error)
    for sentence in left_out:
        print(f"skipped   {sentence}")
    new_enough = [found for found in _folders(args) if not _skipped_as_too_old(found)]
    if not new_enough:
        return _fail(_NO_HOUDINI)
    done = [_each(found, lambda found: _install(found, files, args.force, args.dry_run)) for found in new_enough]
    if all(done) and not args.dry_run:
        print("done: start Houdini again; the panel is under New Pane Tab Type > Misc > hdaemon")
    return 0 if all(done) else 1


def run_uninstall(args: argparse.Namespace) -> int:
    """Delete what `install` wrote, and nothing else, from each preference folder; print what was done.

    Returns 0 when none has it now, and 1 when something could not be deleted, or no folder was found.
    """
    folders = _folders(args)
    if not folders:
        return _fail(_NO_HOUDINI)
    return 0 if all([_each(found, lambda found: _uninstall(found, args.dry_run)) for found in folders]) else 1


_NO_HOUDINI = (
    "no preference folder of Houdini 20.0 or later was found: start Houdini once, "
    "or name the folder, such as `--prefs ~/houdini21.0`"
)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prefs",
        metavar="DIR",
        type=Path,
        action="append",
        help="a Houdini preference folder, such as ~/houdini21.0; may be given again (default: every one of yours)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def _folders(args: argparse.Namespace) -> list[prefs.Prefs]:
    return [prefs.given(path) for path in args.prefs] if args.prefs else list(prefs.find())


def _skipped_as_too_old(found: prefs.Prefs) -> bool:
    if found.too_old:
        print(f"skipped   {found.path}: hdaemon needs Houdini 20.0 or later")
    return found.too_old


def _files() -> tuple[dict[str, bytes], list[str]]:
    """Return the content of every file to install, by its name below packages/, and what is left out."""
    copies, left_out = vendoring.to_copy()
    files = {f"{record.PYTHON_DIR}/{copy.target}": copy.source.read_bytes() for copy in copies}
    beside = f"$HOUDINI_PACKAGE_PATH/{record.PYTHON_DIR}"
    if paths.is_checkout():
        share = paths.share_dir().as_posix()
        text = package_text(share, ["$HDAEMON_SHARE", "$HDAEMON_SHARE/panel", beside])
    else:
        text = package_text(f"{beside}/hdaemon/share", [beside])
    files[record.PACKAGE_FILE] = text.encode()
    return files, left_out


def _each(found: prefs.Prefs, do: Callable[[prefs.Prefs], None]) -> bool:
    if not found.path.is_dir():
        _fail(f"{found.path} is not a folder: start that Houdini once, or is the name right?")
        return False
    try:
        do(found)
    except (HdaemonError, OSError) as error:
        _fail(error)
        return False
    return True


def _install(found: prefs.Prefs, files: dict[str, bytes], force: bool, dry_run: bool) -> None:
    changed = record.write(found.packages, files, force, dry_run)
    total = Counter(map(_shown, [*files, *(changed - files.keys())]))
    touched = Counter(map(_shown, changed))
    for name, count in total.items():
        word = "unchanged" if name not in touched else "would write" if dry_run else "wrote"
        _say(word, found.packages / name, count)


def _uninstall(found: prefs.Prefs, dry_run: bool) -> None:
    removed = record.remove(found.packages, dry_run)
    if removed is None:
        foreign = found.packages / record.PACKAGE_FILE
        kept = f"; {foreign} was not written by `hdaemon install` and is left" if foreign.exists() else ""
        print(f"nothing   {found.path}: hdaemon is not installed there{kept}")
        return
    for name, count in Counter(map(_shown, removed.files)).items():
        _say("would remove" if dry_run else "removed", found.packages / name, count)
    for name in removed.replaced:
        print(f"{'would bring back' if dry_run else 'brought back'}  {found.packages / name}")


def _shown(name: str) -> str:
    """Return what stands for a file in the output: itself, or the package that it belongs to."""
    depth = len(PurePosixPath(record.PYTHON_DIR).parts) + 1
    return str(PurePosixPath(*PurePosixPath(name).parts[:depth]))


def _say(word: str, path: Path, count: int) -> None:
    print(f"{word:<9} {path}" + (f"  ({count} files)" if count > 1 else ""))


def _fail(error: object) -> int:
    print(f"hdaemon: {error}", file=sys.stderr)
    return 1
