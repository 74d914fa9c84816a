"""Strategies against plain loops over the bars, written from the trading rules."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from typing import Any

import polars as pl

from trading_assets.strategies import factor, mean_reversion
from trading_assets.strategies.interface.panel import evaluate
from trading_assets_tests.strategies.panels import SYMBOLS, decided, market, panel, rows_of, settings


def closes() -> dict[str, list[tuple[dt.date, float]]]:
    found = defaultdict(list)
    for row in rows_of(market().bars.sort("symbol", "session")):
        if row["symbol"] in SYMBOLS:
            found[row["symbol"]].append((row["session"], row["adj_close"]))
    return found


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


def paper_twin(
    entries: dict[tuple[dt.date, str], float], bars: dict[str, list[dict[str, Any]]], k: float, hold: int
) -> Any:
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
            wanted = entries.get((day, symbol))
            if wanted is None or symbol in held or symbol in gone:
                continue
            weight = min(wanted, 0.8 - math.fsum(w for _, w, _ in held.values()))
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
