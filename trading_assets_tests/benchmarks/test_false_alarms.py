"""False alarms of the data-quality rules: a small measurement each time, the whole one as an acceptance test."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.market_data.quality.common_jumps import shifted_group
from trading_assets_tests.benchmarks.false_alarms import (
    MARKS,
    OF_BARS,
    PAGE,
    SETTINGS,
    WIDTHS,
    bar_rates,
    bars_of,
    checked,
    common_jump_rates,
    jumps_found,
    moves,
)

ALLOWED = 1e-5


@pytest.mark.parametrize("symbols", [15, 38, 200])
def test_common_jump_is_silent_on_correlated_markets(symbols: int) -> None:
    """24 kinds of markets, 500 sessions each: below 1 in 100,000, none is to be expected."""
    assert common_jump_rates(11, symbols, 500) == (0, 12_000)


def test_rules_of_bars_are_silent_on_correlated_markets() -> None:
    drawn = moves(np.random.default_rng(3), 1000, 40, 0.95, 0.05, joint=True)
    found = checked(bars_of(drawn, np.random.default_rng(4)))
    assert not set(found) & {*OF_BARS, "common_jump"}


@pytest.mark.parametrize(
    ("ratio", "correlation", "volatility", "symbols", "share"),
    [
        (0.92, 0.3, 0.005, 38, 0.5),
        (1.35, 0.3, 0.02, 38, 0.3),
        (1.35, 0.8, 0.04, 200, 0.7),
        (0.01, 0.95, 0.05, 500, 0.5),
    ],
)
def test_a_planted_jump_of_part_of_a_market_is_found(
    ratio: float, correlation: float, volatility: float, symbols: int, share: float
) -> None:
    drawn = moves(np.random.default_rng(5), 200, symbols, correlation, volatility, joint=False)
    found = jumps_found(drawn, ratio, share)
    assert found.found >= 0.95 * found.sessions


def test_ten_of_thirty_eight_coins_that_fall_alike_are_a_market() -> None:
    """A day at -5 %: ten moves within a quarter percent, the others around them."""
    random = np.random.default_rng(6)
    day = np.concatenate([np.log(0.95) + random.uniform(-0.00125, 0.00125, 10), random.normal(-0.05, 0.02, 28)])
    assert shifted_group(day, SETTINGS) is None


def test_pegged_coins_are_no_witnesses_of_a_fall() -> None:
    """Fifteen of thirty coins are pegged; the other fifteen fall by 30 % on one day."""
    random = np.random.default_rng(8)
    drawn = moves(random, 200, 30, 0.8, 0.04, joint=False)
    drawn[:, 15:] = random.normal(0, 0.0002, (200, 15))
    drawn[150, :15] = np.log(0.7) + random.normal(0, 0.01, 15)
    assert shifted_group(drawn[150], SETTINGS) is not None, "two groups, if the pegged ones were like the others"
    assert "common_jump" not in checked(bars_of(drawn, random))


def test_the_page_has_the_table_that_the_command_writes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = page.split(MARKS[0])[1].split(MARKS[1])[0]
    rates = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| `")]
    assert [int(cells[1]) for cells in rates if "common_jump" in cells[0]] == list(WIDTHS)
    assert {cells[0].strip(" `") for cells in rates} == {"common_jump", *OF_BARS}
    for _, _, sessions, found in rates:
        assert int(sessions.replace(",", "")) >= 100_000
        assert int(found) < ALLOWED * int(sessions.replace(",", ""))


@pytest.mark.acceptance
@pytest.mark.parametrize("symbols", WIDTHS)
def test_common_jump_is_wrong_less_than_once_in_a_hundred_thousand_sessions(symbols: int) -> None:
    rate = common_jump_rates(12, symbols, 20_000)
    assert rate.sessions == 480_000 and rate.found < ALLOWED * rate.sessions


@pytest.mark.acceptance
def test_rules_of_bars_are_wrong_less_than_once_in_a_hundred_thousand_sessions() -> None:
    rates = bar_rates(12, 10, 10)
    assert {rule: rate.found for rule, rate in rates.items()} == dict.fromkeys(OF_BARS, 0)
    assert min(rate.sessions for rate in rates.values()) == 240_000


def test_moves_have_the_volatility_and_the_correlation_that_are_asked_for() -> None:
    """Medians, since a variance of such tails converges slowly: |t3| has the median 0.7649, over sqrt(3) here."""
    drawn = moves(np.random.default_rng(9), 20_000, 4, 0.5, 0.02, joint=True)
    assert np.median(np.abs(drawn)) == pytest.approx(0.02 * 0.7649 / np.sqrt(3), rel=0.02)
    ranks = pl.DataFrame(drawn).select(pl.corr("column_0", "column_1", method="spearman")).item()
    assert 0.42 < ranks < 0.52
