"""What is checked before anything is merged: `pip install nox && nox`.

Every session has an environment of its own. An interpreter that is missing is skipped, and nox says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.sessions = [
    "lint",
    "types",
    "imports",
    "tests",
    "exhaustive",
    "faults",
    "fuzz",
    "smoke",
    "conformance",
    "blender",
    "browser",
    "soak_ci",
    "bench_short",
]
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

ROOT = Path(__file__).parent
OFFSCREEN = {
    "QT_QPA_PLATFORM": "offscreen",
    "PYTHONDONTWRITEBYTECODE": "1",
    "HDAEMON_STATE": str(ROOT / ".nox" / "state"),  # not among the session files of who runs this
}

# The Pythons and Qt bindings of Houdini 20, 21 and 22. PySide2 was built against numpy 1, and PySide6 6.5 warns
# under numpy 2; pytest-qt 4.5 no longer knows PySide2.
BINDINGS = {
    "3.10": ["PySide2==5.15.2.1", "numpy<2", "pytest-qt<4.5"],
    "3.11": ["PySide6-Essentials==6.5.3", "numpy<2"],
    "3.13": ["PySide6-Essentials==6.8.3"],
}

WORKERS = 2
"""Of pytest-xdist: the tests wait for sockets and timers, and are held to times, so that more would only disturb."""

# Exact: another version may format or judge differently.
RUFF = "ruff==0.17.6"
MYPY = "mypy==2.4.1"
H11 = "h11==0.16.0"
WSPROTO = "wsproto==1.3.2"
TYPES_HOUDINI = "types-houdini==21.0.512.3"
TYPES_MAYA = "types-maya-strict==2025.0.6"
BPY = "bpy==4.5.0"
NUMPY = "numpy==2.2.6"  # the last whose own types Python 3.10 can read
IMPORT_LINTER = "import-linter==2.16"
ATHERIS = "atheris==3.0.0"

# What hdaemon is measured beside, and what draws the plots.
BENCH = ["pyzmq==27.3.0", "rpyc==6.0.2", "psutil==7.2.2", "matplotlib==3.11.2"]

# The last that makes environments for Python 2.7, which Autobahn's test suite still needs.
VIRTUALENV = "virtualenv==20.21.1"
AUTOBAHN = "autobahntestsuite==25.10.1"

IS_INSTALLED = """
import sys, hdaemon, hdaemon_panel
print("testing", hdaemon.__file__)
sys.exit("site-packages" not in hdaemon.__file__ or "site-packages" not in hdaemon_panel.__file__)
"""

IS_PICTURE = """
import sys
from qtpy.QtGui import QImage
image = QImage(sys.argv[1])
step = max(1, image.width() // 200)
colours = {image.pixel(x, y) for x in range(0, image.width(), step) for y in range(0, image.height(), step)}
print(f"{sys.argv[1]}: {image.width()} x {image.height()} pixels, {len(colours)} colours seen")
sys.exit(image.isNull() or image.width() < 200 or image.height() < 200 or len(colours) < 4)
"""


def found(python: str) -> str | None:
    """Return the path of an interpreter that runs; a shim of pyenv may be there for one that was not chosen."""
    path = shutil.which(python)
    if path is None or subprocess.run([path, "--version"], capture_output=True, check=False).returncode:
        return None
    return path


@nox.session
def lint(session: nox.Session) -> None:
    """Style and format."""
    session.install(RUFF)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly, against the published stubs of hou."""
    session.install(MYPY, TYPES_HOUDINI, TYPES_MAYA, NUMPY, H11, WSPROTO)
    session.run("mypy")
    maya = ["--strict", "--config-file=", "--follow-imports=silent", "--python-version", "3.10"]
    session.run("mypy", *maya, "examples/maya/hdaemon_maya.py", env={"MYPYPATH": "examples/python"})
    session.run("mypy", *map(str, sorted(Path("bench").glob("*.py"))))


@nox.session
def imports(session: nox.Session) -> None:
    """Who may import whom."""
    session.install(IMPORT_LINTER)
    session.run("lint-imports", env={"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'panel'}"})


@nox.session(python=list(BINDINGS))
def tests(session: nox.Session) -> None:
    """Test the installed wheel, so that a file missing from it is found, with the tests of the checkout."""
    run_tests(session, "not exhaustive and not hostile", workers=WORKERS)


@nox.session(python="3.11")
def exhaustive(session: nox.Session) -> None:
    """Run the tests that try every byte, or take long, and are the same on every Python."""
    run_tests(session, "exhaustive")


def run_tests(session: nox.Session, marked: str, *only: str, workers: int = 0, **env: str) -> None:
    """Run the tests that are `marked` against the installed wheel: `only` some, or those that were asked for."""
    session.install(f"{ROOT}[test]", *BINDINGS[str(session.python)])
    # From another folder and in importlib mode: the checkout must never come before the wheel on sys.path.
    session.chdir(session.create_tmp())
    session.run("python", "-c", IS_INSTALLED, env=OFFSCREEN)
    options = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={ROOT}", "-p", "no:cacheprovider"]
    options += ["--import-mode=importlib", "-o", "pythonpath=tests", "-m", marked]
    asked = only or session.posargs
    if workers and (only or not session.posargs):  # what was asked for is shown as it comes
        options += ["-n", str(workers), "--dist", "worksteal"]
    chosen = [str(ROOT / word) if (ROOT / word.split("::")[0]).exists() else word for word in asked]
    # PYTHONSAFEPATH: nor for the programs that tests start (from Python 3.11 on).
    environment = {**OFFSCREEN, "PYTHONSAFEPATH": "1", **env}
    session.run("pytest", *options, *(chosen or [str(ROOT / "tests")]), env=environment)


@nox.session
def smoke(session: nox.Session) -> None:
    """Do what the README does first, and look at the picture."""
    session.install(".[desktop]")
    session.chdir(session.create_tmp())
    picture = Path("demo.png")
    picture.unlink(missing_ok=True)
    session.run("hdaemon", "demo", "--seconds", "3", "--screenshot", str(picture), env=OFFSCREEN)
    session.run("python", "-c", IS_PICTURE, str(picture), env=OFFSCREEN)


@nox.session
def conformance(session: nox.Session) -> None:
    """Let Autobahn's fuzzing client judge the WebSocket door; its suite runs in Python 2.7 only."""
    python = found("python2.7")
    if python is None:
        session.skip("no python2.7 was found, and Autobahn's test suite runs in no other")
    session.install(".", VIRTUALENV)
    folder = Path(session.create_tmp())
    suite = folder / "autobahn"
    scripts = suite / ("Scripts" if os.name == "nt" else "bin")
    if not (scripts / "wstest").exists():
        session.run("virtualenv", "--quiet", "--python", python, str(suite))
        session.run(str(scripts / "pip"), "install", "--quiet", AUTOBAHN, external=True)
    # 12 and 13 are about compression, which is not offered; this version of the suite has no group 11.
    cases = session.posargs or ["1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*"]
    script = str(ROOT / "tests" / "conformance" / "websocket.py")
    session.run("python", script, str(scripts / "wstest"), *cases, str(folder / "reports"), env=OFFSCREEN)


@nox.session(python="3.11")
def blender(session: nox.Session) -> None:
    """Run the add-on of examples/blender in the real bpy: a download of 370 MB, about 1 GB on disk."""
    session.install(".", BINDINGS["3.11"][0])
    try:
        session.install(BPY)
    except CommandFailed:
        session.skip(f"{BPY} could not be installed here: the add-on was not run")
    session.run("python", str(ROOT / "tests" / "examples" / "blender_addon.py"), *session.posargs, env=OFFSCREEN)


@nox.session
def browser(session: nox.Session) -> None:
    """Let a real browser's pages try to reach the port: headless Chromium, which Debian has as `chromium`."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        session.skip(f"no Chromium was found ({', '.join(names)}): apt-get install chromium")
    session.install(".")
    session.chdir(session.create_tmp())
    script = str(ROOT / "tests" / "hostile" / "browser.py")
    session.run("python", script, program, *session.posargs, env={**OFFSCREEN, "HDAEMON_STATE": session.create_tmp()})


@nox.session(python="3.11")
def faults(session: nox.Session) -> None:
    """Try faults by the thousand; the times that are promised hold for one after the other."""
    run_tests(session, "hostile and not slow")
    run_tests(session, "not hostile", "tests/wire/test_bombs.py", "tests/content/test_bombs.py")


@nox.session(python="3.11")
def fuzz(session: nox.Session) -> None:
    """Let a coverage-guided fuzzer loose on every parser: 60 s each, two at a time (`-- --seconds 600`)."""
    run_fuzzer(session, *session.posargs)


@nox.session(python="3.11")
def hostile(session: nox.Session) -> None:
    """Everything of `faults` and 800,000 messages that break off; 10,000 examples a parser; then the fuzzer."""
    run_tests(session, "hostile", "tests")
    examples = os.environ.get("HDAEMON_HOSTILE_EXAMPLES", "10000")
    tried = "tests/hostile/test_parsers.py"
    run_tests(session, "not exhaustive", tried, workers=WORKERS, HDAEMON_HOSTILE_EXAMPLES=examples)
    run_fuzzer(session, *session.posargs)


def run_fuzzer(session: nox.Session, *options: str) -> None:
    """Fuzz the parsers of the installed wheel."""
    session.install(f"{ROOT}[test]", *BINDINGS["3.11"])
    try:
        session.install("--only-binary", "atheris", ATHERIS)
    except CommandFailed:
        session.skip(f"{ATHERIS} is not to be had for this system: no coverage-guided fuzzing")
    session.chdir(session.create_tmp())  # where inputs are written in which something was found
    session.run("python", str(ROOT / "tests" / "hostile" / "fuzz.py"), "--all", *options, env=OFFSCREEN)


@nox.session(python="3.11")
def soak(session: nox.Session) -> None:
    """Send 20 GB of everything at a session whose panel is open: nothing lost, nothing kept, nothing late. On Linux."""
    run_soak(session, *session.posargs)


@nox.session(python="3.11")
def soak_short(session: nox.Session) -> None:
    """The same with 2 GB."""
    run_soak(session, "--gb", "2", "--minutes", "5", *session.posargs)


@nox.session(python="3.11")
def soak_ci(session: nox.Session) -> None:
    """The same; a gap over 50 ms is told, and fails from 500 ms on: machines of a CI are small and shared."""
    run_soak(session, "--gb", "2", "--minutes", "5", "--gap-ms", "500", *session.posargs)


def run_soak(session: nox.Session, *options: str) -> None:
    """Send at the installed wheel."""
    if not sys.platform.startswith("linux"):
        session.skip("what the soak measures is read from Linux's /proc")
    session.install(".[desktop]", *BINDINGS["3.11"])
    environment = {**OFFSCREEN, "HDAEMON_STATE": session.create_tmp()}
    session.run("python", str(ROOT / "tests" / "hostile" / "soak.py"), *options, env=environment)


@nox.session(python="3.11")
def bench(session: nox.Session) -> None:
    """Measure, beside others: a table at the end. `nox -s bench -- --only arrays --out FOLDER` (bench/run.py)."""
    run_bench(session, *session.posargs)


@nox.session(python="3.11")
def bench_short(session: nox.Session) -> None:
    """The same, short; it fails when a ratio is three times worse than it must be, never for an absolute figure."""
    run_bench(session, "--short", "--out", session.create_tmp(), *session.posargs)


def run_bench(session: nox.Session, *options: str) -> None:
    """Measure the installed wheel."""
    session.install(".[desktop]", *BINDINGS["3.11"], *BENCH)
    session.run("python", str(ROOT / "bench" / "run.py"), *options, env=OFFSCREEN)
