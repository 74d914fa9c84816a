"""How often the data-quality rules that take a symbol or a delivery are wrong, on markets without a fault.

Run by `python -m trading_assets_tests.benchmarks.false_alarms`, which writes its table into docs/data-quality.md. The
markets have one factor, returns of Student's t with three degrees of freedom (scaled to the volatility), and either
shocks of their own for the factor and each symbol or one shock for all (a multivariate t: bad days are bad for all).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.config.quality import Quality
from trading_assets.market_data.quality.apply_rules import apply_rules
from trading_assets.market_data.quality.common_jumps import shifted_group
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced
from trading_assets_tests.market_data.markets import received

PAGE = REPOSITORY / "docs" / "data-quality.md"
MARKS = (
    "<!-- false alarms: written by `python -m trading_assets_tests.benchmarks.false_alarms` -->",
    "<!-- /false alarms -->",
)
WIDTHS = (10, 15, 20, 38, 50, 100, 200, 500)
CORRELATIONS = (0.3, 0.6, 0.8, 0.95)
VOLATILITIES = (0.01, 0.02, 0.05)
SETTINGS = Quality()
#: Sessions of a block: bars of so many have prices that floating-point numbers hold.
BLOCK = 1000
FIRST = dt.date(2000, 1, 1)
#: Rules measured on bars: those that take a symbol or a delivery, or last.
OF_BARS = ("one_series", "identical_series", "stale_day", "unit_change", "wrong_frequency", "volume_unit_break")


class Rate(NamedTuple):
    """Findings of a rule in a number of sessions."""

    found: int
    sessions: int


def moves(
    random: np.random.Generator, sessions: int, symbols: int, correlation: float, volatility: float, *, joint: bool
) -> NDArray[np.float64]:
    """(sessions, symbols) log returns of a market of one factor with tails of Student's t, three degrees of freedom."""
    factor, own = math.sqrt(correlation), math.sqrt(1 - correlation)
    if joint:
        shock = np.sqrt(3 / random.chisquare(3, (sessions, 1)) / 3)
        normal = factor * random.normal(size=(sessions, 1)) + own * random.normal(size=(sessions, symbols))
        return np.asarray(volatility * shock * normal)
    drawn = factor * random.standard_t(3, (sessions, 1)) + own * random.standard_t(3, (sessions, symbols))
    return np.asarray(volatility / math.sqrt(3) * drawn)


def jump_alarms(drawn: NDArray[np.float64]) -> int:
    """In how many sessions the rule `common_jump` sees a group that jumped."""
    least = np.maximum(SETTINGS.fewest_symbols, SETTINGS.jump_share * drawn.shape[1])
    busy = np.flatnonzero((np.abs(drawn) > math.log1p(SETTINGS.jump)).sum(axis=1) >= least)
    return sum(shifted_group(drawn[row], SETTINGS) is not None for row in busy)


def jumps_found(drawn: NDArray[np.float64], ratio: float, share: float) -> Rate:
    """In how many sessions a jump of a share of the symbols by one ratio is found, to the symbol but for a tenth."""
    hit = math.ceil(share * drawn.shape[1])
    planted = drawn.copy()
    planted[:, :hit] += math.log(ratio)
    found = 0
    for row in planted:
        group = shifted_group(row, SETTINGS)
        found += group is not None and int((group != (np.arange(len(row)) < hit)).sum()) <= len(row) // 10
    return Rate(found, len(planted))


def markets() -> Iterator[tuple[float, float, bool]]:
    """Correlation, volatility, and whether shocks are joint."""
    for correlation in CORRELATIONS:
        for volatility in VOLATILITIES:
            for joint in (False, True):
                yield correlation, volatility, joint


