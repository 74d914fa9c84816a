"""A running account, session by session: the engine of the backtest goes on from the state of the evening before.

What a session publishes is made at its close and stays. The account is also replayed from its opening on the bars as
they are now: where that gives another equity for a published session, a bar was revised, and the difference is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.simulate import Simulation
from trading_assets.backtests.inputs.axis_labels import named
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.running_backtest import RunningBacktest, SavedBacktest
from trading_assets.config.canonical import digest
from trading_assets.trading.closing.plan import left_from, plans_at
from trading_assets.trading.closing.record import Closing, is_left
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.divergence.modelled_slippage import with_modelled_slippage
from trading_assets.trading.opening import Opening
from trading_assets.trading.pending_orders import Close, days_of, pending_orders
from trading_assets.trading.session_times import sessions_over
from trading_assets.trading.tables import DIFFERENCES, ENGINE_FILLS, EQUITY, HOLDINGS, PENDING_ORDERS
from trading_assets.warehouse import Table


@dataclass(frozen=True)
class Continued:
    """What an account has to say after some more sessions.

    Attributes
    ----------
    rows
        Rows of the sessions that were added, by table.
    differences
        Rows of `trading.differences`: what a replay on today's bars has otherwise.
    saved
        What the next session goes on from; None before the first.
    """

    rows: dict[Table, pl.DataFrame]
    differences: pl.DataFrame
    saved: SavedBacktest | None


class AccountAheadError(Exception):
    """An account has published a session that the bars do not reach any more."""


def continue_account(
    opening: Opening,
    prepared: PreparedBacktest,
    saved: SavedBacktest | None,
    published: pl.DataFrame,
    closing: Closing | None = None,
) -> Continued:
    """Run an account to the last session of its market that has come in.

    Parameters
    ----------
    opening
        Account.
    prepared
        Backtest of its strategy, on the bars as they are now.
    saved
        State at the last close that is published; None: nothing is.
    published
        Rows of `trading.equity` of the account.
    closing
        From when on it is left; None: it is not. Nothing is added to it after the close at which it holds nothing.

    Raises
    ------
    AccountAheadError
        The bars end before the last session that is published.
    NotContinuableError
        What is held is not in the market any more, or the calendar has changed.
    """
    prepared = with_capital(prepared, opening.capital)
    if closing is not None:
        prepared = left_from(prepared, closing.acts_from)
    finished = finished_sessions(prepared)
    sessions = [day for day in finished if day >= opening.session]
    last = None if saved is None else saved.sessions[-1]
    if last is not None and (not sessions or sessions[-1] < last):
        end = finished[-1] if finished else "no session"
        raise AccountAheadError(
            f"{opening.account} has published {last}, and the bars end on {end}\n"
            "  expected: bars up to there\n  what to do: go back to the as_of and the sources of the last run"
        )
    if not sessions:
        return Continued({}, DIFFERENCES.empty(), None)
    split = opening.account.removeprefix(f"{opening.strategy}-")
    running = RunningBacktest(prepared, sessions[0], split=split, saved=saved)
    closes, leaving = list[Close](), list[tuple[dt.date, Simulation]]()
    is_over = closing is not None and is_left(closing, published)
    for day in sessions:
        if is_over or (last is not None and day <= last):
            continue
        running.advance(day)
        found = running.simulation()
        closes.append(Close(day, found.positions_at_end, found.orders_at_end, running.is_halted))
        if closing is not None and day >= closing.acts_from:
            leaving.append((day, found))
            is_over = not found.positions_at_end.size
    replayed, differences = None, DIFFERENCES.empty()
    if saved is not None:
        replay, until = RunningBacktest(prepared, sessions[0], split=split), closes[-1].session if closes else last
        assert until is not None
        replay.advance(until)
        replayed = replay.result().equity
        differences = revised(opening, published, replayed, until)
    rows = {}
    if closes:
        result = running.result()
        planned = plans_at(prepared, result.names, leaving)
        rows = _rows(opening, prepared, result, closes, replayed) | {
            CLOSING_PLANS: _own(opening, planned, CLOSING_PLANS)
        }
    return Continued(rows, differences, running.save() if closes else saved)


def finished_sessions(prepared: PreparedBacktest) -> list[dt.date]:
    """Return the sessions of a market up to the last one that every calendar of it has bars of.

    A session is not decided while a market that it belongs to, or that was due before it, has sent nothing: its bars
    are late, or the day is not over there. A calendar of which nothing comes for as long as a symbol is given before it
    counts as delisted is waited for no longer.
    """
    market, sessions = prepared.market, prepared.axes.sessions
    names, stop = np.array(prepared.axes.calendars), len(sessions)
    for calendar in sorted(set(prepared.axes.calendars)):
        own = names == calendar
        received = np.flatnonzero((~np.isnan(market.close[:, own])).any(axis=1))
        due = np.flatnonzero(market.expected[:, own].any(axis=1))
        late = due[due > received[-1]] if received.size else due[:0]
        if 0 < late.size < prepared.settings.delisting_sessions:
            stop = min(stop, int(late[0]))
    return sessions[:stop]


def with_capital(prepared: PreparedBacktest, capital: float) -> PreparedBacktest:
    """Return the backtest of an account that begins with another equity."""
    return replace(prepared, settings=prepared.settings._replace(starting_equity=capital))


def revised(opening: Opening, published: pl.DataFrame, replayed: pl.DataFrame, found_on: dt.date) -> pl.DataFrame:
    """Return a difference if a replay has another past than the replay that was published with it; no row if not.

    A replay of today is held to what a replay had at each session on the evening that it was published. So a revision
    is one difference, however long the account goes on, and another one after it is another, accepted or not.

    Parameters
    ----------
    opening, published
        Account, and its rows of `trading.equity`.
    replayed
        session, equity of the account as it would have been on today's bars.
    found_on
        Last session that is published.
    """
    both = published.select("session", "equity", "replay_equity").join(
        replayed.select("session", replayed="equity"), on="session", how="left", maintain_order="left"
    )
    other = both.filter(pl.col("replay_equity").ne_missing(pl.col("replayed")))
    if other.is_empty():
        return DIFFERENCES.empty()
    session, equity, before, found = other.row(0)
    count = f"in {other.height} of {both.height} sessions"
    earlier = "" if before == equity else f", a replay before had {before:.10g}"
    row = {
        "strategy": opening.strategy,
        "account": opening.account,
        "difference_id": digest(["revision", opening.account, other.rows()])[:16],
        "kind": "revision",
        "session": session,
        "expected": equity,
        "found": found,
        "detail": f"on today's bars the account differs from {session} on, {count}{earlier}",
        "found_on": found_on,
    }
    return DIFFERENCES.conform(pl.DataFrame([row]))


def _rows(
    opening: Opening, prepared: PreparedBacktest, result: Result, closes: list[Close], replayed: pl.DataFrame | None
) -> dict[Table, pl.DataFrame]:
    """Rows of the sessions of `closes`, which are the last ones of the run; it is itself the first replay."""
    first = closes[0].session
    equity = result.equity.filter(pl.col("session") >= first)
    fills = result.fills.filter(pl.col("session") >= first)
    replay = (result.equity if replayed is None else replayed).select("session", replay_equity="equity")
    marked = _equity(opening, equity, fills, closes, prepared.axes.calendars)
    marks = [
        marked.join(replay, on="session", how="left", maintain_order="left"),
        _holdings(opening, result, equity, closes),
    ]
    found = {
        **dict(zip((EQUITY, HOLDINGS), marks, strict=True)),
        ENGINE_FILLS: with_modelled_slippage(fills, prepared),
        PENDING_ORDERS: pending_orders(prepared, result, closes),
    }
    return {table: _own(opening, rows, table) for table, rows in found.items()}


def _own(opening: Opening, rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows of a table under the names of an account."""
    own = {"strategy": pl.lit(opening.strategy), "account": pl.lit(opening.account), "label": pl.lit(opening.label)}
    rows = rows.with_columns(**own)
    declared = rows.select(name for name in table.columns if name in rows.columns)
    return table.conform(declared).fill_nan(None).sort(table.key)


