"""A running account, session by session: the engine of the backtest goes on from the state of the evening before.

What a session publishes is made at its close and stays. The account is also replayed from its opening on the bars as
they are now: where that gives another equity for a published session, a bar was revised, and the difference is named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from trading_assets.backtests.backtest import PreparedBacktest
from trading_assets.backtests.engine.dtypes import RecordArray
from trading_assets.backtests.engine.transaction_costs import fee_rate
from trading_assets.backtests.inputs.axis_labels import named
from trading_assets.backtests.results.liquidation_plan import mean_bps
from trading_assets.backtests.results.run_tables import Result
from trading_assets.backtests.running_backtest import RunningBacktest, SavedBacktest
from trading_assets.config.canonical import digest
from trading_assets.market_data import calendars
from trading_assets.trading.opening import Opening
from trading_assets.trading.tables import DIFFERENCES, ENGINE_FILLS, EQUITY, HOLDINGS, PENDING_ORDERS
from trading_assets.warehouse import Table

_OF_ORDER = ("order_id", "decision_id", "symbol", "pair_id", "side", "quantity", "decision_session")
#: Columns of a decision that its order says: the numbers behind it.
_OF_DECISION = (
    "reason",
    "stop_price",
    "stop_distance",
    "capacity_limit",
    "gross_room",
    "value_at_risk",
    "score",
    "target_weight",
    "limited_by",
    "detail",
)


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


@dataclass(frozen=True)
class _Close:
    """Positions and orders at the close of a session."""

    session: dt.date
    held: RecordArray
    orders: RecordArray
    is_halted: bool


class AccountAheadError(Exception):
    """An account has published a session that the bars do not reach any more."""


def continue_account(
    opening: Opening, prepared: PreparedBacktest, saved: SavedBacktest | None, published: pl.DataFrame
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

    Raises
    ------
    AccountAheadError
        The bars end before the last session that is published.
    NotContinuableError
        What is held is not in the market any more, or the calendar has changed.
    """
    prepared = with_capital(prepared, opening.capital)
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
    new = [day for day in sessions if last is None or day > last]
    closes = []
    for day in new:
        running.advance(day)
        found = running.simulation()
        closes.append(_Close(day, found.positions_at_end, found.orders_at_end, running.is_halted))
    replayed, differences = None, DIFFERENCES.empty()
    if saved is not None:
        replay = RunningBacktest(prepared, sessions[0], split=split)
        replay.advance(sessions[-1])
        replayed = replay.result().equity
        differences = revised(opening, published, replayed, sessions[-1])
    rows = _rows(opening, prepared, running.result(), closes, replayed) if new else {}
    return Continued(rows, differences, running.save() if new else saved)


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
    opening: Opening, prepared: PreparedBacktest, result: Result, closes: list[_Close], replayed: pl.DataFrame | None
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
        ENGINE_FILLS: fills,
        PENDING_ORDERS: _pending(prepared, result, closes),
    }
    own = {"strategy": pl.lit(opening.strategy), "account": pl.lit(opening.account), "label": pl.lit(opening.label)}
    return {table: _finished(rows.with_columns(**own), table) for table, rows in found.items()}


