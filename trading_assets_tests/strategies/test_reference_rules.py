"""Strategies against plain loops over the bars, written from the trading rules."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import defaultdict
from typing import Any

import polars as pl
import pytest

from trading_assets.strategies import equity_momentum, factor, mean_reversion, multi_timeframe
from trading_assets.strategies.interface.panel import evaluate
from trading_assets_tests.strategies.panels import SYMBOLS, decided, market, panel, rows_of, settings


def closes() -> dict[str, list[tuple[dt.date, float]]]:
    found = defaultdict(list)
    for row in rows_of(market().bars.sort("symbol", "session")):
        if row["symbol"] in SYMBOLS:
            found[row["symbol"]].append((row["session"], row["adj_close"]))
    return found


def test_setbacks_are_closes_two_deviations_below_their_mean_in_an_uptrend() -> None:
    wanted, reverted = set(), set()
    for symbol, bars in closes().items():
        for t in range(19, len(bars)):
            window = [close for _, close in bars[t - 19 : t + 1]]
            z = (window[-1] - statistics.fmean(window)) / statistics.stdev(window)
            trend = statistics.fmean(close for _, close in bars[t - 199 : t + 1]) if t >= 199 else None
            if trend is not None and window[-1] > trend and z < -2:
                wanted.add((bars[t][0], symbol))
            if z > 0:
                reverted.add((bars[t][0], symbol))
    rules = mean_reversion.rules(mean_reversion.Parameters())
    found = evaluate(rules, panel("mean_reversion"))
    fires = found.filter("eligible", pl.col("strength_0") >= rules.triggers[0].threshold)
    assert set(fires.select("session", "symbol").iter_rows()) == wanted
    assert set(found.filter("exit_reverted").select("session", "symbol").iter_rows()) == reverted
    assert len(wanted) > 20


@pytest.mark.parametrize(("z", "fires"), [(-2.0, False), (-2.0000001, True)])
def test_a_setback_is_strictly_below_its_threshold(z: float, fires: bool) -> None:
    rules = mean_reversion.rules(mean_reversion.Parameters())
    depth = pl.select(pl.lit(z).alias("zscore_20")).select(rules.triggers[0].strength).item()
    assert (depth >= rules.triggers[0].threshold) is fires


def test_entries_wait_for_a_week_that_closed_above_both_of_its_means() -> None:
    """The gate of each session, from the closes of the weeks (Monday to Sunday) before its own."""
    up = set()
    for symbol, bars in closes().items():
        weeks: dict[tuple[int, int], float] = {}
        for session, close in bars:
            year, week, _ = session.isocalendar()
            before = [value for key, value in weeks.items() if key < (year, week)]
            if len(before) >= 26 and all(before[-1] > statistics.fmean(before[-n:]) for n in (13, 26)):
                up.add((session, symbol))
            weeks[year, week] = close
    seen = panel("multi_timeframe")
    daily = evaluate(equity_momentum.rules(equity_momentum.Parameters()), seen).filter("eligible")
    gated = evaluate(multi_timeframe.rules(multi_timeframe.Parameters()), seen).filter("eligible")
    wanted = up & set(daily.select("session", "symbol").iter_rows())
    assert set(gated.select("session", "symbol").iter_rows()) == wanted
    assert 0 < len(wanted) < daily.height


def average_ranks(values: dict[str, float], high_is_good: bool) -> dict[str, float]:
    """1 is the best; equals share the mean of their places."""
    ranks = {}
    for symbol, value in values.items():
        better = sum(other > value if high_is_good else other < value for other in values.values())
        ranks[symbol] = better + (1 + sum(other == value for other in values.values())) / 2
    return ranks


def factor_twin(rows: list[dict[str, Any]], quantiles: int, gross: float) -> dict[tuple[dt.date, str], float]:
    wanted: dict[tuple[dt.date, str], float] = {}
    held: set[str] = set()
    sessions = sorted({row["session"] for row in rows})
    for before, session in zip([None, *sessions], sessions, strict=False):
        if before is not None and (before.year, before.month) == (session.year, session.month):
            continue
        today = {row["symbol"]: row for row in rows if row["session"] == session}
        ranked = [
            s for s, row in today.items() if row["in_universe"] and all(row[f] is not None for f in factor.FACTORS)
        ]
        by_factor = [
            average_ranks({symbol: today[symbol][name] for symbol in ranked}, high_is_good)
            for name, high_is_good in factor.FACTORS.items()
        ]
        order = sorted(ranked, key=lambda symbol: (sum(ranks[symbol] for ranks in by_factor), symbol))
        best = order[: -(-len(order) // quantiles)]
        wanted |= {(session, symbol): gross / len(best) for symbol in best}
        out = {symbol for symbol in held - set(best) if symbol in today}
        wanted |= {(session, symbol): 0.0 for symbol in out}
        held = held - out | set(best)
    return wanted


@pytest.mark.parametrize(("quantiles", "gross"), [(5, 0.8), (2, 0.5), (1, 0.8)])
def test_the_best_fifth_by_mean_rank_is_held_from_month_to_month(quantiles: int, gross: float) -> None:
    seen = panel("factor")
    # Ties, and members that leave: what random walks do not bring by themselves.
    seen = seen.with_columns(
        adv_20=(pl.col("adv_20") / 1e8).round(),
        in_universe=pl.col("in_universe") & ~((pl.col("symbol") == "S03") & (pl.col("session") > dt.date(2002, 4, 10))),
    )
    found = factor.target_weights(factor.Parameters(quantiles=quantiles, gross=gross), seen)
    weights = {(row["session"], row["symbol"]): row["target_weight"] for row in rows_of(found)}
    assert weights == factor_twin(rows_of(seen), quantiles, gross)
    assert len({session for session, _ in weights}) >= 5


def test_a_name_without_a_bar_on_the_first_session_is_left_as_it_is() -> None:
    seen = panel("factor")
    everything = factor.Parameters(quantiles=1)
    first = dt.date(2002, 3, 1)
    holed = seen.filter((pl.col("symbol") != "S02") | (pl.col("session") != first))
    rows = factor.target_weights(everything, holed).filter(session=first)
    assert rows.height == 8
    assert "S02" not in rows["symbol"].to_list()


def test_with_two_asset_classes_the_month_begins_when_both_trade() -> None:
    """Crypto trades on Sunday the 1st; the stocks on Monday."""
    seen = panel("factor").filter(pl.col("symbol").is_in(SYMBOLS[:4]))
    sundays = seen.filter(symbol="S00").with_columns(symbol=pl.lit("COIN"), asset_class=pl.lit("crypto"))
    shifted = sundays.with_columns(pl.col("session").dt.offset_by("-1d"))
    both = pl.concat([seen, sundays, shifted]).unique(["symbol", "session"]).sort("symbol", "session")
    found = factor.target_weights(factor.Parameters(quantiles=1), both)
    assert {session.day for session in found["session"] if session.month == 3} == {1}
    assert all(session.weekday() < 5 for session in found["session"])
    assert both.filter(pl.col("session").dt.weekday() == 7).height > 50


def paper_twin(entries: dict[tuple[dt.date, str], float], bars: dict[str, list[dict[str, Any]]], k: float, hold: int):
    """Positions on paper by loops over days and symbols; `leave` of a bar is the exit signal."""
    place = {symbol: {row["session"]: n for n, row in enumerate(rows)} for symbol, rows in bars.items()}
    held: dict[str, tuple[int, float, float]] = {}
    changes = []
    for day in sorted({row["session"] for rows in bars.values() for row in rows}):
        gone = []
        for symbol in sorted(held):
            entry, weight, stop = held[symbol]
            n = place[symbol].get(day)
            if n is None:
                continue
            row = bars[symbol][n]
            reason = "hard_stop" if row["adj_close"] < stop else "rule" if row["leave"] else None
            reason = reason or ("max_hold" if n - entry >= hold else None)
            if reason:
                gone.append(symbol)
                changes.append((day, symbol, 0.0, reason))
        for symbol in gone:
            del held[symbol]
        for symbol in sorted(bars):
            weight = entries.get((day, symbol))
            if weight is None or symbol in held or symbol in gone:
                continue
            weight = min(weight, 0.8 - math.fsum(w for _, w, _ in held.values()))
            if weight > 1e-12:
                n = place[symbol][day]
                row = bars[symbol][n]
                held[symbol] = (n, weight, row["adj_close"] - k * row["atr_14"])
                changes.append((day, symbol, weight, "enter"))
    return changes


def test_paper_positions_follow_signals_stops_and_holding_time() -> None:
    strategies = {"s": settings("mean_reversion", entry_z=-0.2, stop_atr=0.5, max_hold=8)}
    found = decided(strategies, "s", market())
    seen = evaluate(mean_reversion.rules(mean_reversion.Parameters()), panel("mean_reversion"))
    leave = dict(zip(seen.select("session", "symbol").iter_rows(), seen["exit_reverted"], strict=True))
    bars = defaultdict(list)
    for row in rows_of(panel("mean_reversion")):
        bars[row["symbol"]].append({**row, "leave": leave[row["session"], row["symbol"]]})
    enter = found.signals.filter(action="enter")
    entries = {(row["session"], row["symbol"]): row["target_weight"] for row in rows_of(enter)}
    wanted = paper_twin(entries, bars, k=0.5, hold=8)
    names = {"setback": "enter", "reverted": "rule"}
    got = [
        (row["session"], row["symbol"], row["target_weight"], names.get(row["reason"], row["reason"]))
        for row in rows_of(found.target_weights)
    ]
    assert got == sorted(wanted, key=lambda change: change[:2])
    assert {reason for *_, reason in got} == {"enter", "hard_stop", "rule", "max_hold"}
    full = found.target_weights.filter(pl.col("target_weight") > 0)["target_weight"]
    assert (full < 0.15).any(), "no entry was cut to what is left of the gross limit"