def _equity(
    opening: Opening, equity: pl.DataFrame, fills: pl.DataFrame, closes: list[Close], of_calendars: Sequence[str]
) -> pl.DataFrame:
    slipped = (pl.col("price") - pl.col("raw_price")).abs() * pl.col("quantity")
    costs = fills.group_by("session", maintain_order=True).agg(costs=(slipped + pl.col("fee")).sum())
    halted = pl.Series([close.is_halted for close in closes])
    return equity.join(costs, on="session", how="left", maintain_order="left").with_columns(
        pl.col("costs").fill_null(0.0),
        halted=halted,
        replayed=_over(of_calendars, equity["session"]) <= opening.recorded_at,
    )


def _over(of_calendars: Sequence[str], sessions: pl.Series) -> pl.Series:
    """When each session is over, UTC."""
    over = sessions_over(of_calendars, sessions.to_list()[0], sessions.to_list()[-1])
    return pl.DataFrame(sessions).join(over, on="session", how="left", maintain_order="left")["over"]


def _holdings(opening: Opening, result: Result, equity: pl.DataFrame, closes: list[Close]) -> pl.DataFrame:
    held = np.concatenate([close.held for close in closes])
    names = result.names
    rows = pl.DataFrame(
        {
            "session": days_of(closes, [close.held.size for close in closes]),
            "symbol": named(names.axes.symbols, held["symbol"]),
            "pair_id": named(names.pairs, held["pair_index"]),
            "entry_session": named(names.axes.sessions, held["entry_session"], pl.Date),
            "stop_price": np.where(held["stop"] > 0, held["stop"], np.nan),
            "trade_id": named(result.journal.trade_ids.to_list(), held["round_trip"]),
            **{name: np.ascontiguousarray(held[name]) for name in ("quantity", "mark", "entry_price")},
        }
    )
    rows = rows.join(equity.select("session", "equity"), on="session", how="left", maintain_order="left")
    value, equity_then = (rows["quantity"] * rows["mark"]).to_numpy(), rows["equity"].to_numpy()
    # By NumPy: Polars multiplies by the reciprocal of what is one number for all rows, which is off by a bit.
    weight = np.divide(value, equity_then, out=np.full(rows.height, np.nan), where=equity_then > 0)
    return rows.with_columns(weight=pl.Series(weight))
