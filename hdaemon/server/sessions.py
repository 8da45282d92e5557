"""Session files: each running server says in one where it is, so that programs of the same user find it.

A file holds JSON: ``name``, ``host``, ``port``, ``pid``, ``token`` (null where none is needed), ``version`` and
``started`` (seconds since the epoch). Only the user can read it, as it carries the token. It is there while the port is
open; one that a crash has left is known by its process, which is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hdaemon
from hdaemon import paths

__all__ = ["Session", "SessionFile", "find", "forget", "is_running", "session_file"]

_written: set[Path] = set()
_exit_handled: list[int] = []

_SYNCHRONIZE, _WAIT_TIMEOUT = 0x00100000, 0x102  # winnt.h, winerror.h


@dataclass(frozen=True, slots=True)
class Session:
    """A running server of this user, as its file says.

    Attributes:
        name, host, port, pid, version, started: see the top of this file.
        token: what it asks for; None for nothing.
        path: the file.
    """

    name: str
    host: str
    port: int
    pid: int
    version: str
    started: float
    path: Path
    token: str | None = field(default=None, repr=False)

    @property
    def address(self) -> tuple[str, int]:
        """Where a program on this machine connects to."""
        wildcards = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
        host = self.host.strip("[]")
        return wildcards.get(host, host), self.port


class SessionFile:
    """The file of one server; made and removed by its thread.

    Args:
        name, host, port, token: what it says.

    Raises:
        OSError: it cannot be written; nothing was.
    """

    def __init__(self, name: str, host: str, port: int, token: str | None) -> None:
        folder = paths.sessions_dir()
        paths.make_private(folder)
        self._path = folder / f"{os.getpid()}-{port}.json"
        said = {
            "name": name,
            "host": host,
            "port": port,
            "pid": os.getpid(),
            "token": token,
            "version": hdaemon.__version__,
            "started": time.time(),
        }
        paths.write_private(self._path, json.dumps(said).encode())
        _written.add(self._path)
        if not _exit_handled:
            _exit_handled.append(os.getpid())
            atexit.register(_remove_all)

    def remove(self) -> None:
        """Remove it; one that is gone already is no error."""
        _written.discard(self._path)
        _unlink(self._path)


@contextlib.contextmanager
def session_file(name: str, host: str, port: int, token: str | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Have a `SessionFile` inside a ``with`` block; where there can be none, `tell` why: the server works without."""
    made = None
    try:
        made = SessionFile(name, host, port, token)
    except OSError as error:  # a full disk, a folder of somebody else
        tell(f"other programs do not find this session by its name: {error}")
    try:
        yield
    finally:
        if made is not None:
            made.remove()


def find() -> list[Session]:
    """Return the sessions of this user whose processes run, oldest first. Nothing is removed.

    Raises nothing: a folder or a file that cannot be read holds no session.
    """
    return sorted((session for session in _read_all() if is_running(session)), key=lambda session: session.started)


def forget(wanted: Session | None = None) -> int:
    """Remove the files of sessions that are gone, or that of `wanted`; return how many there were."""
    gone = [wanted] if wanted is not None else [session for session in _read_all() if not is_running(session)]
    for session in gone:
        _unlink(session.path)
    return len(gone)


def is_running(session: Session) -> bool:
    """Return whether the session's process is there, and one that this user may ask for."""
    if sys.platform == "win32":  # os.kill ends it there, whatever the signal (docs.python.org/3/library/os.html)
        return _runs_on_windows(session.pid)
    try:
        os.kill(session.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # there, and another user's: the number was given anew
        return False
    return True


def _runs_on_windows(pid: int) -> bool:
    """Return whether the process runs: it is waited for, for no time.

    learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights: waiting needs SYNCHRONIZE and no
    more. The handle of a process that has ended can be had for as long as somebody else holds one: it is signaled.
    """
    kernel32 = _kernel32()
    handle = kernel32.OpenProcess(_SYNCHRONIZE, False, pid)
    if not handle:  # there is none, or it is another user's: the number was given anew
        return False
    try:
        return bool(kernel32.WaitForSingleObject(handle, 0) == _WAIT_TIMEOUT)
    finally:
        kernel32.CloseHandle(handle)


def _kernel32() -> Any:
    import ctypes  # for those who ask there
    from ctypes import wintypes

    kernel32 = getattr(ctypes, "WinDLL")("kernel32")  # noqa: B009 - it is only there
    # A handle is a pointer, and ctypes takes what it is not told about for an int of 32 bits.
    kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    kernel32.OpenProcess.restype = wintypes.HANDLE
    kernel32.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
    kernel32.WaitForSingleObject.restype = wintypes.DWORD
    kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
    return kernel32


def _read_all() -> list[Session]:
    try:
        found = sorted(paths.sessions_dir().glob("*.json"))
    except OSError:
        return []
    sessions = (_read(path) for path in found)
    return [session for session in sessions if session is not None]


def _read(path: Path) -> Session | None:
    try:
        said = json.loads(paths.read_private(path))
        token = said["token"]
        if not 0 < int(said["pid"]) < 1 << 31:  # os.kill takes those below for groups of processes
            return None
        return Session(
            str(said["name"]),
            str(said["host"]),
            int(said["port"]),
            int(said["pid"]),
            str(said["version"]),
            float(said["started"]),
            path,
            None if token is None else str(token),
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):  # no file of ours
        return None


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:  # gone already
        pass


def _remove_all() -> None:
    """Remove the files of servers that did not stop in time. A child of os.fork has none of its own."""
    if _exit_handled == [os.getpid()]:
        for path in list(_written):
            _unlink(path)
