"""How soon live against promise finds what is wrong, and how often it accuses an account of which nothing is wrong.

Run by `make divergence`, which writes its tables into docs/trading.md. Slippage is drawn by the engine's own noise
model; returns are normal, with the volatility of the holdout and something held in each session.
"""

from __future__ import annotations

import math

import numpy as np

from trading_assets.trading.divergence.betting import CLIP, Floats, wealth
from trading_assets.trading.divergence.fill_bets import late_evidence_of_fills, wealth_of_fills
from trading_assets.trading.divergence.promise import Promise
from trading_assets.trading.divergence.session_statistics import ALPHA, AVERAGE_RUN, SLOW_ALPHA, promise_bets
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced
from trading_assets_tests.trading.divergence.nulls import DEVIATION, MIXED, excess, slippage_in_common

PAGE = REPOSITORY / "docs" / "trading.md"
MARKS = ("<!-- delays: written by `make divergence` -->", "<!-- /delays -->")
MULTIPLES, FILLS_A_SESSION = (1.0, 1.25, 1.5, 2.0, 3.0), (1, 2, 5)
SHARPES, YEARS = (1.0, 0.5, 0.0, -1.0, -2.0), (1, 2, 5, 10)
CORRELATIONS, FILLS_TOGETHER = (0.1, 0.3, 0.6, 1.0), (2, 5, 20)
YEAR, VOLATILITY, PROMISED = 250, 0.16, 1.0
NEVER = 10**9


def slippage_delays(
    multiple: float, fills: int, draws: int, seed: int, sessions: int = YEAR, correlation: float = 0.0
) -> Floats:
    """(draws,) sessions until slippage of so many times the model's is an alarm; `NEVER` if not in these sessions."""
    random = np.random.default_rng([seed, fills, round(100 * multiple), round(100 * correlation)])
    values = excess(slippage_in_common(draws, sessions, fills, correlation, random), multiple)
    return np.array([first(wealth_of_fills(list(row)), 1.0 / ALPHA) for row in values])


def late_delays(draws: int, seed: int, before: int = 500, after: int = 200) -> tuple[Floats, Floats]:
    """(draws,) sessions until a doubling after `before` fills as modelled is found: by Shiryaev-Roberts, by wealth."""
    drawn = np.maximum(0.0, 1.0 + DEVIATION * np.random.default_rng(seed).standard_normal((draws, before + after)))
    values = [list(row[:, None]) for row in np.hstack([excess(drawn[:, :before]), excess(drawn[:, before:], 2.0)])]
    late = [first(late_evidence_of_fills(row)[before:], AVERAGE_RUN) for row in values]
    return np.array(late), np.array([first(wealth_of_fills(row)[before:], 1.0 / ALPHA) for row in values])


def mixed_alarms(world: str, draws: int, seed: int) -> tuple[float, float]:
    """Shares of years with an alarm of a world whose sessions differ in their number of fills: wealth, late."""
    random = np.random.default_rng([seed, *world.encode()])
    years = [MIXED[world](YEAR, random) for _ in range(draws)]
    reached = [
        (first(wealth_of_fills(each), 1.0 / ALPHA), first(late_evidence_of_fills(each), AVERAGE_RUN)) for each in years
    ]
    early, late = (np.mean([each < NEVER for each in of_one]) for of_one in zip(*reached, strict=True))
    return float(early), float(late)


def sharpe_delays(sharpe: float, draws: int, seed: int, years: int = YEARS[-1]) -> Floats:
    """(draws,) sessions until an account of this Sharpe ratio is called worse than the promised one."""
    random, usual = np.random.default_rng([seed, round(100 * (sharpe + 10))]), VOLATILITY / math.sqrt(252)
    returns = usual * (random.standard_normal((draws, years * YEAR)) + sharpe / math.sqrt(252))
    mean_of_cut = PROMISED / math.sqrt(252) * math.erf(CLIP / math.sqrt(2.0))  # of a normal value whose mean is small
    promise, always = Promise(mean_of_cut, usual, 252), np.ones(returns.shape[1], np.bool_)
    return np.array([first(wealth(promise_bets(row, always, promise)), 1.0 / SLOW_ALPHA) for row in returns])


def first(statistic: Floats, level: float) -> float:
    """Rounds until a statistic is at its level; `NEVER` if it is not."""
    reached = np.flatnonzero(statistic >= level)
    return float(reached[0] + 1) if reached.size else NEVER


def markdown(draws: int = 2000, seed: int = 7) -> str:
    """The tables of the page; about five minutes."""
    lines = [
        "| slippage paid over modelled | fills a session | alarm in 250 sessions | half of them within | 95 % within |",
        "|---|---|---|---|---|",
    ]
    for multiple in MULTIPLES:
        for fills in FILLS_A_SESSION:
            delays = slippage_delays(multiple, fills, draws, seed)
            share = np.mean(delays <= YEAR)
            half, most = (in_sessions(np.quantile(delays, q, method="higher"), fills) for q in (0.5, 0.95))
            lines.append(f"| x {multiple:g} | {fills} | {share:.1%} | {half} | {most} |")
    lines += [
        "",
        "| fills of an open that move together, x 1: alarm | "
        + " | ".join(f"{n} a session" for n in FILLS_TOGETHER)
        + " |",
        "|---|" + "---|" * len(FILLS_TOGETHER),
    ]
    for correlation in CORRELATIONS:
        clean = [slippage_delays(1.0, n, draws, seed, correlation=correlation) for n in FILLS_TOGETHER]
        shares = " | ".join(f"{np.mean(each <= YEAR):.1%}" for each in clean)
        lines.append(f"| correlation {correlation:g} | {shares} |")
    lines += [
        "",
        f"| fills a session differ, x 1, in {YEAR} sessions | `slippage_wealth` | `slippage_late` |",
        "|---|---|---|",
    ]
    for world in MIXED:
        lines.append(
            f"| {world} | " + " | ".join(f"{each:.1%}" for each in mixed_alarms(world, draws // 2, seed)) + " |"
        )
    late, early = late_delays(draws // 4, seed)
    half, most = (in_sessions(np.quantile(late, q, method="higher"), 1) for q in (0.5, 0.95))
    later = in_sessions(np.quantile(early, 0.5, method="higher"), 1)
    lines += [
        "",
        f"A doubling after 500 fills as modelled, one a session: Shiryaev-Roberts (mean run to a false alarm at least "
        f"{AVERAGE_RUN:,} bets) has half of them within {half}, 95 % within {most}; the bet from the beginning, which "
        f"has lost most of its money by then, half within {later}.",
        "",
        f"| true Sharpe ratio, {PROMISED:g} promised at least | " + " | ".join(f"{year} y" for year in YEARS) + " |",
        "|---|" + "---|" * len(YEARS),
    ]
    for sharpe in SHARPES:
        delays = sharpe_delays(sharpe, draws // 4, seed)
        shares = " | ".join(f"{np.mean(delays <= year * YEAR):.0%}" for year in YEARS)
        lines.append(f"| {sharpe:g} | {shares} |")
    return "\n".join(lines)


def in_sessions(delay: float, fills: int) -> str:
    """A delay in words, in fills too."""
    if delay >= NEVER:
        return "–"
    return f"{delay:.0f} fills" if fills == 1 else f"{delay:.0f} sessions ({delay * fills:.0f} fills)"


def main() -> None:
    """Measure, and write the tables into the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replaced(page, *MARKS, markdown()), encoding="utf-8")


if __name__ == "__main__":
    main()
