"""How many bets a run made, by hand: trims, splits, pairs, and names that move as one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from trading_assets.robustness.verdict.bets import count_bets

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(100)]

Fill = tuple[str, int, str, str, float, float]  # trade, day, symbol, side, quantity, price


def bars(**closes: Sequence[float]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"symbol": symbol, "session": DAYS[: len(values)], "close": list(values), "split_ratio": 1.0})
        for symbol, values in closes.items()
    )


def fills(*rows: Fill, pair: str | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "fill_id": str(number),
                "trade_id": trade,
                "session": DAYS[day],
                "symbol": symbol,
                "pair_id": pair,
                "side": side,
                "quantity": quantity,
                "price": price,
                "split": "holdout",
            }
            for number, (trade, day, symbol, side, quantity, price) in enumerate(rows)
        ],
        schema_overrides={"pair_id": pl.String},
    )


def trades(**exits: int) -> pl.DataFrame:
    rows = {"trade_id": list(exits), "exit_session": [DAYS[day] for day in exits.values()]}
    return pl.DataFrame(rows, schema={"trade_id": pl.String, "exit_session": pl.Date})


def walk(seed: int, size: int = 100) -> list[float]:
    return list(100 * np.cumprod(1 + np.random.default_rng(seed).normal(0, 0.01, size)))


def test_a_purchase_and_its_sale_are_one_bet() -> None:
    """Bought and sold 1,000 each, held at 1,000: 2,000 / (2 x 1,000); what is still open is a half."""
    market = bars(A=[10.0] * 50)
    bought = fills(("t", 3, "A", "buy", 100, 10.0))
    assert count_bets(bought, trades(), market) == pytest.approx(0.5)
    both = fills(("t", 3, "A", "buy", 100, 10.0), ("t", 20, "A", "sell", 100, 10.0))
    assert count_bets(both, trades(t=20), market) == pytest.approx(1.0)
    assert count_bets(both.clear(), trades(), market) == 0.0


def test_a_gain_is_no_further_bet() -> None:
    """Bought for 1,000, sold for 2,000 after four closes of 1,000 and four of 2,000: 3,000 / (2 x 1,500)."""
    market = bars(A=[10.0] * 5 + [20.0] * 10)
    found = count_bets(fills(("t", 1, "A", "buy", 100, 10.0), ("t", 9, "A", "sell", 100, 20.0)), trades(t=9), market)
    assert found == pytest.approx(1.0)


def test_trims_are_small_parts_of_a_bet() -> None:
    """100 bought, five times 2 sold and 2 bought back: 20 x 10 / (2 x 999) beside the half of the purchase."""
    rows: list[Fill] = [("t", 0, "A", "buy", 100, 10.0)]
    for number in range(5):
        rows += [("t", 2 + 4 * number, "A", "sell", 2, 10.0), ("t", 4 + 4 * number, "A", "buy", 2, 10.0)]
    found = count_bets(fills(*rows), trades(), bars(A=[10.0] * 100))
    assert found == pytest.approx(0.5 + 0.1, rel=0.01)


def test_a_split_changes_the_count_of_nothing() -> None:
    """100 at 10 become 200 at 5: 2,000 / (2 x 1,000)."""
    market = bars(A=[10.0] * 10 + [5.0] * 10).with_columns(
        split_ratio=pl.when(pl.col("session") == DAYS[10]).then(2.0).otherwise(1.0)
    )
    both = fills(("t", 2, "A", "buy", 100, 10.0), ("t", 15, "A", "sell", 200, 5.0))
    assert count_bets(both, trades(t=15), market) == pytest.approx(1.0)


def test_a_rebalancing_adds_as_many_bets_as_there_are_independent_names() -> None:
    """Ten names all bought, then all sold: five parts each time, at most 10 / (1 + 9 rho): 1 for rho = 1."""
    names = [f"S{number}" for number in range(10)]

    def found(closes: dict[str, list[float]], share: float = 1.0) -> float:
        rows: list[Fill] = [(name, 5, name, "buy", 1000.0 / closes[name][5], closes[name][5]) for name in names]
        rows += [(name, 6, name, "sell", share * 1000.0 / closes[name][5], closes[name][5]) for name in names]
        sold = trades(**dict.fromkeys(names, 6)) if share == 1.0 else trades()
        return count_bets(fills(*rows), sold, bars(**closes))

    same = walk(1)
    assert found(dict.fromkeys(names, same)) == pytest.approx(2.0)
    assert found({name: [price * (1 + seed) for price in same] for seed, name in enumerate(names)}) == pytest.approx(2)
    own = {name: walk(seed) for seed, name in enumerate(names)}
    returns = np.array([np.diff(own[name]) / own[name][:-1] for name in names])
    assert np.corrcoef(returns)[np.triu_indices(10, 1)].mean() < 0.1
    assert found(own) == pytest.approx(10.0)
    # A tenth of each: 10 x 0.1 / 2 is below the limit of 1, so it counts in full; only the purchase is limited.
    assert found(dict.fromkeys(names, same), share=0.1) == pytest.approx(1.0 + 0.5, rel=0.15)


def test_a_mean_correlation_of_one_half_limits_eight_names_to_16_ninths() -> None:
    """Four copies of each of two independent walks: 12 of 28 pairs correlate by 1, the others by r."""
    one, two = walk(11), walk(12)
    closes = {f"S{number}": (one if number < 4 else two) for number in range(8)}
    rows: list[Fill] = [(name, 5, name, "buy", 1000.0 / level[5], level[5]) for name, level in closes.items()]
    r = float(np.corrcoef(np.diff(one) / one[:-1], np.diff(two) / two[:-1])[0, 1])
    rho = (12 + 16 * r) / 28
    assert count_bets(fills(*rows), trades(), bars(**closes)) == pytest.approx(8 / (1 + 7 * rho))


def test_a_long_and_a_short_of_the_same_market_are_two_bets_on_its_parts() -> None:
    """A and B correlate by 1, held on two sides they lose together when the other gains: rho below 0 counts as 0."""
    level = walk(2)
    rows: list[Fill] = [("a", 5, "A", "buy", 10, level[5]), ("b", 5, "B", "sell", 10, level[5])]
    rows += [("a", 6, "A", "sell", 10, level[5]), ("b", 6, "B", "buy", 10, level[5])]
    assert count_bets(fills(*rows), trades(a=6, b=6), bars(A=level, B=level)) == pytest.approx(2.0)
    assert count_bets(fills(*rows, pair="A/B"), trades(a=6, b=6), bars(A=level, B=level)) == pytest.approx(1.0)


def test_names_that_nobody_can_compare_are_one() -> None:
    """Ten common sessions are too few to know how alike three coins are: 3 x 1/2 bought at once are 1 at most."""
    market = bars(A=walk(3, 10), B=walk(4, 10), C=walk(5, 10))
    rows: list[Fill] = [(name.lower(), 1, name, "buy", 1, 100.0) for name in "ABC"]
    assert count_bets(fills(*rows), trades(), market) == pytest.approx(1.0)
    assert count_bets(fills(*rows[:2]), trades(), market) == pytest.approx(1.0, rel=0.05)


def test_the_order_of_rows_does_not_matter() -> None:
    level, other = walk(5), walk(6)
    rows: list[Fill] = [("a", 1, "A", "buy", 1, 100.0), ("b", 1, "B", "buy", 2, 100.0), ("a", 9, "A", "sell", 1, 90.0)]
    market, made = bars(A=level, B=other), fills(*rows)
    expected = count_bets(made, trades(a=9), market)
    assert count_bets(made.reverse(), trades(a=9), market.sample(fraction=1.0, shuffle=True, seed=1)) == expected
