"""Shared memory as tests see it: what is open, writing as a client does, and a file as a server lends it."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from helpers import wait_until

from hdaemon.log import RingLog
from hdaemon.server import shared
from hdaemon.store import Store

if shared.OFFERED:
    import fcntl

MIB = 1024 * 1024

needed = pytest.mark.skipif(not shared.OFFERED, reason="there are no sealed files in memory here")


def write(path: str, data: bytes) -> None:
    """As a client does it."""
    with Path(path).open("r+b") as file:
        file.write(data)


def opened() -> list[str]:
    """Return the segments that this process has open or mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    found = [line for line in lines if "/memfd:hdaemon-" in line]
    for entry in Path("/proc/self/fd").iterdir():
        try:
            name = os.readlink(entry)  # noqa: PTH115 - it leads to no path
        except OSError:  # that of the listing itself
            continue
        found += [name] if "/memfd:hdaemon-" in name else []
    return found


def none_left(store: Store, log: RingLog) -> None:
    """Fail when a segment stays open after what a test has received is let go."""
    store.clear()
    log.clear()
    wait_until(lambda: gc.collect() >= 0 and not opened(), "shared memory left open")


class Memory:
    """A file in memory, as a server would lend it."""

    def __init__(self, name: str, seals: int | None = None) -> None:
        self.fd = os.memfd_create(f"hdaemon-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, 16 * MIB)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK if seals is None else seals)
        self.lent = {"id": name, "path": f"/proc/{os.getpid()}/fd/{self.fd}", "bytes": 16 * MIB}

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
