"""All that the warehouse knows about one trade, read in one place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets.backtests import tables as backtests
from trading_assets.config import Configuration
from trading_assets.config.sections import InstrumentCosts, Risk
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.lives import delivered_as
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, RAW_BARS, SESSIONS
from trading_assets.models.tables import CHAMPIONS, EXPLANATIONS, FOLDS, PREDICTIONS
from trading_assets.protocol.decisions import ACTIONS
from trading_assets.reports.trade_explanation.score_contributions import score_contributions
from trading_assets.strategies.tables import SIGNALS
from trading_assets.warehouse import Rows, Table, Warehouse

Row = dict[str, Any]

NEAREST_IDS = 3


class UnknownTradeError(LookupError):
    """No fill belongs to a trade of this id; the message names the nearest ids."""


@dataclass(frozen=True)
class TradeEvidence:
    """Rows of the tables that concern one trade, open or closed.

    Attributes
    ----------
    trade
        Row of `backtests.trades`; None while the position is open.
    position
        Row of `backtests.open_positions`; None once it is closed.
    fills, orders, decisions
        Rows of the trade: its fills in order of time, the orders that they fill, the decisions that gave these.
    same_opens
        Fills of its symbol at the sessions of its own fills, these included: what trades together is one order.
    considered
        All decisions at the close at which the entry was decided.
    while_held
        Decisions about its symbol (in its pair) from the entry to the exit.
    signals, indicators, raw_bars
        Rows of the sessions of `decisions`; `raw_bars` also of those of the fills.
    bars, quarantine, sessions
        Rows of the trade's symbol and calendar, from the first decision to the exit.
    prediction, champion, fold, explanations, features
        The model's score at the entry, who was champion then if it is one's, the fold that it is of, what its features
        weigh and their values then; None or empty where the strategy looks at no model.
    contributions
        What each feature's value added to this score, see `score_contributions`.
    """

    trade_id: str
    trade: Row | None
    position: Row | None
    fills: pl.DataFrame
    orders: pl.DataFrame
    decisions: pl.DataFrame
    same_opens: pl.DataFrame
    considered: pl.DataFrame
    while_held: pl.DataFrame
    signals: pl.DataFrame
    indicators: pl.DataFrame
    bars: pl.DataFrame
    raw_bars: pl.DataFrame
    quarantine: pl.DataFrame
    sessions: list[dt.date]
    prediction: Row | None
    champion: Row | None
    fold: Row | None
    explanations: pl.DataFrame
    features: Row
    contributions: pl.DataFrame
    risk: Risk
    costs: InstrumentCosts
    parameters: Row


def read_evidence(warehouse: Warehouse, configuration: Configuration, trade_id: str) -> TradeEvidence:
    """Read what concerns one trade.

    Parameters
    ----------
    warehouse, configuration
        Warehouse, and the configuration with the parameters of the strategy.
    trade_id
        Id of the trade, as in `backtests.trades`.

    Raises
    ------
    UnknownTradeError
        There is no such trade.
    MissingTableError
        No backtest has been run.
    """
    fills = warehouse.read(backtests.FILLS, where="trade_id = ?", parameters=[trade_id]).sort("session", "fill_id")
    if fills.is_empty():
        raise UnknownTradeError(_unknown(trade_id, nearest_ids(warehouse, trade_id)))
    strategy, split, symbol, pair_id = fills.select("strategy", "split", "symbol", "pair_id").row(0)
    run = Rows("strategy", strategy)

    def of_run(table: Table, condition: str, *parameters: object) -> pl.DataFrame:
        condition = f"split = ? AND ({condition})"
        return warehouse.read_or_empty(table, rows=run, where=condition, parameters=[split, *parameters])

    trade = of_run(backtests.TRADES, "trade_id = ?", trade_id)
    positions = of_run(backtests.OPEN_POSITIONS, "trade_id = ?", trade_id)
    orders = of_run(backtests.ORDERS, "list_contains(?, order_id)", fills["order_id"].unique().to_list())
    decisions = of_run(backtests.DECISIONS, "list_contains(?, decision_id)", orders["decision_id"].to_list())
    decisions = decisions.sort("session", "decision_id")
    decided = decisions["session"].to_list()
    first, last = decided[0], fills["session"][-1] if trade.height else dt.date.max
    of_symbol = _Reader(warehouse, symbol)
    instrument = of_symbol.rows(INSTRUMENTS)
    asset_class, calendar, ticker = instrument.select("asset_class", "calendar", delivered_as()).row(0)
    model = decisions["model"][0]
    prediction = _first(of_symbol.rows(PREDICTIONS, "model = ? AND session = ?", model, first)) if model else None
    fold = [model, prediction["fold"]] if prediction else []
    features = (_first(of_symbol.rows(DAILY, "session = ?", first)) or {}) if prediction else {}
    champion = _champion(warehouse, model, first) if prediction else None
    scored_by = {**prediction, "model": champion["candidate"]} if prediction and champion else prediction or {}
    settings = configuration.strategies[strategy].parameters
    return TradeEvidence(
        trade_id=trade_id,
        trade=_first(trade),
        position=_first(positions),
        fills=fills,
        orders=orders,
        decisions=decisions,
        same_opens=of_run(
            backtests.FILLS, "symbol = ? AND list_contains(?, session)", symbol, fills["session"].unique().to_list()
        ),
        considered=of_run(backtests.DECISIONS, "session = ? AND moment = 'close'", first),
        while_held=of_run(
            backtests.DECISIONS,
            "symbol = ? AND pair_id IS NOT DISTINCT FROM ? AND session BETWEEN ? AND ?",
            symbol,
            pair_id,
            fills["session"][0],
            last,
        ),
        signals=warehouse.read_or_empty(
            SIGNALS, rows=run, where="symbol = ? AND list_contains(?, session)", parameters=[symbol, decided]
        ),
        indicators=of_symbol.rows(INDICATORS, "list_contains(?, session)", decided),
        bars=of_symbol.rows(BARS, "session BETWEEN ? AND ?", first, last),
        raw_bars=_Reader(warehouse, ticker).rows(
            RAW_BARS, "list_contains(?, session)", [*decided, *fills["session"].to_list()]
        ),
        quarantine=of_symbol.rows(QUARANTINE, "session BETWEEN ? AND ?", first, last),
        sessions=warehouse.read_or_empty(
            SESSIONS, where="calendar = ? AND session BETWEEN ? AND ?", parameters=[calendar, first, last]
        )["session"].to_list(),
        prediction=prediction,
        champion=champion,
        fold=_first(warehouse.read_or_empty(FOLDS, where="model = ? AND fold = ?", parameters=fold)) if fold else None,
        explanations=warehouse.read_or_empty(EXPLANATIONS, where="model = ?", parameters=[model])
        if prediction
        else EXPLANATIONS.empty(),
        features=features,
        contributions=score_contributions(warehouse, configuration, scored_by, features),
        risk=configuration.risk,
        costs=configuration.costs.crypto if asset_class == "crypto" else configuration.costs.equity,
        parameters=settings if isinstance(settings, dict) else settings.model_dump(),
    )


def nearest_ids(warehouse: Warehouse, trade_id: str, count: int = NEAREST_IDS) -> list[str]:
    """Return the ids most like a given one, by the number of edits (Levenshtein 1966).

    Parameters
    ----------
    warehouse, trade_id
        Warehouse with the trades, and the id that is not there.
    count
        Ids at most.
    """
    found = warehouse.query(
        f"SELECT DISTINCT trade_id, levenshtein(trade_id, ?) AS edits FROM {backtests.FILLS.name}"
        " ORDER BY edits, trade_id LIMIT ?",
        [trade_id, count],
    )
    return found["trade_id"].to_list()


@dataclass(frozen=True)
class _Reader:
    """Rows of one symbol."""

    warehouse: Warehouse
    symbol: str

    def rows(self, table: Table, condition: str = "true", *parameters: object) -> pl.DataFrame:
        where = f"symbol = ? AND ({condition})"
        return self.warehouse.read_or_empty(table, where=where, parameters=[self.symbol, *parameters])


def _champion(warehouse: Warehouse, model: str, session: dt.date) -> Row | None:
    """The last decision on who is champion that had acted at a session: a person's word comes after a test."""
    rows = warehouse.read_or_empty(
        CHAMPIONS, where="model = ? AND session <= ? AND decision = 'champion'", parameters=[model, session]
    )
    return _first(rows.sort("session", pl.col("cause").is_in(ACTIONS)).tail(1))


def _first(rows: pl.DataFrame) -> Row | None:
    return rows.row(0, named=True) if rows.height else None


def _unknown(trade_id: str, nearest: Sequence[str]) -> str:
    ids = "\n".join(f"    {each}" for each in nearest) or "    (there is no trade)"
    return (
        f"no trade {trade_id!r}\n  nearest:\n{ids}\n"
        '  what to do: trading-assets sql "SELECT trade_id FROM backtests.trades"'
    )
