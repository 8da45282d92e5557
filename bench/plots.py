"""Curves as small SVG pictures, by matplotlib."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from figure import Curve, number

__all__ = ["draw"]

_INCHES = (5.2, 3.4)


def draw(curves: Iterable[Curve], folder: Path) -> dict[str, str]:
    """Draw each curve into a file of `folder`, named after its title; return the files' names by the titles.

    Raises:
        ImportError: there is no matplotlib.
    """
    import matplotlib

    matplotlib.use("svg")
    # Text stays text: smaller, and the same file for the same figures.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "hdaemon", "font.size": 9})
    from matplotlib import pyplot

    names = {}
    for curve in curves:
        # A logarithmic axis has no place for the others.
        series = {name: [(x, y) for x, y in points if x > 0 and y > 0] for name, points in curve.series.items()}
        if not any(series.values()):
            continue
        figure, axes = pyplot.subplots(figsize=_INCHES, layout="constrained")
        for (name, points), marker in zip(series.items(), "os^vDx+*" * len(series), strict=False):
            axes.plot([x for x, _ in points], [y for _, y in points], marker=marker, markersize=4, label=name)
        if curve.limit is not None:
            axes.axhline(curve.limit, color="0.4", linestyle="--", linewidth=1, label=f"limit {curve.limit:g}")
        axes.set(title=curve.title, xlabel=curve.x, ylabel=curve.y, xscale="log", yscale="log")
        _numbered(axes.xaxis, [x for points in series.values() for x, _ in points])
        low, high = _numbered(axes.yaxis, [y for points in series.values() for _, y in points])
        # At least a decade: what differs by some percent shall look like it.
        middle, factor = (low * high) ** 0.5, max(high / low * 1.5, 10) ** 0.5
        limit = curve.limit or middle
        axes.set_ylim(min(middle / factor, limit / 1.3), max(middle * factor, limit * 1.3))
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
        name = re.sub(r"[^a-z0-9]+", "-", curve.title.lower()).strip("-") + ".svg"
        figure.savefig(folder / name, metadata={"Date": None})
        pyplot.close(figure)
        names[curve.title] = name
    return names


def _numbered(axis: Any, values: list[float]) -> tuple[float, float]:
    """Give a logarithmic axis plain numbers; return the least and the largest value."""
    from matplotlib import ticker

    low, high = min(values), max(values)
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: number(value)))
    axis.set_minor_formatter(ticker.NullFormatter())
    return low, high
