"""How often a verdict is `go`, by the true Sharpe ratio of the edge that was planted in the market.

Run by `make go-rate`, which writes its table into docs/honesty.md. The true Sharpe ratio of a trend is that of the
strategy's daily returns, after costs, over many markets that are used for nothing else.
"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import track

from trading_assets.config.verdict import ALPHA
from trading_assets.robustness.look_ahead.audit import violations
from trading_assets_tests.benchmarks.planted import audited, daily_returns, judged
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced

RESULTS = REPOSITORY / "docs" / "go_rate.json"
PAGE = REPOSITORY / "docs" / "honesty.md"
MARKS = ("<!-- go rate: written by `make go-rate` -->", "<!-- /go rate -->")
SHARPES = (0.0, 0.5, 1.0, 2.0, 3.0)
MARKETS, LEAKY_MARKETS = 100, 100
LEAKY = {"type": "trading_assets_tests.robustness.leaking_strategies", "leak": "tomorrow"}
#: Trends whose Sharpe ratio is measured, and markets a trend; the seeds begin beyond those that are judged.
TRENDS = tuple(np.linspace(0.0, 1.2, 9).tolist())
CALIBRATION_SEEDS = range(10_000, 10_040)
VERDICTS = ("insufficient_evidence", "reject", "conditional", "go")
YEAR = 252


def main() -> None:
    with ProcessPoolExecutor(2) as pool:
        sharpes = [
            sharpe_of(list(pool.map(daily_returns, CALIBRATION_SEEDS, [trend] * len(CALIBRATION_SEEDS))))
            for trend in track(TRENDS, "true Sharpe ratios")
        ]
        levels = []
        for wanted in track(SHARPES, "verdicts"):
            trend = trend_of(wanted, sharpes)
            audit = audited(0, trend)
            results = Counter(pool.map(result_of, range(MARKETS), [trend] * MARKETS, [audit] * MARKETS))
            levels.append({"sharpe": wanted, "trend": trend, "markets": MARKETS, "results": dict(results)})
        stopped = sum(pool.map(is_stopped, range(LEAKY_MARKETS)))
        levels.append({"sharpe": None, "trend": 0.0, "markets": LEAKY_MARKETS, "results": {"stopped": stopped}})
    RESULTS.write_text(json.dumps(levels, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, markdown(levels)), encoding="utf-8")
    Console().print(markdown(levels), highlight=False)


def sharpe_of(runs: list[np.ndarray]) -> float:
    """The annual Sharpe ratio of all daily returns together."""
    every = np.concatenate(runs)
    return float(every.mean() / every.std(ddof=1) * np.sqrt(YEAR))


def trend_of(sharpe: float, sharpes: list[float]) -> float:
    """The trend of a Sharpe ratio, between those measured; no edge is no trend.

    Raises
    ------
    ValueError
        No trend that was measured has so high a ratio, or a stronger one has a lower ratio.
    """
    if np.any(np.diff(sharpes) <= 0) or sharpe > sharpes[-1]:
        raise ValueError(f"no trend for a Sharpe ratio of {sharpe}: those measured are {sharpes}")
    return float(np.interp(sharpe, sharpes, TRENDS))


def result_of(seed: int, trend: float, audit: pl.DataFrame) -> str:
    """The verdict's result on one market."""
    return judged(seed, trend, audit)[ALPHA].result


def is_stopped(seed: int) -> bool:
    """Whether the audit stops a strategy that knows tomorrow's close."""
    return violations(audited(seed, 0.0, LEAKY)) > 0


def markdown(levels: list[dict[str, Any]]) -> str:
    """The table of the page."""
    lines = [
        f"| true Sharpe | markets | {' | '.join(each.replace('_', ' ') for each in VERDICTS)} |",
        f"|---|---|{'---|' * len(VERDICTS)}",
    ]
    *levels, leaky = levels
    for level in levels:
        shares = (level["results"].get(each, 0) / level["markets"] for each in VERDICTS)
        lines.append(f"| {level['sharpe']:g} | {level['markets']} | {' | '.join(f'{share:.0%}' for share in shares)} |")
    stopped = f"{leaky['results']['stopped']} of {leaky['markets']}"
    return "\n".join([*lines, "", f"Of a strategy that knows tomorrow's close the audit stopped {stopped} runs."])


def stored() -> list[dict[str, Any]]:
    """Results of the last `make go-rate`."""
    levels: list[dict[str, Any]] = json.loads(Path(RESULTS).read_text(encoding="utf-8"))
    return levels


if __name__ == "__main__":
    main()
