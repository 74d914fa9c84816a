"""Pairs: when they are formed, entered and left, by hand and against a twin that shares no code."""

from __future__ import annotations

import datetime as dt
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from statsmodels.tsa.stattools import coint

from trading_assets.strategies.interface.target_weights import checked
from trading_assets.strategies.pairs import Parameters, target_weights
from trading_assets_tests.backtests.frames import weekdays
from trading_assets_tests.narrow import as_date
from trading_assets_tests.strategies.test_cointegration import reverting, walks

WINDOW = 60
#: Every pair with a positive beta is formed.
ANY: dict[str, Any] = {"formation_sessions": WINDOW, "max_p_value": 1.0}


def panel(log_prices: dict[str, np.ndarray], asset_class: str = "equity", **members: np.ndarray) -> pl.DataFrame:
    """Rows of usable bars: none where a price is NaN, and members of the universe unless told otherwise."""
    days = weekdays(len(next(iter(log_prices.values()))))
    parts = [
        pl.DataFrame(
            {
                "symbol": symbol,
                "session": days,
                "adj_close": np.exp(prices),
                "in_universe": members.get(symbol, np.full(len(days), True)),
                "asset_class": asset_class,
            }
        )
        for symbol, prices in log_prices.items()
    ]
    return pl.concat(parts).filter(pl.col("adj_close").is_finite()).sort("symbol", "session")


def traded(parameters: Parameters, bars: pl.DataFrame) -> list[tuple[int, str, str, str, float]]:
    """Rows as session number, pair, symbol, reason, weight; they keep the interface's rules."""
    rows = checked(target_weights(parameters, bars), bars)
    number = {day: index for index, day in enumerate(weekdays(2000))}
    columns = rows.select("session", "pair_id", "symbol", "reason", "target_weight").iter_rows()
    return [(number[day], *rest) for day, *rest in columns]


def with_spread(z: list[float], seed: int = 1, beta: float = 0.8) -> tuple[dict[str, np.ndarray], float]:
    """Two legs formed on `WINDOW` sessions whose spread then stands at z; and the fitted beta.

    The window is fitted by polyfit; B is the more volatile leg.
    """
    a = walks(1, seed=seed, sessions=WINDOW + len(z))[:, 0] + 4
    b = beta * a
    b[:WINDOW] += 2 * reverting(1, seed=seed + 1, persistence=0.3, sessions=WINDOW)[:, 0]
    slope, mean = np.polyfit(a[:WINDOW], b[:WINDOW], 1)
    deviation = np.std(b[:WINDOW] - slope * a[:WINDOW], ddof=1)
    b[WINDOW:] = mean + slope * a[WINDOW:] + deviation * np.array(z)
    return {"A": a, "B": b}, float(slope)


@pytest.mark.parametrize(
    ("z", "expected"),
    [
        # short the spread, back inside the exit band, again, broken, barred
        ([1.9, 2.1, 0.6, 0.4, 2.5, 3.9, 4.1, 3.0, -3.0], [(1, -1), (3, "converged"), (4, -1), (6, "spread_stop")]),
        ([-2.1, -0.6, -0.4, -1.99, -2.3], [(0, 1), (2, "converged"), (4, 1)]),
        # past the mean counts as converged; the other side is entered a session later
        ([-2.5, 2.5, 2.5, 0.0], [(0, 1), (1, "converged"), (2, -1), (3, "converged")]),
        # broken on the far side, or while out: no entry until the next formation
        ([-2.5, 4.5, 2.5], [(0, 1), (1, "spread_stop")]),
        ([-4.5, -3.0, -2.5], []),
    ],
)
def test_the_spread_decides(z: list[float], expected: list[tuple[int, str | int]]) -> None:
    prices, beta = with_spread(z)
    found = traded(Parameters(**ANY, pair_gross=0.2), panel(prices))
    rows: list[tuple[int, str, str, str, float]] = []
    for session, what in expected:
        if isinstance(what, str):
            legs, reason = (("A", 0.0), ("B", 0.0)), what
        else:
            legs, reason = (("A", -what * beta * 0.2 / (1 + beta)), ("B", what * 0.2 / (1 + beta))), "diverged"
        rows += [(WINDOW + session, "A~B", symbol, reason, weight) for symbol, weight in legs]
    assert [row[:4] for row in found] == [row[:4] for row in rows]
    assert [row[4] for row in found] == pytest.approx([row[4] for row in rows])


def test_a_session_without_both_bars_decides_nothing() -> None:
    prices, _ = with_spread([2.5, 2.5, 0.1, 0.1])
    prices["A"][[WINDOW, WINDOW + 2]] = np.nan
    found = traded(Parameters(**ANY), panel(prices))
    assert [(session - WINDOW, reason) for session, _, symbol, reason, _ in found if symbol == "A"] == [
        (1, "diverged"),
        (3, "converged"),
    ]


