"""Paper positions where random walks do not go: raised stops, symbols that end, no room."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from trading_assets.config.strategies import OrderParameters
from trading_assets.strategies.evaluation.paper_portfolio import paper_positions
from trading_assets.strategies.interface.rules import ExitRule, Rules, Side

DAYS = [dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(30)]
Change = tuple[int, str, float, str]


def bars(symbol: str, closes: list[float], first: int = 0, asset_class: str = "equity") -> pl.DataFrame:
    return pl.DataFrame(
        {"session": DAYS[first : first + len(closes)], "adj_close": [float(close) for close in closes]}
    ).with_columns(symbol=pl.lit(symbol), asset_class=pl.lit(asset_class), atr_14=pl.lit(2.0))


def positions(
    panel: pl.DataFrame,
    *entries: tuple[int, str, float | None],
    exit_rule: ExitRule | None = None,
    side: Side = "long",
    **changes: Any,
) -> list[Change]:
    """With stops of 3 ATR of 2; `fell` is a close below 100, `weak` one below 101."""
    close = pl.col("adj_close")
    rules = Rules(
        eligible=pl.lit(True),
        triggers=(),
        exits={"fell": close < 100, "weak": close < 101},
        exit=exit_rule,
        exit_reason="out",
        side=side,
    )
    parameters = OrderParameters(stop_atr=3.0, capacity=1.0, **{k: v for k, v in changes.items() if k == "max_hold"})
    wanted = pl.DataFrame(
        [(DAYS[day], symbol, weight, "in") for day, symbol, weight in entries],
        schema={"session": pl.Date, "symbol": pl.String, "target_weight": pl.Float64, "reason": pl.String},
        orient="row",
    )
    limits: dict[str, Any] = {"max_gross": 0.8, "delisting_sessions": 10} | {
        k: v for k, v in changes.items() if k != "max_hold"
    }
    found = paper_positions(rules, parameters, [(panel.sort("symbol", "session"), wanted)], **limits)
    return [
        (DAYS.index(row["session"]), row["symbol"], row["target_weight"], row["reason"])
        for row in found.iter_rows(named=True)
    ]


def test_the_stop_is_measured_from_the_close_of_the_entry() -> None:
    panel = bars("A", [100, 99, 94.1, 94, 93.9])
    assert positions(panel, (0, "A", 0.1)) == [(0, "A", 0.1, "in"), (4, "A", 0.0, "hard_stop")]


def test_a_staged_exit_raises_the_stop_for_good() -> None:
    staged = ExitRule("fell", raise_stop_on="weak", raised_stop_atr=1.0)
    panel = bars("A", [105, 104, 100.5, 104, 102.9])  # weak on the third bar: the stop is 103 from then on
    assert positions(panel, (0, "A", 0.1), exit_rule=staged)[-1] == (2, "A", 0.0, "hard_stop")
    later = bars("A", [103, 104, 101.5, 104, 100.9, 104, 100.5])
    assert positions(later, (0, "A", 0.1), exit_rule=staged)[-1] == (4, "A", 0.0, "hard_stop")
    assert positions(later, (0, "A", 0.1), exit_rule=ExitRule("fell")) == [(0, "A", 0.1, "in")]


def test_a_stop_goes_before_the_signal_and_the_signal_before_the_holding_time() -> None:
    fall = bars("A", [110, 99, 90])
    assert positions(fall, (0, "A", 0.1), exit_rule=ExitRule("fell"))[-1] == (1, "A", 0.0, "hard_stop")
    dip = bars("A", [101, 99, 99])
    assert positions(dip, (0, "A", 0.1), exit_rule=ExitRule("fell"), max_hold=1)[-1] == (1, "A", 0.0, "out")
    assert positions(dip, (0, "A", 0.1), max_hold=2)[-1] == (2, "A", 0.0, "max_hold")


def test_who_leaves_comes_back_at_the_next_session_at_the_earliest() -> None:
    panel = bars("A", [101, 99, 101, 101])
    found = positions(panel, *((day, "A", 0.1) for day in range(4)), exit_rule=ExitRule("fell"))
    assert found == [(0, "A", 0.1, "in"), (1, "A", 0.0, "out"), (2, "A", 0.1, "in")]


def test_a_symbol_without_bars_leaves_after_ten_sessions_of_its_class() -> None:
    """Sessions of crypto in between do not count; a hole of nine is none."""
    equity = pl.concat([bars("A", [100.0] * 3), bars("B", [100.0] * 14)])
    weekends = bars("C", [100.0] * 30, asset_class="crypto")
    assert positions(pl.concat([equity, weekends]), (0, "A", 0.5), (0, "B", 0.3))[2:] == [
        (12, "A", 0.0, "data_missing")
    ]
    assert len(positions(pl.concat([equity.filter(pl.col("session") < DAYS[12]), weekends]), (0, "A", 0.5))) == 1


def test_an_entry_is_cut_to_the_room_or_left_out() -> None:
    panel = pl.concat([bars(symbol, [100.0] * 3) for symbol in "ABCD"])
    found = positions(panel, (0, "A", 0.5), (0, "B", 0.5), (0, "C", 0.1), (1, "D", None))
    assert found == [(0, "A", 0.5, "in"), (0, "B", pytest.approx(0.3), "in")]


def test_a_short_position_is_stopped_out_above_its_entry() -> None:
    """3 ATR of 2 above 100; from `weak` on 1 ATR above; absolute weights of 0.5 and 0.5 do not fit under 0.8."""
    panel = bars("A", [100, 101, 105.9, 106, 106.1])
    assert positions(panel, (0, "A", -0.1), side="short") == [(0, "A", -0.1, "in"), (4, "A", 0.0, "hard_stop")]
    staged = ExitRule("fell", raise_stop_on="weak", raised_stop_atr=1.0)
    panel = bars("A", [105, 100.5, 106.9, 107.1])
    found = positions(panel, (0, "A", -0.1), exit_rule=staged, side="short")
    assert found == [(0, "A", -0.1, "in"), (3, "A", 0.0, "hard_stop")]
    both = pl.concat([bars("A", [100, 100]), bars("B", [100, 100])])
    found = positions(both, (0, "A", -0.5), (0, "B", -0.5), side="short")
    assert [row[:2] for row in found] == [(0, "A"), (0, "B")]
    assert [row[2] for row in found] == pytest.approx([-0.5, -0.3])
