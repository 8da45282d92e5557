"""Lets a coverage-guided fuzzer (atheris, over LLVM's libFuzzer) loose on the parsers of what comes from outside.

``python tests/hostile/fuzz.py PARSER [--seconds N] [--corpus DIR]`` tries one of them in this process;
``python tests/hostile/fuzz.py --all`` each in turn, two at a time. It ends with status 1 when a parser raises what it
does not document, breaks a promise, takes more time or memory for its bytes than parsers.py allows, does not return
within 10 seconds, or the process comes to 1 GiB; and it says where the input was written.
``python tests/hostile/fuzz.py PARSER FILE`` tries one input again.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NAMES = sorted(entry.name for entry in (HERE / "corpus").iterdir() if entry.is_dir())

MAX_INPUT_BYTES = 4096
MAX_INPUT_S = 10
MAX_MEMORY_MB = 1024


def main() -> int:
    """Return 0 when nothing was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parser", nargs="?", choices=NAMES, metavar="PARSER", help=", ".join(NAMES))
    parser.add_argument("input", nargs="?", type=Path, metavar="FILE", help="try this input only")
    parser.add_argument("--all", action="store_true", help="try every parser")
    parser.add_argument("--seconds", type=int, default=60, help="for each parser (default: 60)")
    parser.add_argument("--jobs", type=int, default=2, help="at a time, with --all (default: 2)")
    parser.add_argument("--corpus", type=Path, help="keep the inputs that reach new code in this folder")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of the process that does it
    options = parser.parse_args()
    if options.all == bool(options.parser):
        parser.error("name one parser, or say --all")
    if options.all:
        return try_all(options.seconds, options.jobs, options.corpus)
    if options.input is not None:
        load(options.parser)(options.input.read_bytes())
        print("nothing is wrong with it")
        return 0
    if options.folder is None:
        return run(options.parser, options.seconds, options.corpus).returncode
    fuzz(options.parser, options.seconds, options.corpus or options.folder / "corpus", options.folder)
    return 0


def run(name: str, seconds: int, corpus: Path | None, **more: Any) -> subprocess.CompletedProcess[str]:
    """Try one parser in a process of its own, which the fuzzer ends in its own way: nothing is tidied up there."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(HERE / "fuzz.py"), name, "--seconds", str(seconds), "--folder", folder]
        if corpus is not None:
            command += ["--corpus", str(corpus)]
        # Each input has its own limit, so that the whole comes to an end; this is for the fuzzer itself.
        return subprocess.run(command, timeout=3 * seconds + 120, check=False, **more)


def try_all(seconds: int, jobs: int, corpus: Path | None) -> int:
    """Try every parser; print a line for each, all that one said in which something was found, and at the end what."""
    findings: list[str] = []

    def one(name: str) -> bool:
        began = time.monotonic()
        kept = None if corpus is None else corpus / name
        done = run(name, seconds, kept, capture_output=True, text=True, errors="replace")
        tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
        said = "nothing found"
        if done.returncode:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if not re.match(r"#\d+\t", line)]
            said = "\n".join(["FOUND:", *lines[-80:]])
            findings.append(f"{name}: {what(lines)}")
        took = f"{tried[1] if tried else 'unknown'} inputs in {time.monotonic() - began:.0f} s"
        print(f"{name}: {took}: {said}", flush=True)
        return done.returncode == 0

    with ThreadPoolExecutor(jobs) as pool:
        clean = all(list(pool.map(one, NAMES)))
    print(*findings, sep="\n", flush=True)
    return 0 if clean else 1


def what(lines: list[str]) -> str:
    """Return what was found, and the input, of what the fuzzer printed."""
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    errors += [line for line in lines if re.match(r"==\d+== ?ERROR", line)]  # too long, or too much memory
    error = (errors or lines[-1:] or ["nothing was printed"])[0]
    written = next((line for line in lines if line.startswith("Base64: ")), "no input was written")
    return f"{error[:1000]}\n{written}"


def load(name: str) -> Callable[[bytes], None]:
    """Return what tries the parser of that name: it raises when something is wrong."""
    sys.path.insert(0, str(HERE.parent))
    from hostile.parsers import PARSERS, check_all, warm_up

    warm_up(name)
    return partial(check_all, PARSERS[name])


def tokens(name: str) -> tuple[bytes, ...]:
    """Return words of its format, for the fuzzer to put together."""
    from hostile.parsers import PARSERS

    return PARSERS[name].tokens


def fuzz(name: str, seconds: int, corpus: Path, folder: Path) -> None:
    """Let the fuzzer try one parser. It ends the process, with another status than 0 when it finds something."""
    import atheris

    with atheris.instrument_imports(include=["hdaemon.wire", "hdaemon.content", "hdaemon.server", "h11", "wsproto"]):
        check = load(name)
    corpus.mkdir(parents=True, exist_ok=True)
    words = folder / "words"
    words.write_text("".join(f'"{written(token)}"\n' for token in tokens(name)))
    flags = [
        f"-max_total_time={seconds}",
        f"-timeout={MAX_INPUT_S}",
        f"-rss_limit_mb={MAX_MEMORY_MB}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-artifact_prefix={Path.cwd() / name}-",
        "-print_final_stats=1",
    ]
    if tokens(name):
        flags.append(f"-dict={words}")
    atheris.Setup([sys.argv[0], *flags, str(corpus), str(HERE / "corpus" / name)], check)
    atheris.Fuzz()


def written(token: bytes) -> str:
    """Return how a word is written in a dictionary of libFuzzer."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}" for byte in token)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.exit(main())