def common_jump_rates(seed: int, symbols: int, sessions: int) -> Rate:
    """False alarms of `common_jump` in markets of a width, `sessions` of each kind."""
    random = np.random.default_rng([seed, symbols])
    found = count = 0
    for kind in markets():
        for size in [BLOCK * 10] * (sessions // (BLOCK * 10)) or [sessions]:
            correlation, volatility, joint = kind
            found += jump_alarms(moves(random, size, symbols, correlation, volatility, joint=joint))
            count += size
    return Rate(found, count)


def bars_of(drawn: NDArray[np.float64], random: np.random.Generator) -> pl.DataFrame:
    """Bars as received, crypto: prices of six digits, volumes that vary by half from day to day."""
    sessions, symbols = drawn.shape
    closes = 100 * np.exp(np.cumsum(drawn, axis=0))
    opens = np.vstack([np.full((1, symbols), 100.0), closes[:-1]]) * np.exp(random.normal(0, 0.002, drawn.shape))
    digits = 10.0 ** (5 - np.floor(np.log10(closes)))
    opens, closes = np.round(opens * digits) / digits, np.round(closes * digits) / digits
    wick = np.exp(np.abs(random.normal(0, 0.005, drawn.shape)))
    flat = {
        "symbol": np.repeat([f"S{n:03d}" for n in range(symbols)], sessions),
        "session": np.tile(np.arange(np.datetime64(FIRST), np.datetime64(FIRST) + sessions), symbols),
        "open": opens.T.ravel(),
        "high": (np.maximum(opens, closes) * wick).T.ravel(),
        "low": (np.minimum(opens, closes) / wick).T.ravel(),
        "close": closes.T.ravel(),
        "volume": np.round(1000 * np.exp(random.normal(0, 0.5, drawn.shape))).T.ravel(),
    }
    template = received([{"session": FIRST, "asset_class": "crypto", "calendar": "24/7"}])
    return pl.DataFrame(flat).join(template.drop(*flat), how="cross").select(template.columns)


def checked(raw: pl.DataFrame) -> dict[str, int]:
    """Rule -> sessions in which it found something, nothing of it refused."""
    first, last = raw["session"].min(), raw["session"].max()
    assert isinstance(first, dt.date) and isinstance(last, dt.date)
    days = pl.DataFrame({"session": pl.date_range(first, last, eager=True)}).with_columns(calendar=pl.lit("24/7"))
    severity = dict.fromkeys(("one_series", "common_jump", "wrong_frequency"), "row")
    result = apply_rules(raw, days, last, Quality.model_validate({"severity": severity}))
    named = [
        frame.explode(column).select("session", rule=column)
        for frame, column in ((result.quarantine, "reasons"), (result.usable, "flags"))
    ]
    found = pl.concat(named).drop_nulls().unique().group_by("rule").len()
    return dict(found.rows())


def bar_rates(seed: int, symbols: int, blocks: int) -> dict[str, Rate]:
    """False alarms of the rules `OF_BARS` in markets of a width, `blocks` of 1,000 sessions of each kind."""
    random = np.random.default_rng([seed, symbols, 1])
    found, count = dict.fromkeys(OF_BARS, 0), 0
    for _ in range(blocks):
        for correlation, volatility, joint in markets():
            drawn = moves(random, BLOCK, symbols, correlation, volatility, joint=joint)
            for rule, sessions in checked(bars_of(drawn, random)).items():
                if rule in found:
                    found[rule] += sessions
            count += BLOCK
    return {rule: Rate(each, count) for rule, each in found.items()}


def markdown(seed: int = 7) -> str:
    """The table of the page; about ten minutes."""
    lines = ["| rule | symbols | sessions without a fault | false alarms |", "|---|---|---|---|"]
    for symbols in WIDTHS:
        rate = common_jump_rates(seed, symbols, 20_000)
        lines.append(f"| `common_jump` | {symbols} | {rate.sessions:,} | {rate.found} |")
    totals: dict[str, list[int]] = {rule: [0, 0] for rule in OF_BARS}
    for symbols, blocks in ((10, 10), (50, 2)):
        for rule, rate in bar_rates(seed, symbols, blocks).items():
            totals[rule][0] += rate.found
            totals[rule][1] += rate.sessions
    lines += [f"| `{rule}` | 10 and 50 | {count:,} | {found} |" for rule, (found, count) in totals.items()]
    lines += [
        "",
        "| planted for `common_jump`: half of 50 symbols | correlation | daily volatility | found |",
        "|---|---|---|---|",
    ]
    random = np.random.default_rng([seed, 2])
    for ratio, correlation, volatility in (
        (0.92, 0.3, 0.005),
        (0.92, 0.8, 0.01),
        (1.35, 0.3, 0.02),
        (1.35, 0.8, 0.04),
        (0.01, 0.3, 0.05),
        (0.01, 0.95, 0.05),
    ):
        drawn = moves(random, 2000, 50, correlation, volatility, joint=False)
        found = jumps_found(drawn, ratio, 0.5)
        lines.append(f"| x {ratio:g} | {correlation:g} | {volatility:.1%} | {found.found / found.sessions:.1%} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and write the table into the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replaced(page, *MARKS, markdown()), encoding="utf-8")


if __name__ == "__main__":
    main()
