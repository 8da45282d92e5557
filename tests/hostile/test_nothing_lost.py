"""Nothing acknowledged is lost: the short form of nothing_lost.py, and its judge."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hostile.nothing_lost import judge

SCRIPT = Path(__file__).with_name("nothing_lost.py")

GOOD = [("lost/0", 0, 11, 8), ("lost/0", 1, 12, 8), ("lost/0", 2, 13, 8)]
SAID = {"lost/0": [(0, 11), (1, 12), (2, 0)]}


def run(*options: str, timeout_s: float) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options, "--deadline", str(timeout_s - 10)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


def test_the_judge_lets_pass_what_is_right() -> None:
    assert judge(GOOD, SAID) == []
    assert judge(GOOD[:2], SAID) == []  # what was not acknowledged may be missing


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ([*GOOD, GOOD[2]], "1 handed over more than once"),
        (GOOD[1:], "1 acknowledged and missing"),
        ([("lost/0", 0, 10, 8), *GOOD[1:]], "1 acknowledged under another serial"),
        ([*GOOD, ("lost/1", 0, 14, 8)], "1 handed over and never sent"),
        ([GOOD[1], GOOD[0]], "came after"),
        ([("lost/0", 0, 11, 9), *GOOD[1:]], "cut"),
    ],
)
def test_the_judge_finds_what_is_wrong(taken: list[tuple[str, int, int, int]], said: str) -> None:
    (text,) = judge(taken, SAID)
    assert said in text


@pytest.mark.slow
def test_nothing_is_lost() -> None:
    out = run("--clients", "2", "--messages", "5000", "--large", "2", "--share", "0.15", timeout_s=90.0)
    assert int(re.search(r"([\d,]+) connections reset", out)[1].replace(",", "")) > 5  # type: ignore[index]


@pytest.mark.hostile
@pytest.mark.slow
def test_nothing_is_lost_of_800_000() -> None:
    run("--clients", "8", "--messages", "100000", timeout_s=1800.0)
