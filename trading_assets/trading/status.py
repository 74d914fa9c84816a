"""How running accounts stand: from what is on record of their openings, and what was published since."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.tables import INSTRUMENTS
from trading_assets.protocol import Protocol
from trading_assets.trading.closing.close import account_state
from trading_assets.trading.closing.record import closing_of
from trading_assets.trading.differences_on_record import differences_on_record, not_accepted
from trading_assets.trading.divergence.tables import SLIPPAGE
from trading_assets.trading.opening import assert_strategy, open_accounts, openings_on
from trading_assets.trading.rollout.stages import broker_now, strategy_stage
from trading_assets.trading.tables import EQUITY, ORDER_SHEETS, PENDING_ORDERS
from trading_assets.warehouse import Warehouse

_SCHEMA: dict[str, type[pl.DataType]] = {
    "account": pl.String,
    "label": pl.String,
    "opened_on": pl.Date,
    "capital": pl.Float64,
    "by": pl.String,
    "state": pl.String,
    "stage": pl.String,
    "last_session": pl.Date,
    "equity": pl.Float64,
    "drawdown": pl.Float64,
    "positions": pl.Int64,
    "waiting_orders": pl.Int64,
    "differences": pl.Int64,
}


def account_status(warehouse: Warehouse, configuration: Configuration, strategy: str | None = None) -> pl.DataFrame:
    """Return a row for each account.

    Parameters
    ----------
    warehouse, configuration
        Warehouse and configuration of the accounts.
    strategy
        Name of one strategy; None: all.

    Returns
    -------
    DataFrame
        account, label, opened_on, capital, by, state (open, closing, closed, ended), stage (of the rollout; null of one
        that is ended), last_session (null before the first, as the following), equity, drawdown, positions,
        waiting_orders, differences (that nobody has accepted).

    Raises
    ------
    ConfigurationError
        There is no such strategy.
    """
    names = _named(configuration, strategy)
    records = Protocol.of(configuration).read()
    with warehouse.held_open() as held:
        equity, pending = (held.read_or_empty(each) for each in (EQUITY, PENDING_ORDERS))
    rows = []
    for name in names:
        openings = openings_on(records, configuration.name, name)
        stage = strategy_stage(records, configuration.name, name, broker_now(configuration, records, name))
        standing = not_accepted(differences_on_record(records, configuration.name, name))
        for opening in openings:
            closing = closing_of(records, configuration.name, opening.account)
            last = equity.filter(account=opening.account).sort("session").tail(1)
            closed = last.to_dicts()[0] if last.height else {}
            day = closed.get("session")
            orders = pending.filter(account=opening.account, session=day) if day else pending.clear()
            rows.append(
                {
                    "account": opening.account,
                    "label": opening.label,
                    "opened_on": opening.session,
                    "capital": opening.capital,
                    "by": opening.by,
                    "state": account_state(opening, openings, closing, equity.filter(account=opening.account)),
                    "stage": stage if opening is openings[-1] else None,
                    "last_session": day,
                    **{column: closed.get(column) for column in ("equity", "drawdown", "positions")},
                    "waiting_orders": orders.height if day else None,
                    "differences": standing.filter(account=opening.account).height,
                }
            )
    return pl.DataFrame(rows, schema=_SCHEMA)


def sheets(
    warehouse: Warehouse, configuration: Configuration, strategy: str | None = None, for_session: dt.date | None = None
) -> pl.DataFrame:
    """Return the order sheets of open accounts.

    Parameters
    ----------
    warehouse, configuration
        Warehouse and configuration of the accounts.
    strategy
        Name of one strategy; None: all.
    for_session
        Session that the orders are for; None: the sheet of each account's last session.

    Returns
    -------
    DataFrame
        Rows of `trading.order_sheets`.

    Raises
    ------
    ConfigurationError
        There is no such strategy.
    """
    names, opened = _named(configuration, strategy), open_accounts(configuration)
    accounts = [opened[name].account for name in names if name in opened]
    with warehouse.held_open() as held:
        rows, equity = (held.read_or_empty(each) for each in (ORDER_SHEETS, EQUITY))
    own = rows.filter(pl.col("account").is_in(accounts))
    if for_session is not None:
        return own.filter(for_session=for_session)
    last = equity.group_by("account").agg(session=pl.col("session").max())
    return own.join(last, on=["account", "session"], how="semi", maintain_order="left")


def fills_of_account(
    warehouse: Warehouse, configuration: Configuration, strategy: str
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return what the fills of the open account of a strategy cost, and the asset class of each symbol.

    Parameters
    ----------
    warehouse, configuration
        Warehouse and configuration of the account.
    strategy
        Name of the strategy.

    Returns
    -------
    Rows of `trading.slippage`, none where no account is open, and asset classes by symbol.

    Raises
    ------
    ConfigurationError
        There is no such strategy.
    """
    assert_strategy(configuration, strategy)
    opened = open_accounts(configuration).get(strategy)
    with warehouse.held_open() as held:
        slippage, instruments = (held.read_or_empty(each) for each in (SLIPPAGE, INSTRUMENTS))
    account = "" if opened is None else opened.account
    return slippage.filter(account=account), dict(instruments.select("symbol", "asset_class").iter_rows())


def _named(configuration: Configuration, strategy: str | None) -> list[str]:
    names = list(configuration.strategies)
    if strategy is None:
        return names
    assert_strategy(configuration, strategy)
    return [strategy]
