"""What a real broker says that it holds, against what its fills say: nothing is summed that can be asked.

A gap is named when it appears or changes, and is known from then on; one that has gone is not named again. Cash that is
there when it is first asked is no difference: a paper account begins with more than was given to the strategy. Units
that are there are one. Fees in coins leave the broker less than its fills say, until it holds none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from trading_assets.config.canonical import digest
from trading_assets.config.trading import Tolerances
from trading_assets.trading.broker_books import Books, Leg
from trading_assets.trading.brokers.port import BrokerAccount, BrokerPosition
from trading_assets.trading.brokers.tables import BROKER_BALANCES, BROKER_POSITIONS
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import DIFFERENCES, FILLS

#: New units per old one that are a split rather than a trade.
_WHOLE = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)
_RATIOS = (1.5, 2.0 / 3.0, 1.25, 0.8, *map(float, _WHOLE), *(1.0 / each for each in _WHOLE))
#: Units from which on a split is told from a trade although a fraction of one was paid out.
_MANY = 10
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Said:
    """What a broker says of itself: its account and its positions, and when it was asked, UTC."""

    account: BrokerAccount
    positions: Sequence[BrokerPosition]
    at: dt.datetime


@dataclass(frozen=True)
class Traded:
    """What is known of the symbols of an account.

    Attributes
    ----------
    coins
        Those of which fees are paid in units.
    awaited
        Those whose next session has opened and is not published: whether they were split is not known.
    fills
        Rows of `trading.fills` of the account.
    """

    coins: Collection[str] = ()
    awaited: Collection[str] = ()
    fills: pl.DataFrame = field(default_factory=FILLS.empty)

    def bought_since_flat(self, symbol: str, before: tuple[pl.DataFrame, pl.DataFrame]) -> float:
        """Return the units that were bought since the broker last said that it holds none.

        Parameters
        ----------
        symbol, before
            Symbol, and what `compare` takes.
        """
        held = before[1].filter(pl.col("symbol") == symbol, pl.col("quantity") != 0.0)["recorded_at"]
        flat = before[0].filter(~pl.col("recorded_at").is_in(held.implode()))["recorded_at"].max()
        bought = self.fills.filter(symbol=symbol, side="buy")
        bought = bought if flat is None else bought.filter(pl.col("recorded_at") > flat)
        return float(bought["quantity"].sum())


@dataclass(frozen=True)
class Compared:
    """Rows of `trading.broker_balances`, `trading.broker_positions` and `trading.differences` of an answer."""

    balances: pl.DataFrame
    positions: pl.DataFrame
    differences: pl.DataFrame


def compare(
    opening: Opening,
    session: dt.date,
    said: Said,
    books: Books,
    expected_cash: float,
    before: tuple[pl.DataFrame, pl.DataFrame],
    tolerances: Tolerances,
    traded: Traded,
) -> Compared:
    """Return what a broker said, and what of it no fill explains.

    Parameters
    ----------
    opening, session
        Account, and the last session that is settled.
    said
        What the broker says.
    books
        Units by all of its fills on record.
    expected_cash
        Cash of the engine's account, at the prices and fees of the broker's fills.
    before
        Rows of `trading.broker_balances` and `trading.broker_positions` of the account.
    tolerances
        How far is no difference.
    traded
        What is known of its symbols.
    """
    same = {"strategy": opening.strategy, "account": opening.account, "session": session, "recorded_at": said.at}
    balances = before[0].filter(pl.col("recorded_at") == pl.col("recorded_at").max())
    positions = before[1].filter(pl.col("recorded_at").is_in(balances["recorded_at"].implode()))
    found: list[dict[str, Any]] = []
    gap = said.account.cash - expected_cash
    known = balances["known_gap"].item() if balances.height else gap
    if abs(gap - known) > tolerances.cash * opening.capital:
        detail = f"the broker has {gap - known:+.2f} {said.account.currency} that no fill, dividend or fee explains"
        found.append({"kind": "cash", "expected": expected_cash + known, "found": said.account.cash, "detail": detail})
        known = gap
    balance = {
        **same,
        "broker_account": said.account.account_id,
        "currency": said.account.currency,
        "cash": said.account.cash,
        "equity": said.account.equity,
        "expected_cash": expected_cash,
        "known_gap": known,
    }
    known_units = dict(positions.select("symbol", "known_gap").iter_rows())
    held, expected = {each.symbol: each for each in said.positions}, books.of_symbols()
    rows = []
    for symbol in sorted({*held, *expected, *(name for name, units in known_units.items() if units)}):
        units, should = held[symbol].quantity if symbol in held else 0.0, expected.get(symbol, 0.0)
        gap, known = units - should, known_units.get(symbol, 0.0)
        is_coin = symbol in traded.coins
        bought = max(abs(should), traded.bought_since_flat(symbol, before)) if is_coin else 0.0
        allowed = allowed_units(should, tolerances.units, bought)
        if symbol not in traded.awaited and abs(gap - known) > allowed:
            if abs(gap) > allowed:
                named = _named(should + known, units)
                found.append({"symbol": symbol, "expected": should + known, "found": units, **named})
            known = gap if abs(gap) > allowed else 0.0
        elif is_coin and not units:
            known = gap  # what fees have taken of what was held
        price = held[symbol].average_price if symbol in held else None
        rows.append(
            {
                **same,
                "symbol": symbol,
                "quantity": units,
                "average_price": price,
                "expected": should,
                "known_gap": known,
            }
        )
    for row in found:
        said_of_it = [opening.account, session, row["kind"], row.get("symbol"), row["expected"], row["found"]]
        row |= {"difference_id": digest(["asked", *said_of_it])[:16], "found_on": session}
        row |= {name: same[name] for name in ("strategy", "account", "session")}
    return Compared(
        BROKER_BALANCES.conform(pl.DataFrame([balance])),
        BROKER_POSITIONS.conform(pl.DataFrame(rows, schema=BROKER_POSITIONS.empty().schema)),
        DIFFERENCES.conform(pl.DataFrame(found, schema=DIFFERENCES.empty().schema)).sort(DIFFERENCES.key),
    )


def allowed_units(expected: float, tolerance: float, bought: float = 0.0) -> float:
    """Return by how many units a position may differ: of whole shares by none.

    Parameters
    ----------
    expected, tolerance
        Units, and the fraction of parts of a unit.
    bought
        Units of a coin whose fees may be missing, however many are left.

    Examples
    --------
    >>> allowed_units(100.0, 0.003) < 1e-6, allowed_units(0.5, 0.003), allowed_units(0.0, 0.003, bought=1.0)
    (True, 0.0015, 0.003)
    """
    rounding = _ROUNDING * max(1.0, abs(expected))
    parts = 0.0 if expected == round(expected) else abs(expected)
    return max(rounding, tolerance * max(parts, bought))


def held_at_most(held: Mapping[Leg, float], positions: Sequence[BrokerPosition]) -> dict[Leg, float]:
    """Return what can be left of each leg: never more than the broker says that is there of its symbol.

    Parameters
    ----------
    held
        Units by leg, by fills.
    positions
        What the broker says. Of two legs of a symbol the first one by its pair has first what is there.
    """
    there = {each.symbol: each.quantity for each in positions}
    found: dict[Leg, float] = {}
    for leg in sorted(held, key=lambda each: (each[0], each[1] or "")):
        units, left = held[leg], there.get(leg[0], 0.0)
        cut = max(0.0, min(units, left)) if units > 0 else min(0.0, max(units, left))
        there[leg[0]] = left - cut
        if cut:
            found[leg] = cut
    return found


def _named(expected: float, found: float) -> dict[str, str]:
    """Kind and words of units that no fill explains."""
    if expected and any(_is_split(expected, found, ratio) for ratio in _RATIOS):
        words = (
            f"the broker holds {found:g} where {expected:g} were: it has {found / expected:g} new units for each one"
        )
        return {"kind": "corporate_action", "detail": words}
    return {"kind": "units", "detail": f"the broker says that it holds {found:g}; by its fills it is {expected:g}"}


def _is_split(before: float, after: float, ratio: float) -> bool:
    """Whether units became others by a ratio, the fraction of a unit paid out or not."""
    exact = before * ratio
    is_whole = abs(before) >= _MANY and after == float(int(exact * (1.0 + _ROUNDING)))
    return bool(after) and (abs(after - exact) <= 1e-6 * abs(after) or is_whole)
