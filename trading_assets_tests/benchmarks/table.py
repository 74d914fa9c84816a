"""From the measurements to the table in the README, and back into it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parent.parent.parent
RESULTS = REPOSITORY / "docs" / "benchmarks.json"
_BEGIN, _END = "<!-- benchmarks: written by `make bench` -->", "<!-- /benchmarks -->"


def rows(results: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What was done, the goal, and what was measured."""
    ours, theirs = results["our_columns"], results["vectorbt_columns"]
    portfolio, sweep, small = results["our_portfolio"], results["sweep"], results["small_sweep"]
    columns = ours["seconds"]["all"]
    run, recorded = portfolio["seconds"]["run"], portfolio["seconds"]["recorded"]
    bt, zipline = results["bt_weekly"]["seconds"]["all"], results["zipline_daily"]["seconds"]["all"]
    long, short = (results[name]["seconds"]["session"] for name in ("new_session", "new_session_short"))
    growth = {
        (int(shape.split(" x ")[0]), int(shape.split(" x ")[1])): each
        for shape, each in results["our_growth"]["seconds"].items()
    }
    return [
        ("independent columns, 100 sets: vectorbt / ours", ">= 50x", _times(theirs["seconds"]["all"] / columns)),
        ("the same, vectorbt stopping at its orders", "", _times(theirs["seconds"]["fills"] / columns)),
        ("the same, peak memory: ours / vectorbt", "<= 0.5x", f"{ours['megabytes'] / theirs['megabytes']:.2f}x"),
        ("one portfolio run: bt, weekly / ours", ">= 100x", _times(bt / run)),
        ("one portfolio run: zipline, daily / ours", ">= 1,000x", _times(zipline / run)),
        ("the same with every decision on record: bt, zipline / ours", "", _both(bt / recorded, zipline / recorded)),
        ("one run with every decision on record / without", "< 2x", f"{recorded / run:.2f}x"),
        ("portfolio, 1,000 sets", ">= 100 M bars/s", f"{sweep['bars'] / sweep['seconds']['all'] / 1e6:,.0f} M bars/s"),
        ("peak memory, 1,000 sets / 100 sets", "flat", f"{sweep['megabytes'] / small['megabytes']:.2f}x"),
        ("time per bar, a larger market / a smaller one, at worst", "<= 1.5x", f"{worst_growth(growth):.2f}x"),
        ("bars of one session more, on ten years of them / on one year", "< 1.5x", f"{long / short:.2f}x"),
        ("time per bar, 5,000 symbols x 20 years / 50 x 1", "", f"{growth[max(growth)] / growth[min(growth)]:.2f}x"),
    ]


def worst_growth(seconds: dict[tuple[int, int], float]) -> float:
    """The worst ratio of time per bar of a shape to that of one that is smaller in one way and larger in none."""
    return max(
        after / before
        for small, before in seconds.items()
        for big, after in seconds.items()
        if small != big and small[0] <= big[0] and small[1] <= big[1]
    )


def markdown(results: dict[str, Any]) -> str:
    """The table of the README."""
    lines = ["| 500 symbols x 2,520 sessions | goal | measured |", "|---|---|---|"]
    lines += [f"| {work} | {goal} | {measured} |" for work, goal, measured in rows(results)]
    return "\n".join(lines)


def written_into(readme: str, results: dict[str, Any]) -> str:
    """The README's text with the table of these results; see `replaced`."""
    return replaced(readme, _BEGIN, _END, markdown(results))


def replaced(page: str, begin: str, end: str, table: str) -> str:
    """The page's text with the table between its marks.

    Raises
    ------
    ValueError
        The marks are not there.
    """
    new = f"{begin}\n{table}\n{end}"
    found, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: new, page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{begin} ... {end} expected once, found {count} times")
    return found


def stored() -> dict[str, Any]:
    """Results of the last `make bench`."""
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}x"


def _both(one: float, other: float) -> str:
    return f"{_times(one)}, {_times(other)}"