def test_only_members_are_formed_and_entered() -> None:
    prices, _ = with_spread([2.5, 2.5, 0.1])
    inside = np.full(WINDOW + 3, True)
    inside[WINDOW] = False
    found = traded(Parameters(**ANY), panel(prices, A=inside))
    assert [session - WINDOW for session, *_ in found] == [1, 1, 2, 2]
    inside[WINDOW - 1] = False
    assert traded(Parameters(**ANY), panel(prices, A=inside)) == []


def test_a_hole_in_the_window_forms_no_pair() -> None:
    prices, _ = with_spread([2.5, 0.1])
    prices["B"][30] = np.nan
    assert traded(Parameters(**ANY), panel(prices)) == []


def test_the_widest_spreads_come_first_and_fill_the_gross() -> None:
    narrow, _ = with_spread([2.1, 2.1, 0.1, 2.2])
    wide, _ = with_spread([3.0, 0.1, 1.0, 1.0], seed=20)
    bars = panel({**narrow, "C": wide["A"], "D": wide["B"]})
    # Only the two pairs that were made: the others are less correlated.
    one = traded(Parameters(**ANY, candidates=2, pair_gross=0.3, max_gross=0.5), bars)
    assert [(session - WINDOW, pair, reason) for session, pair, symbol, reason, _ in one if symbol in "AC"] == [
        (0, "C~D", "diverged"),
        (1, "A~B", "diverged"),
        (1, "C~D", "converged"),
        (2, "A~B", "converged"),
        (3, "A~B", "diverged"),
    ]
    both = traded(Parameters(**ANY, candidates=2, pair_gross=0.25, max_gross=0.5), bars)
    assert {pair for session, pair, *_ in both if session == WINDOW} == {"A~B", "C~D"}


def test_reformation_closes_what_is_not_formed_again() -> None:
    prices, _ = with_spread([3.0] * 20)
    kept = traded(Parameters(**ANY, reformation_sessions=10), panel(prices))
    assert [reason for *_, reason, _ in kept[:2]] == ["diverged", "diverged"]
    assert "reformation" not in {reason for *_, reason, _ in kept}
    # Without a bar in its window B is in no pair at session 10. It is closed where it trades again.
    prices["B"][WINDOW + 5] = np.nan
    prices["B"][WINDOW + 10 : WINDOW + 12] = np.nan
    dropped = traded(Parameters(**ANY, reformation_sessions=10), panel(prices))
    assert [(session - WINDOW, symbol, reason) for session, _, symbol, reason, _ in dropped] == [
        (0, "A", "diverged"),
        (0, "B", "diverged"),
        (10, "A", "reformation"),
        (12, "B", "reformation"),
    ]


def test_a_bar_ends_at_the_next_formation() -> None:
    """Broken in the first period, entered in the second, under the new spread."""
    prices, _ = with_spread([4.5, 3.0, *[0.0] * 8, 3.9, 0.0])
    found = traded(Parameters(**ANY, reformation_sessions=10, entry_z=1.5), panel(prices))
    assert [(session - WINDOW, reason) for session, _, symbol, reason, _ in found if symbol == "A"] == [
        (10, "diverged"),
        (11, "converged"),
    ]


def test_asset_classes_are_formed_apart() -> None:
    prices, _ = with_spread([2.5, 0.1])
    equities = panel(prices)
    coins = panel({f"C{symbol}": values for symbol, values in prices.items()}, "crypto")
    both = traded(Parameters(**ANY), pl.concat([coins, equities]).sort("symbol", "session"))
    assert {pair for _, pair, *_ in both} == {"A~B", "CA~CB"}
    assert [row for row in both if row[1] == "A~B"] == traded(Parameters(**ANY), equities)


def market(sessions: int = 320) -> dict[str, np.ndarray]:
    """Two planted pairs among independent walks, with a few holes."""
    paths = walks(7, seed=21, sessions=sessions)
    spreads = reverting(2, seed=22, persistence=0.6, sessions=sessions)
    paths[:, 1] = 1.2 * paths[:, 0] + spreads[:, 0]
    paths[:, 3] = 0.7 * paths[:, 2] + 1.5 * spreads[:, 1]
    holes = np.random.default_rng(23).random(paths.shape) < 0.0015
    paths[holes] = np.nan
    return {f"S{number}": 4 + paths[:, number] for number in range(7)}


def test_planted_pairs_are_traded_and_converge() -> None:
    parameters = Parameters(formation_sessions=120, reformation_sessions=40, max_p_value=0.05)
    found = traded(parameters, panel(market()))
    entries = [pair for _, pair, symbol, reason, _ in found if reason == "diverged" and symbol == pair[:2]]
    assert entries.count("S0~S1") >= 3
    assert entries.count("S2~S3") >= 3
    reasons = [reason for _, pair, _, reason, _ in found if pair in ("S0~S1", "S2~S3")]
    assert reasons.count("converged") > 4 * reasons.count("spread_stop")


