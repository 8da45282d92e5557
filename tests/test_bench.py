"""bench/run.py: what a figure is judged by, the table, the exit status, and a benchmark that crashes or hangs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCH = Path(__file__).parent.parent / "bench"

GOOD = """
from figure import Curve, Figure

def figures(short):
    yield Figure("12 MB array", 5.0, "ms", "pyzmq", 6.0, 1.2, 1.1, 1.4, note="7 rounds")
    yield Figure("round trip", 90.0, "us", "RPyC", 180.0, 0.5, 0.6, 0.5, "less")
    yield Figure("import", 400.0, "ms", value=400.0, must=30.0, better="less")
    yield Figure("a | b", 3.0 if short else 4.0, "MB")
    yield Curve("Rows & bytes", "rows", "bytes a row", {"log": [[1, 600.0], [100, 300.0]]}, 300.0)
"""

FAR_OFF = """
from figure import Figure

def figures(short):
    yield Figure("12 MB array", 30.0, "ms", "pyzmq", 6.0, 0.2, 1.1, 1.4)
"""

CRASHES = """
from figure import Figure

def figures(short):
    yield Figure("before it crashed", 1.0, "ms")
    raise ValueError("broken on purpose")
"""

HANGS = """
import pathlib, subprocess, sys, threading

def figures(short):
    process = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait(60)"])
    pathlib.Path(__file__).with_name("pid").write_text(str(process.pid))
    threading.Event().wait(60)
    yield
"""


SESSION = f"""
import sys
sys.path.insert(0, {str(BENCH)!r})
from session import Gaps, Sender, Session, in_rounds, python_cook
if "--sender" in sys.argv:
    import time
    in_rounds(lambda *words: (time.monotonic(), *words))
    sys.exit()
with Session() as session, Sender(sys.argv[0], "--sender") as sender:
    assert session.server.state == "listening" and session.panel.isVisible()
    for cook in (None, python_cook):
        with session.gaps() as gaps:
            sender.begin("seven 7")
            session.until(lambda: sender.done, cook=cook)
        assert sender.told()[1:] == ["seven", "7"]
        assert 0 < gaps.quantile(0.5) <= gaps.p99 <= gaps.longest
    try:
        session.until(lambda: False, 0.1)
    except TimeoutError:
        print("late")
    sender.process.kill()
    try:
        sender.told()
    except RuntimeError:
        print("ended")
