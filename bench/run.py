"""Measures hdaemon, and others beside it: ``python bench/run.py [--short] [--only NAME ...] [--out FOLDER]``.

Each benchmark is a module of this folder with a function ``figures(short)``, and runs in a process of its own with a
limit of time, so that none disturbs the next. At the end comes a table, each row with what it must reach, and what the
machine and the versions were; ``--out`` also gets it as ``bench.md`` and ``bench.json``, and the plots.

Exit status 1 when a benchmark did not come to its end. ``--short``, for CI, takes fewer and smaller rounds, and exits 1
also when a ratio is three times worse than it must be; absolute figures never fail a run.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import plots
import table
from figure import Curve, Figure
from machine import machine, versions

HERE = Path(__file__).resolve().parent

MODULES = ("arrays", "mesh", "lines", "small", "gaps", "cook", "memory", "start", "idle", "crowd", "growth")
"""In the order of their rows."""

LIMIT_S, SHORT_LIMIT_S = 900.0, 100.0
"""How long one module may take."""


def measure(name: str, folder: Path, short: bool, limit_s: float) -> table.Module:
    """Run one module in a process of its own, which is ended with all its children when it takes too long."""
    module = table.Module(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hdaemon-bench-") as temporary:
        results = Path(temporary, "results")
        command = [sys.executable, str(HERE / "run.py"), "--child", name, "--results", str(results)]
        command += ["--folder", str(folder)] + (["--short"] if short else [])
        # A session of its own, so that its senders can be ended with it.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            status = process.wait(limit_s)
            if status:
                module.failed = f"it ended with status {status}; its error is above"
        except subprocess.TimeoutExpired:
            module.failed = f"it was not done after {limit_s:g} s, and was ended"
        finally:
            _end(process)
        module.took_s = time.monotonic() - began
        if results.exists():
            for line in results.read_text(encoding="utf-8").splitlines():
                kind, fields = json.loads(line)
                if kind == "figure":
                    module.figures.append(Figure(**fields))
                else:
                    module.curves.append(Curve(**fields))
    if not module.failed and not module.figures and not module.curves:
        module.failed = "it yielded nothing"
    return module


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, and what it has started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all have ended already
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
    process.wait(10)


def child(name: str, folder: Path, results: Path, short: bool) -> None:
    """Run one module in this process; write what it yields, a line each, as soon as it is there."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(folder))
    with results.open("w", encoding="utf-8") as file:
        for found in importlib.import_module(name).figures(short):
            kind = "figure" if isinstance(found, Figure) else "curve"
            file.write(json.dumps([kind, dataclasses.asdict(found)]) + "\n")
            file.flush()


def arguments(argv: list[str]) -> argparse.Namespace:
    """Return the arguments, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="fewer and smaller rounds, for CI")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write bench.md, bench.json and the plots there")
    parser.add_argument("--limit-s", type=float, help="how long one benchmark may take, in seconds")
    parser.add_argument("--folder", type=Path, default=HERE, help="where the benchmarks lie, if not beside this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    args.folder = args.folder.resolve()
    unknown = [name for name in args.only or () if not (args.folder / f"{name}.py").exists()]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}: choose of {', '.join(MODULES)}")
    return args


def main(argv: list[str] | None = None) -> int:
    """Run what is asked for; return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = arguments(argv)
    if args.child:
        child(args.child, args.folder, args.results, args.short)
        return 0
    run = table.Run(shlex.join(["python", "bench/run.py", *argv]), machine(), versions(), args.short)
    limit_s = args.limit_s or (SHORT_LIMIT_S if args.short else LIMIT_S)
    for name in args.only or MODULES:
        print(f"{name} ...", flush=True)
        module = measure(name, args.folder, args.short, limit_s)
        print(f"{name}: {module.failed or 'done'} ({module.took_s:.0f} s)", flush=True)
        run.modules.append(module)
    print("\n" + table.text(run), flush=True)
    if args.out:
        write(run, args.out)
    return run.exit_status


def write(run: table.Run, folder: Path) -> None:
    """Write the results into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    curves = [curve for module in run.modules for curve in module.curves]
    drawn = {}
    try:
        drawn = plots.draw(curves, folder) if curves else {}
    except ImportError:
        print("no plots: pip install matplotlib")
    (folder / "bench.md").write_text(table.markdown(run, drawn), encoding="utf-8")
    (folder / "bench.json").write_text(table.to_json(run), encoding="utf-8")
    print(f"written: {', '.join(['bench.md', 'bench.json', *drawn.values()])} in {folder}")


if __name__ == "__main__":
    sys.exit(main())
