"""A second implementation of the quality rules, in plain Python, and random markets to compare both on."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import polars as pl
from hypothesis import strategies as st

from trading_assets.config.quality import Quality
from trading_assets_tests.market_data.markets import AS_OF, SESSIONS, received

INFINITE, NAN = float("inf"), float("nan")
SATURDAY, FUTURE = dt.date(2024, 1, 6), AS_OF + dt.timedelta(days=1)


def reference_rules(
    rows: list[dict[str, Any]], as_of: dt.date
) -> tuple[dict[Any, list[list[str]]], dict[Any, list[list[str]]]]:
    """(flags of usable bars, reasons of quarantined ones), written from trading rules 6, one bar at a time."""
    limits = Quality()
    values = ("asset_class", "open", "high", "low", "close", "volume", "adj_close")
    groups: dict[tuple[str, dt.date], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["symbol"], row["session"]), []).append(row)
    flags: dict[Any, list[list[str]]] = {}
    reasons: dict[Any, list[list[str]]] = {}
    good: dict[str, list[dict[str, Any]]] = {}
    for key in sorted(groups):
        distinct: list[dict[str, Any]] = []
        for row in groups[key]:
            if not any(all(str(row[v]) == str(seen[v]) for v in values) for seen in distinct):
                distinct.append(row)
        for row in distinct:
            why = row_reasons(row, conflict=len(distinct) > 1, as_of=as_of, rounding=limits.rounding_breach)
            if why:
                reasons.setdefault(key, []).append(why)
            else:
                good.setdefault(key[0], []).append({**row, "copied": len(groups[key]) > 1})
    for symbol, bars in good.items():
        kept: list[dict[str, Any]] = []
        pending: tuple[dict[str, Any], float, str] | None = None  # the last bar, the close it jumped from, its fault
        for bar in bars:
            if pending is not None:
                last, base, fault = pending
                change = factor_change([*kept, bar]) * factor_change(kept)
                if abs(bar["close"] * change / base - 1) <= limits.spike_return:
                    kept.pop()
                    reasons.setdefault((symbol, last["session"]), []).append([fault])
                pending = None
                took_back = last not in kept
            else:
                took_back = False
            kept.append(bar)
            if len(kept) > 1 and not took_back:
                base = kept[-2]["close"]
                moves = [bar[name] * factor_change(kept) / base for name in ("close", "open")]
                far, whole = abs(moves[0] - 1) > limits.extreme_move, of_a_split(moves, limits.half_adjusted)
                bar["suspect"] = suspected(moves[1], limits.split_suspect)
                bar["extreme"] = far or whole or bar["suspect"]
                if bar["extreme"]:
                    pending = (bar, base, "half_adjusted" if whole and not far else "spike")
        for n, bar in enumerate(kept):
            flags[(symbol, bar["session"])] = [bar_flags(bar, kept[: n + 1], limits)]
    return flags, reasons


def of_a_split(moves: list[float], nearness: float) -> bool:
    """Close and open are at one split's ratio from the close before."""
    ratios = [r for n in (1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10) for r in (n, 1 / n)]
    return any(
        abs(math.log(moves[0] / ratio)) <= nearness and abs(math.log(moves[1] / ratio)) <= 0.05 for ratio in ratios
    )


def suspected(open_move: float, nearness: float) -> bool:
    """The open is at the ratio of a split that section 6 names, or an inverse."""
    ratios = [r for n in (1.5, 2, 3, 4, 5, 10) for r in (n, 1 / n)]
    return any(abs(open_move / ratio - 1) <= nearness for ratio in ratios)


