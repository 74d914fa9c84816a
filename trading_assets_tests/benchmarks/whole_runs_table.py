"""From the measurements of whole runs to the table and the picture of `docs/scale.md`."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from trading_assets_tests.benchmarks.table import REPOSITORY, replaced

MEASURED = REPOSITORY / "docs" / "whole_runs.json"
GROWTH = REPOSITORY / "docs" / "growth.png"
PAGE = REPOSITORY / "docs" / "scale.md"
_BEGIN, _END = "<!-- whole runs: written by `make bench-runs` -->", "<!-- /whole runs -->"
_STRATEGY = "equity_momentum"
#: Steps that the table tells of, by what they do.
STEPS = {
    "features, read to commit": "features/daily",
    "drift": "monitoring/drift",
    "look-ahead audit": f"robustness/look_ahead/{_STRATEGY}",
    "stress suite": f"robustness/stress/{_STRATEGY}",
    "sensitivity": f"robustness/sensitivity/{_STRATEGY}",
    "resampling": f"robustness/resampling/{_STRATEGY}",
}
#: Steps of a run with a model.
MODEL_STEPS = {"training and scoring a model": "models/forward_return", "its audit": "robustness/look_ahead/ml"}
_WORK = {
    "first": "first run",
    "again": "the same again",
    "session": "one more session",
    "model": "first run with `ml` beside it",
    "help": "`trading-assets --help`",
    "definitions": "loading the definitions",
}
#: So small that the kernel's peak is that of the process which started them.
_SHORT = ("help", "definitions")


def rows(results: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """What was done, both versions' figures, and how many times faster this one is."""
    found = []
    pairs = results["pairs"]
    for work, name in _WORK.items():
        if work in pairs:
            before, now = pairs[work]["before"], pairs[work]["now"]
            figures = _seconds if work in _SHORT else _figures
            found.append((name, figures(before), figures(now), _times(before["seconds"], now["seconds"])))
    for work, steps in (("first", STEPS), ("model", MODEL_STEPS)):
        for name, step in steps.items() if work in pairs else ():
            taken = [pairs[work][side]["steps"].get(step) for side in ("before", "now")]
            if None not in taken:
                found.append((name, f"{taken[0]:.1f} s", f"{taken[1]:.1f} s", _times(*taken)))
    return found


def markdown(results: Mapping[str, Any]) -> str:
    """The table of the page, and the shapes below it."""
    lines = [
        f"| 505 symbols x 5 years, {_runs(results)} | {results['before']} | this version | faster |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows(results)),
        "",
        "| bars | symbols x years | seconds | CPU seconds a million bars | peak memory |",
        "|---|---|---|---|---|",
    ]
    for each in results["growth"]:
        bars = each["bars"] / 1e6
        lines.append(
            f"| {bars:.2f} M | {each['symbols']:,} x {each['years']} | {each['seconds']:,.0f} | "
            f"{each['cpu_seconds'] / bars:,.0f} | {each['megabytes'] / 1000:.1f} GB |"
        )
    return "\n".join(lines)


def written_page(page: str, results: Mapping[str, Any]) -> str:
    """The page's text with the tables of these results."""
    return replaced(page, _BEGIN, _END, markdown(results))


def growth_picture(results: Mapping[str, Any]) -> bytes:
    """CPU seconds and memory by bars, both on logarithmic axes, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.6), dpi=100)
    canvas = FigureCanvasAgg(figure)
    bars = [each["bars"] for each in results["growth"]]
    panels = (
        ("CPU seconds a million bars", [1e6 * each["cpu_seconds"] / each["bars"] for each in results["growth"]]),
        ("peak memory, GB", [each["megabytes"] / 1000 for each in results["growth"]]),
    )
    for axes, (title, values) in zip(figure.subplots(1, 2), panels, strict=True):
        axes.plot(bars, values, "o-", color="#2a5d84")
        for each, value, shape in zip(bars, values, results["growth"], strict=True):
            label = f"{shape['symbols']:,} x {shape['years']}"
            axes.annotate(label, (each, value), textcoords="offset points", xytext=(0, 7), fontsize=8, ha="center")
        axes.set(xscale="log", yscale="log", title=title, xlabel="bars")
        axes.margins(0.15)
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    out = io.BytesIO()
    canvas.print_png(out, metadata={"Software": None})
    return out.getvalue()


def stored() -> dict[str, Any]:
    """Return what was measured last."""
    found: dict[str, Any] = json.loads(MEASURED.read_text(encoding="utf-8"))
    return found


def _runs(results: Mapping[str, Any]) -> str:
    counts = {side["runs"] for sides in results["pairs"].values() for side in sides.values()}
    if len(counts) > 1:
        return f"medians of {min(counts)} to {max(counts)} runs"
    return "one run" if counts == {1} else f"median of {min(counts)} runs"


def _figures(side: Mapping[str, Any]) -> str:
    return f"{side['seconds']:.1f} s, {side['cpu_seconds']:.1f} CPU s, {side['megabytes'] / 1000:.2f} GB"


def _seconds(side: Mapping[str, Any]) -> str:
    return f"{side['seconds']:.1f} s, {side['cpu_seconds']:.1f} CPU s"


def _times(before: float, now: float) -> str:
    return f"{before / now:.1f}x"
