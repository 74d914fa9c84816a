"""What a run remembers between sessions, and how it writes down what happens."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_assets.backtests.engine.arrays import Flags, Floats, Integers
from trading_assets.backtests.engine.dtypes import ACCOUNT, DECISION, FILL, ORDER, POSITION, SPREAD, TRADE, RecordArray
from trading_assets.backtests.engine.jit import compiled
from trading_assets.backtests.engine.settings import VAR_TAIL, Settings


class Derived(NamedTuple):
    """What the engine makes of a market once, for all runs on it.

    Attributes
    ----------
    missing
        (sessions, symbols) consecutive missing sessions.
    unhealthy
        (sessions, symbols) whether entries are barred.
    returns
        (symbols, sessions) those of the market, a symbol's in one stretch of memory. A missing return, and each before
        the symbol's first session, is 1.5 x that of its benchmark; 0 where it does not trade, or without a benchmark.
    known
        (symbols, sessions) whether it is not missing: the correlation limit reads windows of these alone.
    scenario_returns
        (symbols, scenarios) what a position made up to each session on which every symbol that is listed trades, since
        the last such session: its `returns`, compounded over the sessions between.
    scenario_count
        (sessions,) number of these up to the session.
    """

    missing: NDArray[np.int32]
    unhealthy: Flags
    returns: Floats
    known: Flags
    scenario_returns: Floats
    scenario_count: Integers


class State(NamedTuple):
    """A run in progress, by slot of a position. `queue` is in the order of the decisions."""

    account: RecordArray  # (1,)
    positions: RecordArray  # (slots,)
    orders: RecordArray  # (slots,)
    busy: Flags  # (slots,) held or ordered
    held: Integers  # slots, ascending
    queue: Integers
    returns: Floats  # (sessions of the run,)
    scenarios: Floats  # (sessions of the value at risk,) what is held and ordered would have made
    scenario_change: Floats  # what is to come on top
    worst_scenarios: Floats  # scratch
    volatilities: Floats  # ring of those of the baseline
    sorted_volatilities: Floats
    units: Floats  # (positions + 2, correlation window) standardised returns; then their sum, and a candidate's
    unit_valid: Flags
    row: Integers  # (slots,) candidates of the session that passed the tests so far
    label: Integers
    measures: Floats  # (4, slots) what they are ranked by, and their correlation with the positions
    portfolio_correlation: Floats  # (1,) mean over the pairs of positions
    ranks: Floats  # (3, slots)
    score: Floats
    order: Integers
    sort_keys: Floats  # (slots,) scratch
    limit: Integers  # (slots,) the limit that took most of what is decided now, -1: none
    limit_share: Floats  # (slots,) what it left of it
    # of target weights
    ordered: Flags  # (slots,) an order waits
    grows: Flags  # (slots,) it makes its position larger
    leaves: Flags  # (slots,) what makes it smaller fills at this open
    verdict: Integers  # (slots,) what becomes of an order at the open, of a row at the close
    granted: Floats  # (slots,) weight
    by_symbol: Floats  # (symbols,) gross weight
    by_sector: Floats
    leaving: Floats  # (slots,) quantity by which an order shrinks its position at this open
    growth: Floats  # (slots,) and by which it makes it larger
    by_side: Floats  # (2, symbols) bought and sold by all orders: notional at the open, weight at the close
    sliced: Floats  # (2, symbols) quantity of the liquidation's slices among these
    scale: Floats  # (slots,) multiplier of the risk that a row of this session is under
    # of changes of regime
    spread: RecordArray  # (slots,) what is left of one
    row_slot: Integers  # (slots,) rows of this session: those that are stated, and those that go on
    row_weight: Floats
    row_eligible: Flags
    row_reason: Integers
    row_of_regime: Flags
    wanted: Floats  # (slots,) weight of the row before it was spread


class Records(NamedTuple):
    """What a run leaves, by session and by event; empty arrays are not written (sweeps)."""

    trades: RecordArray
    decisions: RecordArray
    fills: RecordArray
    cash: Floats
    gross_exposure: Floats
    positions: Integers
    unexplained_moves: Integers


def new_state(slots: int, sessions: int, max_positions: int, sector: Integers, settings: Settings) -> State:
    """Return a flat account at the starting equity.

    Parameters
    ----------
    slots
        Places for positions: one a symbol, or one a leg of a pair.
    sessions
        Sessions of the run.
    max_positions
        Positions and orders that there may be at a time.
    sector
        (symbols,) number of each symbol's sector, -1 for none: the market's.
    settings
        Limits and costs that the run is under.
    """
    account = np.zeros(1, ACCOUNT)
    for field in ("cash", "equity", "confirmed", "reference", "old_peak"):
        account[field] = settings.starting_equity
    for field in ("closed", "halted", "simulated"):
        account[field] = -1
    return State(
        account=account,
        positions=np.zeros(slots, POSITION),
        orders=np.zeros(slots, ORDER),
        busy=np.zeros(slots, np.bool_),
        held=np.zeros(max_positions, np.int64),
        queue=np.zeros(max_positions, np.int64),
        returns=np.zeros(sessions),
        scenarios=np.zeros(settings.var_window),
        scenario_change=np.zeros(settings.var_window),
        worst_scenarios=np.zeros(math.floor(VAR_TAIL * settings.var_window) + 1),
        volatilities=np.zeros(settings.volatility_baseline),
        sorted_volatilities=np.zeros(settings.volatility_baseline),
        units=np.zeros((settings.max_positions + 2, settings.correlation_window)),
        unit_valid=np.zeros(settings.max_positions + 2, np.bool_),
        row=np.zeros(slots, np.int64),
        label=np.zeros(slots, np.int64),
        measures=np.zeros((4, slots)),
        portfolio_correlation=np.zeros(1),
        ranks=np.zeros((3, slots)),
        score=np.zeros(slots),
        order=np.zeros(slots, np.int64),
        sort_keys=np.zeros(slots),
        limit=np.zeros(slots, np.int64),
        limit_share=np.zeros(slots),
        ordered=np.zeros(slots, np.bool_),
        grows=np.zeros(slots, np.bool_),
        leaves=np.zeros(slots, np.bool_),
        verdict=np.zeros(slots, np.int64),
        granted=np.zeros(slots),
        by_symbol=np.zeros(sector.size),
        by_sector=np.zeros(max(0, int(sector.max(initial=-1))) + 1),
        leaving=np.zeros(slots),
        growth=np.zeros(slots),
        by_side=np.zeros((2, sector.size)),
        sliced=np.zeros((2, sector.size)),
        scale=np.ones(slots),
        spread=np.zeros(slots, SPREAD),
        row_slot=np.zeros(slots, np.int64),
        row_weight=np.zeros(slots),
        row_eligible=np.zeros(slots, np.bool_),
        row_reason=np.zeros(slots, np.int64),
        row_of_regime=np.zeros(slots, np.bool_),
        wanted=np.zeros(slots),
    )


def new_records(trades: int, decisions: int, fills: int, sessions: int) -> Records:
    """Return room for the records of a run; memory is touched only as it is written.

    Parameters
    ----------
    trades, decisions, fills, sessions
        How many of each there can be; with zeros nothing of the kind is recorded.
    """
    return Records(
        trades=np.empty(trades, TRADE),
        decisions=np.empty(decisions, DECISION),
        fills=np.empty(fills, FILL),
        cash=np.empty(sessions),
        gross_exposure=np.empty(sessions),
        positions=np.empty(sessions, np.int64),
        unexplained_moves=np.zeros(sessions, np.int64),
    )


#: Less of an order than this is no cut, but rounding to the lot.
_ROUNDING = 1e-6


@compiled
def begin_sizing(p: int, state: State) -> None:
    """Nothing has cut what slot `p` asks for yet."""
    state.limit[p] = -1
    state.limit_share[p] = 1.0


@compiled
def note_limit(p: int, limit: int, share: float, state: State) -> None:
    """Note that a limit left a share of what slot `p` had asked for; the one that took most stays on record."""
    if share < state.limit_share[p] - _ROUNDING:
        state.limit[p] = limit
        state.limit_share[p] = share


@compiled
def floor_to_lot(quantity: float, lot: float) -> float:
    """Return whole lots in `quantity`; a billionth of a lot below a whole one counts as whole.

    NumPy's floor stays a float: of a coin worth 1e-5, a day's turnover is more lots than an integer holds.
    """
    return np.floor(quantity / lot + 1e-9) * lot  # type: ignore[no-any-return]


@compiled
def one_lot_less(quantity: float, lot: float) -> float:
    """Return a quantity less one lot, or a few last bits where a lot is less than those; not below 0."""
    return max(0.0, floor_to_lot(quantity * (1.0 - 4e-15) - lot, lot))


@compiled
def record(
    t: int,
    at_close: int,
    i: int,
    pair_index: int,
    decision: int,
    reason: int,
    label: int,
    account: Any,
    decisions: RecordArray,
) -> int:
    """Write down a decision that belongs to no order and has no numbers yet; its index, or -1 in a sweep."""
    if decisions.size == 0:
        return -1
    index: int = account["decisions"]
    account["decisions"] += 1
    entry = decisions[index]
    entry["session"] = t
    entry["at_close"] = at_close
    entry["symbol"] = i
    entry["pair_index"] = pair_index
    entry["decision"] = decision
    entry["reason"] = reason
    entry["label"] = label
    entry["order"] = -1
    entry["limit"] = -1
    entry["numbers"][:] = math.nan
    return index