def row_reasons(row: dict[str, Any], *, conflict: bool, as_of: dt.date, rounding: float) -> list[str]:
    prices = [row[name] for name in ("open", "high", "low", "close")]
    there = [p for p in prices if p is not None and math.isfinite(p)]
    high, low = row["high"], row["low"]
    outside = (high in there and max(there) > high and max(there) >= high * (1 + rounding)) or (
        low in there and min(there) < low and min(there) <= low * (1 - rounding)
    )
    tests = {
        "null_price": None in prices,
        "non_finite_price": any(p is not None and not math.isfinite(p) for p in prices),
        "non_positive_price": any(p is not None and p <= 0 for p in prices),
        "ohlc_violation": outside,
        "negative_volume": row["volume"] is not None and row["volume"] < 0,
        "duplicate_conflict": conflict,
        "not_a_session": row["session"] <= as_of and row["session"] not in SESSIONS,
        "future_bar": row["session"] > as_of,
    }
    return [name for name, holds in tests.items() if holds]


def factor_change(bars: list[dict[str, Any]]) -> float:
    """Of the last bar; the markets below print no rounding noise, so it is 1, 2 or 0.5."""
    told = [bar for bar in bars if bar["adj_close"] is not None]
    if len(told) < 2 or bars[-1]["adj_close"] is None:
        return 1.0
    before, now = told[-2:]
    power = round(math.log2(now["adj_close"] / now["close"] / before["adj_close"] * before["close"]))
    # The raw price has to go at least half of the way with it, at the open or at the close.
    fell = [math.log2(before["close"] / now[name]) for name in ("open", "close")]
    return 2.0**power if any(each * power >= power * power / 2 for each in fell) else 1.0


def bar_flags(bar: dict[str, Any], until: list[dict[str, Any]], limits: Quality) -> list[str]:
    prices = [bar[name] for name in ("open", "high", "low", "close")]
    gap = len(until) > 1 and abs(bar["open"] * factor_change(until) / until[-2]["close"] - 1) > limits.gap_event
    last = [b["close"] for b in until[-limits.stale_closes :]]
    tests = {
        "extreme_move": bar.get("extreme", False),
        "split_suspect": bar.get("suspect", False),
        "gap_event": gap,
        "zero_volume": not bar["volume"],
        "stale_price": len(last) == limits.stale_closes and len(set(last)) == 1,
        "duplicate_exact": bar["copied"],
        "rounding_clamped": max(prices) > bar["high"] or min(prices) < bar["low"],
    }
    return [name for name, holds in tests.items() if holds]


@st.composite
def markets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of one or two symbols with prices around the thresholds, faults, copies, gaps and splits."""
    rows: list[dict[str, Any]] = []
    days = [*SESSIONS[:12], SATURDAY, FUTURE]
    for symbol in draw(st.sampled_from([["AAA"], ["AAA", "BBB"]])):
        for day in sorted(draw(st.sets(st.sampled_from(days), min_size=2))):
            close = draw(st.sampled_from([100.0, 100.0, 100.0, 120.0, 80.0, 150.0, 151.0, 49.0, 200.0, 300.0, 10.0]))
            row: dict[str, Any] = {"symbol": symbol, "session": day, "close": close, "open": close}
            row |= {"high": close * 1.01, "low": close * 0.99, "volume": 1000.0, "asset_class": "equity"}
            row["adj_close"] = draw(st.sampled_from([None, close, close / 2]))
            if draw(st.integers(0, 3)) == 0:
                name = draw(st.sampled_from(["open", "high", "low", "close", "volume"]))
                row[name] = draw(
                    st.sampled_from(
                        [
                            None,
                            0.0,
                            -1.0,
                            NAN if name != "volume" else None,
                            INFINITE if name != "volume" else 0.0,
                            close * 1.0005,
                            close * 0.9995,
                            close * 1.2,
                        ]
                    )
                )
            rows.append(row)
            for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
                rows.append({**row, "volume": draw(st.sampled_from([row["volume"], 7.0]))})
    return rows


def as_received(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return received(rows).with_columns(
        occurrence=pl.int_range(1, pl.len() + 1).over("symbol", "session").cast(pl.Int64)
    )
