"""How the soak ends: what it leaves behind, and what it has said (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

COMPLAINTS = (
    "QThread: Destroyed",
    "QObject",
    "QBasicTimer",
    "QBackingStore",
    "QPainter",
    "Traceback",
    "Fatal Python error",
    "Exception ignored",
)


def descriptors() -> dict[str, str]:
    """Return this process's open files."""
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except FileNotFoundError:  # the one that reads the folder
            pass
    return found


def threads() -> dict[str, str]:
    """Return this process's threads, those of the system: Python does not know all of them."""
    found = {}
    for entry in Path("/proc/self/task").iterdir():
        try:
            found[entry.name] = (entry / "comm").read_text().strip()
        except OSError:  # it has ended meanwhile
            pass
    return found


def left(before: tuple[dict[str, str], dict[str, str]]) -> list[str]:
    """Return which descriptors and threads are left; some may take a moment to go."""
    deadline = time.monotonic() + 5
    while True:
        files = {fd: what for fd, what in descriptors().items() if fd not in before[0]}
        tasks = {task: name for task, name in threads().items() if task not in before[1]}
        if not files and not tasks or time.monotonic() > deadline:
            break
        threading.Event().wait(0.05)
    faults = [f"descriptors are left: {files}"] if files else []
    return faults + ([f"threads are left: {tasks}"] if tasks else [])


def watched(script: str, words: list[str], minutes: float) -> list[str]:
    """Run it in a process of its own, which must end well; return what was wrong with how it ended."""
    with tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, "-X", "faulthandler", script, "--session", *words]
        process = subprocess.Popen(command, stderr=errors, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"})
        try:
            status = process.wait(minutes * 60 + 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            status = "none: it did not end"
        errors.seek(0)
        said = errors.read()
    sys.stderr.write(said)
    faults = [f"it said: {line}" for line in said.splitlines() if any(word in line for word in COMPLAINTS)]
    return faults + ([f"exit status {status}"] if status else [])
