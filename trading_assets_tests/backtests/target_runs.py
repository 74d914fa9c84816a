"""Short runs of target weights and what they say, for tests that compute by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from trading_assets.backtests.engine.arrays import DECISIONS, EXIT_REASONS, REJECTIONS, Market, Targets
from trading_assets.backtests.engine.simulate import Simulation, simulate
from trading_assets_tests.backtests.markets import run_parameters_of, settings

RULE = EXIT_REASONS.index("rule")
#: Names of a strategy's own come after those of the engine.
OWN = len(EXIT_REASONS)
FREE: dict[str, Any] = {
    "max_symbol": 1.0,
    "max_gross": 1.0,
    "daily_loss_limit": 1.0,
    "drawdown_limit": 1.0,
    "var_limit": 1.0,
}


def targets(
    market: Market, *rows: tuple[int, int, float], pairs: tuple[tuple[int, int], ...] = (), **columns: Any
) -> Targets:
    """Rows of (session, symbol, weight); the symbols of `pairs` have slots of their pair, the rest one each."""
    symbols = sorted({symbol for _, symbol, _ in rows} - {leg for pair in pairs for leg in pair})
    slots = [(-1, symbol) for symbol in symbols]
    slots += [(number, leg) for number, pair in enumerate(pairs) for leg in sorted(pair)]
    slot_of = {symbol: place for place, (_, symbol) in enumerate(slots)}
    ordered = sorted(rows, key=lambda row: (row[0], slot_of[row[1]]))
    fields: dict[str, Any] = {
        "weight": [weight for _, _, weight in ordered],
        "eligible": np.ones(len(ordered), dtype=bool),
        "reason": np.where([weight == 0 for _, _, weight in ordered], RULE, OWN),
    } | columns
    return Targets(
        first=np.searchsorted([t for t, _, _ in ordered], np.arange(market.day.size + 1)).astype(np.int64),
        position_index=np.array([slot_of[symbol] for _, symbol, _ in ordered], dtype=np.int64),
        weight=np.array(fields["weight"], dtype=float),
        eligible=np.array(fields["eligible"], dtype=bool),
        reason=np.array(fields["reason"], dtype=np.int64),
        symbol=np.array([symbol for _, symbol in slots], dtype=np.int64),
        pair_index=np.array([pair_index for pair_index, _ in slots], dtype=np.int64),
    )


def pairs_in_one(market: Market, *rows: tuple[int, float]) -> Targets:
    """A pair for each column but the first, all with the first as one leg; rows of (session, weight of that leg).

    Each row is of all pairs, and the other leg has the opposite weight.
    """
    return pairs_by_weight(market, *[(t, [weight] * (market.close.shape[1] - 1)) for t, weight in rows])


def pairs_by_weight(market: Market, *rows: tuple[int, list[float]]) -> Targets:
    """As `pairs_in_one`, with a weight by pair."""
    count = market.close.shape[1] - 1
    weights = np.array([np.column_stack([of, np.negative(of)]).ravel() for _, of in rows])
    first = np.searchsorted([t for t, _ in rows], np.arange(market.day.size + 1)) * 2 * count
    return Targets(
        first=first.astype(np.int64),
        position_index=np.tile(np.arange(2 * count), len(rows)),
        weight=weights.ravel(),
        eligible=np.ones(weights.size, dtype=bool),
        reason=np.where(weights.ravel() == 0, RULE, OWN).astype(np.int64),
        symbol=np.column_stack([np.zeros(count), np.arange(1, count + 1)]).ravel().astype(np.int64),
        pair_index=np.repeat(np.arange(count), 2),
    )


def run(market: Market, wanted: Targets, changes: dict[str, Any] | None = None, **risk: Any) -> Simulation:
    """One run without limits but those given; gross up to twice the equity unless `max_gross` says otherwise."""
    numbers = settings(**(FREE | risk))
    if "max_gross" not in risk:
        numbers = numbers._replace(max_gross=2.0)
    return simulate(market, wanted, run_parameters_of(market, **(changes or {})), numbers)


def said(found: Simulation) -> list[tuple[int, int, str, str]]:
    """(session, symbol, decision, reason) of all decisions."""
    words = {"reject": REJECTIONS}
    names = (*EXIT_REASONS, "own")
    return [
        (int(d["session"]), int(d["symbol"]), kind, words.get(kind, names)[d["reason"]])
        for d in found.decisions
        for kind in [DECISIONS[d["decision"]]]
    ]