def test_the_twin_agrees() -> None:
    parameters = Parameters(
        formation_sessions=80, reformation_sessions=15, candidates=9, max_p_value=0.3, entry_z=1.2, stop_z=3.0,
        pair_gross=0.2, max_gross=0.8,
    )  # fmt: skip
    prices = market()
    found = traded(parameters, panel(prices))
    expected = twin(parameters, prices)
    assert {reason for *_, reason, _ in found} == {"diverged", "converged", "spread_stop", "reformation"}
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    assert [row[4] for row in found] == pytest.approx([row[4] for row in expected], rel=1e-9)


def twin(own: Parameters, prices: dict[str, np.ndarray]) -> list[tuple[int, str, str, str, float]]:
    """The rules, one pair at a time, with statsmodels and polyfit."""
    rows: list[Any] = []
    held: dict[Any, Any] = {}
    spreads: dict[Any, Any] = {}
    barred: set[Any] = set()
    waiting: list[Any] = []
    for t in range(own.formation_sessions, len(next(iter(prices.values())))):
        if (t - own.formation_sessions) % own.reformation_sessions == 0:
            window = slice(t - own.formation_sessions, t)
            past = {s: p[window] for s, p in prices.items() if not np.isnan(p[window]).any()}
            moves = {s: np.diff(p) for s, p in past.items()}
            closest = sorted(
                combinations(sorted(past), 2), key=lambda pair: -np.corrcoef(moves[pair[0]], moves[pair[1]])[0, 1]
            )
            spreads, barred = {}, set()
            for pair in closest[: own.candidates]:
                x, y = sorted(pair, key=lambda symbol: (np.var(moves[symbol]), [-ord(c) for c in symbol]))
                beta, mean = np.polyfit(past[x], past[y], 1)
                if beta > 0 and coint(past[y], past[x])[1] < own.max_p_value:
                    deviation = np.std(past[y] - beta * past[x], ddof=1)
                    spreads[pair] = (y, x, beta, mean, deviation)
            for pair in [pair for pair in held if pair not in spreads]:
                del held[pair]
                waiting += [(pair, symbol) for symbol in pair]
        for pair, symbol in list(waiting):
            if not np.isnan(prices[symbol][t]):
                rows.append((t, "~".join(pair), symbol, "reformation", 0.0))
                waiting.remove((pair, symbol))
        wanted = []
        for pair, (y, x, beta, mean, deviation) in spreads.items():
            z = (prices[y][t] - beta * prices[x][t] - mean) / deviation
            if np.isnan(z):
                continue
            if abs(z) > own.stop_z:
                barred.add(pair)
            if pair in held:
                below = z if held[pair] == y else -z
                if abs(z) > own.stop_z or below > -own.exit_z:
                    del held[pair]
                    reason = "spread_stop" if abs(z) > own.stop_z else "converged"
                    rows += [(t, "~".join(pair), symbol, reason, 0.0) for symbol in pair]
            elif abs(z) > own.entry_z and pair not in barred and not any(w[0] == pair for w in waiting):
                wanted.append((-abs(z), pair, z, y, x, beta))
        for _, pair, z, y, x, beta in sorted(wanted):
            if len(held) < own.max_gross // own.pair_gross:
                held[pair] = y if z < 0 else x
                size = -np.sign(z) * own.pair_gross / (1 + beta)
                weights = {y: size, x: -beta * size}
                rows += [(t, "~".join(pair), symbol, "diverged", weights[symbol]) for symbol in pair]
    return sorted(rows)


def test_history_that_follows_changes_nothing() -> None:
    parameters = Parameters(formation_sessions=80, reformation_sessions=30, max_p_value=0.3, entry_z=1.2)
    bars = panel(market())
    whole = target_weights(parameters, bars)
    for cut in (as_date(bars["session"].min()) + dt.timedelta(days=days) for days in (112, 200, 301)):
        earlier = pl.col("session") <= cut
        assert target_weights(parameters, bars.filter(earlier)).equals(whole.filter(earlier))
    assert whole.filter(~earlier).height > 10


def test_symbols_in_any_order() -> None:
    bars = panel(market())
    parameters = Parameters(formation_sessions=80, reformation_sessions=30, max_p_value=0.3)
    shuffled = bars.sample(fraction=1, shuffle=True, seed=1)
    assert target_weights(parameters, shuffled).equals(target_weights(parameters, bars))


@pytest.mark.parametrize("wrong", [{"entry_z": 0.5}, {"entry_z": 4.0}, {"pair_gross": 0.6, "max_gross": 0.5}])
def test_thresholds_out_of_order_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=r"exit_z < entry_z < stop_z|larger than max_gross"):
        Parameters.model_validate(wrong)
