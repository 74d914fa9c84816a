"""Each session of an account at its broker: orders sent, the market opened, fills collected, differences named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.config.sections import Risk
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.reconciliation import quotes_of, reconcile
from trading_assets.trading.simulated_broker import SimulatedBroker
from trading_assets.trading.submission import collect_fills, submit
from trading_assets.trading.tables import DIFFERENCES, RECONCILIATIONS
from trading_assets.warehouse import Warehouse

#: Times that an order is sent again where the line was lost; then it is missed.
ATTEMPTS = 20


@dataclass(frozen=True)
class Settling:
    """What sessions are settled by.

    Attributes
    ----------
    configuration, risk
        Name of the configuration, and its limits.
    opening
        Account.
    sessions
        Sessions that the account has published, ascending.
    pending, sheets, engine_fills
        Rows of `trading.pending_orders`, `trading.order_sheets` and `trading.engine_fills` of the account.
    """

    configuration: str
    risk: Risk
    opening: Opening
    sessions: Sequence[dt.date]
    pending: pl.DataFrame
    sheets: pl.DataFrame
    engine_fills: pl.DataFrame

    def sheet_at(self, session: dt.date) -> pl.DataFrame:
        """Return the sheet that was made at a close; of one that was passed over by a run of several sessions, anew."""
        made = self.sheets.filter(session=session)
        if made.height:
            return made
        return order_sheet(self.configuration, self.pending.filter(session=session), self.risk)


def settle(
    warehouse: Warehouse,
    broker: SimulatedBroker,
    account: Settling,
    settled: dt.date | None,
    *,
    is_halted: Callable[[], bool],
    now: dt.datetime,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Settle every session after the last one that was.

    Parameters
    ----------
    warehouse, broker
        Where intents, answers and fills are written down, and the broker.
    account
        What is settled.
    settled
        Last session that was settled; None: none.
    is_halted
        Whether trading is halted: asked before each order.
    now
        Time of the records, UTC.

    Returns
    -------
    Rows of `trading.reconciliations` and of `trading.differences` of these sessions.
    """
    sheets, done, differences = [account.sheets.clear()], [RECONCILIATIONS.empty()], [DIFFERENCES.empty()]
    opening = account.opening
    for before, session in zip(account.sessions, account.sessions[1:], strict=False):
        sheets.append(account.sheet_at(before))
        if settled is not None and session <= settled:
            continue
        # An order waits over sessions of other calendars under one id.
        asked = pl.concat(sheets[-10:]).filter(for_session=session).unique("client_order_id", keep="last")
        for _ in range(ATTEMPTS):
            if not submit(warehouse, broker, asked, is_halted=is_halted, now=now).unanswered:
                break
        booked = account.engine_fills.filter(session=session)
        broker.open_session(session, quotes_of(booked))
        fills = collect_fills(warehouse, broker, opening.strategy, opening.account, now)
        found = reconcile(opening, session, asked, booked, broker.orders(), fills)
        row = {
            "strategy": opening.strategy,
            "account": opening.account,
            "session": session,
            "orders": asked.height,
            "fills": sum(fill.session == session for fill in fills),
            "differences": found.height,
        }
        done.append(RECONCILIATIONS.conform(pl.DataFrame([row])))
        differences.append(found)
    return pl.concat(done), pl.concat(differences)
