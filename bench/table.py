"""The results of a run as a table to read, as Markdown and as JSON."""

from __future__ import annotations

import dataclasses
import itertools
import json
import textwrap
from dataclasses import dataclass, field
from typing import Any

from figure import LENIENT, Curve, Figure, number

__all__ = ["Module", "Run", "markdown", "text", "to_json"]

_COLUMNS = ("work", "hdaemon", "peer", "ratio", "must reach", "we want", "")
_WIDTHS = (52, 24, 38, 8, 20, 20, 9)
"""Of the terminal's columns at most; what is longer goes on in the next line."""

_SIGN = {"more": "≥", "less": "≤"}


@dataclass(slots=True)
class Module:
    """What one benchmark gave.

    Attributes:
        name: of the module.
        figures, curves: what it yielded, also before it failed.
        took_s: how long it ran.
        failed: why it did not come to its end; empty when it did.
    """

    name: str
    figures: list[Figure] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    took_s: float = 0.0
    failed: str = ""


@dataclass(slots=True)
class Run:
    """All of a run, and what it was measured on."""

    command: str
    machine: str
    versions: dict[str, str]
    short: bool
    modules: list[Module] = field(default_factory=list)

    @property
    def figures(self) -> list[Figure]:
        """All rows."""
        return [figure for module in self.modules for figure in module.figures]

    @property
    def exit_status(self) -> int:
        """1 when a benchmark did not come to its end, or, in a short run, a ratio is far from what it must be."""
        if any(module.failed for module in self.modules):
            return 1
        return int(self.short and any(figure.failed for figure in self.figures))


def _cells(figure: Figure) -> list[str]:
    limits = []
    for limit in (figure.must or None, figure.want):
        unit = "" if figure.is_ratio or limit is None else f" {figure.unit}"
        limits.append("" if limit is None else f"{_SIGN[figure.better]} {number(limit)}{unit}")
    ours, peer = f"{number(figure.ours)} {figure.unit}", figure.peer
    if figure.theirs is not None:
        peer += f": {number(figure.theirs)} {figure.unit}"
    verdict = "reached" if figure.reached else "missed"
    if not any(limits):
        verdict = ""
    elif figure.want is not None and figure.wanted:
        verdict = "as wanted"
    return [figure.work, ours, peer, number(figure.value) if figure.is_ratio else "", *limits, verdict]


def summary(run: Run) -> list[str]:
    """Return what a reader has to know at the end: what was missed, what failed."""
    lines = []
    judged = [figure for figure in run.figures if figure.must]
    if judged:
        missed = [_name(figure) for figure in judged if not figure.reached]
        lines.append(f"{len(judged) - len(missed)} of {len(judged)} figures are what they must be.")
        lines += [f"missed: {name}" for name in missed]
    if run.short:
        times = f"{LENIENT:g} times"
        lines += [f"failed: {_name(each)}: {times} worse than it must be" for each in run.figures if each.failed]
    lines += [f"failed: {module.name}: {module.failed}" for module in run.modules if module.failed]
    return lines


def _notes(run: Run) -> list[str]:
    noted: list[Figure | Curve] = [figure for figure in run.figures if figure.note]
    noted += [curve for module in run.modules for curve in module.curves if curve.note]
    return [f"{_name(each) if isinstance(each, Figure) else each.title}: {each.note}" for each in noted]


def _name(figure: Figure) -> str:
    return f"{figure.work}, against {figure.peer}" if figure.peer else figure.work


def _measured_on(run: Run) -> list[str]:
    said = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return [f"{run.command}", run.machine, said]


def text(run: Run) -> str:
    """Return the table for a terminal."""
    rows = []
    for row in (list(_COLUMNS), *map(_cells, run.figures)):
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, _WIDTHS, strict=True)]
        rows += [list(line) for line in itertools.zip_longest(*cells, fillvalue="")]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths).rstrip())
    notes = _notes(run)
    return "\n".join([*lines, "", *notes, *([""] if notes else []), *_measured_on(run), *summary(run)])


def markdown(run: Run, plots: dict[str, str] | None = None) -> str:
    """Return the table as Markdown. `plots`: paths of pictures by the titles of their curves."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|---" * len(_COLUMNS) + "|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(figure)) + " |" for figure in run.figures]
    command, machine, versions = _measured_on(run)
    parts = ["# What was measured", f"```\n{command}\n```", f"{machine}; {versions}.", "\n".join(lines)]
    for lines in (_notes(run), summary(run)):
        if lines:
            parts.append("\n".join(f"- {line}" for line in lines))
    parts += [f"![{title}]({path})" for title, path in (plots or {}).items()]
    return "\n\n".join(parts) + "\n"


def to_json(run: Run) -> str:
    """Return all of it as JSON, for programs that compare runs."""
    modules: list[dict[str, Any]] = []
    for module in run.modules:
        figures = [
            {**dataclasses.asdict(each), "reached": each.reached, "wanted": each.wanted} for each in module.figures
        ]
        curves = [dataclasses.asdict(curve) for curve in module.curves]
        modules.append(
            {
                "name": module.name,
                "took_s": round(module.took_s, 1),
                "failed": module.failed,
                "figures": figures,
                "curves": curves,
            }
        )
    found = {"command": run.command, "machine": run.machine, "versions": run.versions, "short": run.short}
    return json.dumps({**found, "modules": modules}, indent=1, ensure_ascii=False) + "\n"