def _finished(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    declared = rows.select(name for name in table.columns if name in rows.columns)
    return table.conform(declared).fill_nan(None).sort(table.key)


def _equity(
    opening: Opening, equity: pl.DataFrame, fills: pl.DataFrame, closes: list[_Close], of_calendars: Sequence[str]
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
    """When each session is over on every one of some calendars, UTC."""
    first, last = sessions.to_list()[0], sessions.to_list()[-1]
    spans = pl.concat(calendars.session_spans(each, first, last) for each in sorted(set(of_calendars)))
    over = spans.group_by("session").agg(pl.col("over").max().dt.replace_time_zone(None))
    return pl.DataFrame(sessions).join(over, on="session", how="left", maintain_order="left")["over"]


def _holdings(opening: Opening, result: Result, equity: pl.DataFrame, closes: list[_Close]) -> pl.DataFrame:
    held = np.concatenate([close.held for close in closes])
    names = result.names
    rows = pl.DataFrame(
        {
            "session": _days(closes, [close.held.size for close in closes]),
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


def _pending(prepared: PreparedBacktest, result: Result, closes: list[_Close]) -> pl.DataFrame:
    """Orders that waited at each close: entries and weights of the queue, and exits of what is held."""
    parts = [_waiting(close) for close in closes]
    numbers = np.concatenate([part["decision"] for part in parts])
    quantities = np.concatenate([part["quantity"] for part in parts])
    columns = np.concatenate([part["symbol"] for part in parts])
    names, journal = result.names, result.journal
    waiting = pl.DataFrame(
        {
            "session": _days(closes, [part["decision"].size for part in parts]),
            "order_id": named(journal.order_ids.to_list(), numbers),
            "now": pl.Series(quantities).fill_nan(None),
            "column": columns,
            "calendar": named(names.axes.calendars, columns),
            "asset_class": named(names.axes.asset_classes, columns),
        }
    )
    decided = result.decisions.select(
        "decision_id",
        "decision",
        "reason",
        "stop_price",
        "stop_distance",
        "capacity_limit",
        "gross_room",
        "value_at_risk",
        "score",
        "target_weight",
        "limited_by",
        "detail",
    )
    orders = result.orders.select(
        "order_id", "decision_id", "symbol", "pair_id", "side", "quantity", "decision_session"
    )
    rows = waiting.join(orders, on="order_id", how="left", maintain_order="left").join(
        decided, on="decision_id", how="left", maintain_order="left"
    )
    rows = rows.with_columns(
        quantity=pl.coalesce("now", "quantity"), entry=pl.col("decision") == "enter", equity=_equity_at(rows, result)
    )
    rows = rows.hstack(_bars_of(prepared, rows))
    away = pl.when(pl.col("side") == "buy").then(-1).otherwise(1) * pl.col("stop_distance")
    rows = rows.with_columns(stop_price=pl.coalesce("stop_price", pl.col("close") + away))
    return rows.hstack(_expected_costs(prepared, rows))


def _waiting(close: _Close) -> dict[str, Any]:
    """Number of the decision, column and size of each order; NaN where the decision alone knows the size."""
    leaving = close.held[close.held["exit_reason"] >= 0]
    entries = close.orders["quantity"]
    return {
        "decision": np.concatenate([leaving["exit_decision"], close.orders["decision"]]),
        "symbol": np.concatenate([leaving["symbol"], close.orders["symbol"]]),
        "quantity": np.concatenate([np.abs(leaving["quantity"]), np.where(entries > 0, entries, np.nan)]),
    }


def _days(closes: list[_Close], counts: list[int]) -> pl.Series:
    days = [close.session for close, count in zip(closes, counts, strict=True) for _ in range(count)]
    return pl.Series(days, dtype=pl.Date)


def _equity_at(rows: pl.DataFrame, result: Result) -> pl.Series:
    known = result.equity.select("session", "equity")
    return rows.select("session").join(known, on="session", how="left", maintain_order="left")["equity"]


def _bars_of(prepared: PreparedBacktest, rows: pl.DataFrame) -> pl.DataFrame:
    """Last close by each session, the one before it, and the session of its bar."""
    sessions, closes = prepared.axes.sessions, prepared.market.close
    found = []
    for day, column in rows.select("session", "column").iter_rows():
        known = np.flatnonzero(~np.isnan(closes[: sessions.index(day) + 1, column]))[-2:]
        last = known[-1] if known.size else None
        found.append(
            (
                None if last is None else float(closes[last, column]),
                float(closes[known[0], column]) if known.size > 1 else None,
                None if last is None else sessions[last],
            )
        )
    schema = {"close": pl.Float64, "previous_close": pl.Float64, "last_bar": pl.Date}
    return pl.DataFrame(found, schema=schema, orient="row")


def _expected_costs(prepared: PreparedBacktest, rows: pl.DataFrame) -> pl.DataFrame:
    """Mean slippage and fee of each order under the conditions of the session that it waits at."""
    columns = rows["column"].to_numpy().astype(np.int64)
    notional = rows.select(pl.col("quantity") * pl.col("close")).to_series().fill_null(0.0).to_numpy().copy()
    bps, sessions = np.zeros(rows.height), rows["session"]
    for day in sessions.unique():
        of_day = np.flatnonzero((sessions == day).to_numpy())
        costs = np.empty(of_day.size)
        mean_bps(
            prepared.axes.sessions.index(day),
            np.ascontiguousarray(columns[of_day]),
            np.ascontiguousarray(notional[of_day]),
            prepared.market,
            prepared.run_parameters,
            prepared.settings,
            costs,
        )
        bps[of_day] = costs
    fees = np.array([fee_rate(prepared.market.fee_bps[i], prepared.run_parameters[0]) for i in columns])
    cost = np.where(notional > 0, notional * (bps / 1e4 + fees), np.nan)
    return pl.DataFrame({"expected_slippage_bps": bps, "expected_cost": cost}).fill_nan(None)
