"""What of an account is sent and what is withheld, session by session: two books that together are the engine's.

An entry is withheld where its position is not among the share of the stage, or where what the engine already holds of
it was withheld: a position that was not entered at the broker is not joined on the way. Exits follow their entries,
whatever the stage is by then: what was sent leaves first, and what was withheld leaves no order.

All of it follows from what is on record (stages of sheets, what was sent) and from what the account has published.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trading_assets.trading.broker_books import Books, Leg, Trade, ratios_at, trades_of
from trading_assets.trading.opening import Opening, next_session
from trading_assets.trading.order_sheet import ROLLOUT_WORD, client_order_id
from trading_assets.trading.rollout.assignment import is_assigned, position_of
from trading_assets.trading.rollout.stages import STRATEGY
from trading_assets.trading.rollout.tables import FULL, OFF, SHARES

_NOTHING = 1e-9


@dataclass(frozen=True)
class Withheld:
    """What of a sheet is not sent.

    Attributes
    ----------
    orders
        Entries, by the ids of the engine.
    units
        Signed units that the engine holds and the broker is not to hold, by symbol and pair.
    stage
        Stage by which it is withheld.
    """

    orders: Collection[str] = frozenset()
    units: Mapping[Leg, float] = field(default_factory=dict)
    stage: str = FULL

    def leave(self, sheet: pl.DataFrame) -> pl.DataFrame:
        """Return rows of `trading.order_sheets` as the stage leaves them: at `off` without what is withheld."""
        is_withheld = pl.col("blocked_by").eq_missing(pl.lit(ROLLOUT_WORD)) & (pl.col("status") == "blocked")
        return sheet.filter(~is_withheld) if self.stage == OFF else sheet


@dataclass
class Parting:
    """Part what an account does, from its opening on: `close` and `open` of each session in turn.

    Parameters
    ----------
    configuration, opening
        Name of the configuration, and the account.
    pending
        Rows of `trading.pending_orders` of the account.
    units_sent
        Units of each order that was sent, by its client order id.
    """

    configuration: str
    opening: Opening
    pending: pl.DataFrame
    units_sent: Mapping[str, float]
    sent: Books = field(default_factory=Books)
    withheld: Books = field(default_factory=Books)
    orders: set[str] = field(default_factory=set)

    def close(self, session: dt.date, stage: str) -> Withheld:
        """Return what is withheld of the orders that wait at a close.

        Parameters
        ----------
        session, stage
            Session that has closed, and the stage by which its sheet is made.
        """
        waiting = self.pending.filter(session=session)
        self.orders -= set(waiting["order_id"])
        if stage != FULL or self.withheld.held:
            self.orders |= set(self._withheld_of(waiting.filter("entry").sort("order_id").to_dicts(), SHARES[stage]))
        return Withheld(frozenset(self.orders & set(waiting["order_id"])), self.withheld.held, stage)

    def open(self, ratios: Mapping[str, float], booked: pl.DataFrame) -> pl.DataFrame:
        """Return what the engine booked of what is sent, at the open after the last close.

        Parameters
        ----------
        ratios
            New units per old one, by symbol.
        booked
            Rows of `trading.engine_fills` of the session.
        """
        booked = booked.sort("fill_id")
        if not self.withheld.held and not self.orders & set(booked["order_id"]):
            self.sent = self.sent.after(ratios, trades_of(booked))
            return booked
        self.sent, self.withheld = self.sent.after(ratios, ()), self.withheld.after(ratios, ())
        shares = dict[str, float]()
        for row in sorted(booked.iter_rows(named=True), key=self._leaves_first):
            shares[row["fill_id"]] = self._book(row)
        share = pl.Series([shares[each] for each in booked["fill_id"]], dtype=pl.Float64)
        kept = booked.with_columns(pl.col("quantity") * share, pl.col("fee") * share)
        return kept.filter(pl.col("quantity") > 0)

    def _withheld_of(self, entries: Sequence[Mapping[str, Any]], share: float) -> Iterator[str]:
        subject = f"{STRATEGY}/{self.opening.strategy}"
        begun = {row["pair_id"] for row in entries if row["pair_id"] is not None and self._is_sent(row)}
        apart = {pair for _, pair in self.withheld.held if pair is not None}
        for row in entries:
            pair, leg = row["pair_id"], (row["symbol"], row["pair_id"])
            is_joined = leg in self.withheld.held or (pair is not None and pair in apart)
            position = position_of(row, is_weight=row["target_weight"] is not None)
            if not is_joined and is_assigned(subject, position, share):
                continue
            if not (self._is_sent(row) if pair is None else pair in begun):
                yield row["order_id"]

    def _is_sent(self, row: Mapping[str, Any]) -> bool:
        """Whether an entry was sent: more of it than what leaves a position on the other side."""
        for_session = next_session([row["calendar"]], row["session"])
        name = client_order_id(self.configuration, row["account"], row["order_id"], for_session)
        held = self.sent.held.get((row["symbol"], row["pair_id"]), 0.0)
        leaving = _leaving(_signed(row), held) if row["quantity"] else 0.0
        return self.units_sent.get(name, 0.0) > abs(leaving) * (1.0 + _NOTHING)

    def _leaves_first(self, row: Mapping[str, Any]) -> tuple[bool, str]:
        leg = (row["symbol"], row["pair_id"])
        held = self.sent.held.get(leg, 0.0) + self.withheld.held.get(leg, 0.0)
        return _signed(row) * held >= 0, row["fill_id"]

    def _book(self, row: Mapping[str, Any]) -> float:
        """Share of a fill that is of what is sent: that leaves first, and what is withheld after it."""
        leg, units, price = (row["symbol"], row["pair_id"]), _signed(row), row["price"]
        if not units:
            return 0.0
        ours = _leaving(units, self.sent.held.get(leg, 0.0))
        theirs = _leaving(units - ours, self.withheld.held.get(leg, 0.0))
        rest = units - ours - theirs
        if row["order_id"] in self.orders:
            theirs += rest
        else:
            ours += rest
        share = ours / units
        self.sent = self.sent.after({}, [Trade(leg, ours, price, row["fee"] * share)])
        self.withheld = self.withheld.after({}, [Trade(leg, theirs, price, row["fee"] * (1.0 - share))])
        return share


def parted(
    parting: Parting,
    sessions: Sequence[dt.date],
    stages: Mapping[dt.date, str],
    splits: pl.DataFrame,
    engine_fills: pl.DataFrame,
) -> tuple[pl.DataFrame, dict[dt.date, Withheld]]:
    """Go through sessions of an account, and return what was booked of what was sent, and what each close withheld.

    Parameters
    ----------
    parting
        At its beginning.
    sessions
        From the first session of the account on, ascending. The close of the last one is not gone through.
    stages
        By which the sheets were made; `full` where nothing is said.
    splits
        symbol, session, split_ratio.
    engine_fills
        Rows of `trading.engine_fills` of the account.
    """
    kept, withheld = [engine_fills.clear()], dict[dt.date, Withheld]()
    for place, session in enumerate(sessions):
        if place:
            before = sessions[place - 1]
            withheld[before] = parting.close(before, stages.get(before, FULL))
        kept.append(parting.open(ratios_at(splits, session), engine_fills.filter(session=session)))
    return pl.concat(kept), withheld


def _signed(row: Mapping[str, Any]) -> float:
    return float(row["quantity"] if row["side"] == "buy" else -row["quantity"])


def _leaving(units: float, held: float) -> float:
    """Part of signed units that makes a holding smaller."""
    if units * held >= 0:
        return 0.0
    part = min(abs(units), abs(held))
    if abs(held) <= abs(units) * (1.0 + _NOTHING) and abs(units) <= abs(held) * (1.0 + _NOTHING):
        return units  # all of it, but for rounding
    return part if units > 0 else -part