assert session.server.state == "stopped"
"""


@pytest.fixture(autouse=True)
def bench(monkeypatch):
    """The folder of the benchmarks, as it is for who runs one: the first on the path."""
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)


@pytest.fixture
def run(tmp_path):
    """Run benchmarks that consist of the given texts; return the exit status."""
    import run as bench_run

    def run(*options, **texts):
        for name, text in texts.items():
            tmp_path.joinpath(f"{name}.py").write_text(text)
        return bench_run.main(["--folder", str(tmp_path), "--only", *texts, *options])

    return run


def test_a_figure_is_judged_by_its_value_in_the_direction_that_is_better():
    from figure import Figure

    ratio = Figure("work", 5.0, "ms", "peer", 6.0, 1.2, 1.1, 1.4)
    assert ratio.is_ratio
    assert ratio.reached
    assert not ratio.wanted
    assert not ratio.failed
    less = Figure("work", 5.0, "us", "peer", 10.0, 0.5, 0.6, 0.5, "less")
    assert less.reached
    assert less.wanted
    over = Figure("work", 9.0, "us", "peer", 10.0, 0.9, 0.6, 0.5, "less")
    assert not over.reached
    assert not over.wanted
    assert not over.failed


@pytest.mark.parametrize(
    ("value", "better", "failed"),
    [(0.37, "more", False), (0.36, "more", True), (3.3, "less", False), (3.4, "less", True)],
)
def test_a_ratio_fails_when_it_is_three_times_worse_than_it_must_be(value, better, failed):
    from figure import Figure

    assert Figure("work", 1.0, "ms", "peer", 1.0, value, 1.1, 1.4, better).failed is failed


def test_an_absolute_figure_never_fails():
    from figure import Figure

    figure = Figure("work", 9000.0, "ms", value=9000.0, must=30.0, better="less")
    assert not figure.reached
    assert not figure.failed


def test_ways_take_turns_and_warm_up():
    from figure import interleaved, medians, spread

    calls = []

    def way(name):
        def call():
            calls.append(name)
            return float(len(calls))

        return call

    found = interleaved({"a": way("a"), "b": way("b")}, rounds=3, warm_up=2)
    assert calls == list("abbaabbaab"), "no way comes always after the same one"
    assert found == {"a": [5.0, 8.0, 9.0], "b": [6.0, 7.0, 10.0]}
    assert medians(found) == {"a": 8.0, "b": 7.0}
    assert spread(found["a"]) == "3 rounds, 5 to 9"


def test_the_table_says_what_was_reached_and_what_was_missed(run, capsys):
    assert run(good=GOOD) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "12 MB array 5 ms pyzmq: 6 ms 1.2 ≥ 1.1 ≥ 1.4 reached" in rows
    assert "round trip 90 us RPyC: 180 us 0.5 ≤ 0.6 ≤ 0.5 as wanted" in rows
    assert "import 400 ms ≤ 30 ms missed" in rows
    assert "a | b 4 MB" in rows
    assert "12 MB array, against pyzmq: 7 rounds" in rows
    assert "2 of 3 figures are what they must be." in rows
    assert "missed: import" in rows
    assert any(row.startswith("python bench/run.py --folder ") for row in rows)
    assert any(row.startswith("CPython 3.") and "hdaemon " in row for row in rows)


def test_the_same_is_written_as_markdown_and_json(run, tmp_path):
    out = tmp_path / "new" / "out"
    assert run("--short", "--out", str(out), good=GOOD) == 0
    text = out.joinpath("bench.md").read_text(encoding="utf-8")
    assert "| 12 MB array | 5 ms | pyzmq: 6 ms | 1.2 | ≥ 1.1 | ≥ 1.4 | reached |" in text
    assert "| a \\| b | 3 MB |" in text
    found = json.loads(out.joinpath("bench.json").read_text(encoding="utf-8"))
    assert found["short"] is True
    (module,) = found["modules"]
    assert [figure["reached"] for figure in module["figures"]] == [True, True, False, True]
    assert module["curves"][0]["series"] == {"log": [[1, 600.0], [100, 300.0]]}


def test_curves_are_drawn(run, tmp_path):
    pytest.importorskip("matplotlib")
    run("--out", str(tmp_path), good=GOOD)
    assert "![Rows & bytes](rows-bytes.svg)" in tmp_path.joinpath("bench.md").read_text(encoding="utf-8")
    picture = tmp_path.joinpath("rows-bytes.svg").read_text(encoding="utf-8")
    assert picture.rstrip().endswith("</svg>")
    for word in ("bytes a row", "rows", "log", "limit 300"):
        assert word in picture


def test_a_ratio_far_off_fails_a_short_run_only(run, capsys):
    assert run("--short", far_off=FAR_OFF) == 1
    assert "failed: 12 MB array, against pyzmq: 3 times worse than it must be" in capsys.readouterr().out
    assert run(far_off=FAR_OFF) == 0
    out = capsys.readouterr().out
    assert "missed: 12 MB array, against pyzmq" in out
    assert "failed" not in out


def test_a_benchmark_that_crashes_fails_the_run_and_does_not_disturb_the_next(run, capfd):
    assert run(crashes=CRASHES, good=GOOD) == 1
    out, err = capfd.readouterr()
    assert "failed: crashes: it ended with status 1; its error is above" in out
    assert "ValueError: broken on purpose" in err
    assert "before it crashed" in out
    assert "12 MB array" in out


def test_a_benchmark_that_hangs_is_ended_with_what_it_started(run, tmp_path, capsys):
    assert run("--limit-s", "1.5", hangs=HANGS) == 1
    assert "failed: hangs: it was not done after 1.5 s, and was ended" in capsys.readouterr().out
    pid = int(tmp_path.joinpath("pid").read_text())
    deadline = time.monotonic() + 5
    while _runs(pid):
        assert time.monotonic() < deadline, "what the benchmark had started still runs"


def _runs(pid):
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_benchmark_that_yields_nothing_fails(run, capsys):
    assert run(nothing="def figures(short):\n    return iter(())\n") == 1
    assert "failed: nothing: it yielded nothing" in capsys.readouterr().out


def test_a_benchmark_that_does_not_exist_is_wrong_usage(capsys):
    import run as bench_run

    with pytest.raises(SystemExit) as ended:
        bench_run.main(["--only", "no_such"])
    assert ended.value.code == 2
    assert "no benchmark no_such: choose of arrays, mesh" in capsys.readouterr().err


def test_every_benchmark_is_there_and_can_be_run():
    import run as bench_run

    for name in bench_run.MODULES:
        assert "def figures(short: bool)" in BENCH.joinpath(f"{name}.py").read_text(encoding="utf-8"), name


def test_a_session_has_a_server_a_panel_and_an_event_loop(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SESSION)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["late", "ended"]


def test_the_stages_of_a_large_array_are_all_noted(bench):
    """It wraps methods by their names: where one is called otherwise, or no more, it fails."""
    from stages import STAGES

    command = [sys.executable, str(BENCH / "stages.py"), "--megabytes", "9", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split("9 MB by ")[1:]
    assert len(tables) in (1, 2)  # with shared memory where there is some
    for table in tables:
        way = table.partition(",")[0]
        rows = [row.rsplit(maxsplit=1) for row in table.splitlines()[1:]]
        *names, last = [name.strip() for name, _ in rows]
        assert (tuple(names), last) == (STAGES[way], "all")
        *stages, whole = [float(took) for _, took in rows]
        assert whole > 0
        assert whole == pytest.approx(sum(stages), abs=0.05)  # one round; of each two digits are shown
        assert all(took > 0 for name, took in zip(names, stages, strict=True) if name in ("copied", "body received"))
