"""Each session of an account at its broker: the market opened, fills collected, books compared, differences named.

What waits at the last close is sent when its sheet is made. A session that a run passes over had no sheet: it is made
and sent here before the simulated market opens, by what stood at its evening. A sheet that was made then is never sent
afterwards: what did not reach the broker before the open is missed.

The sessions of a real broker pass by themselves: nothing is sent for one that has been, fills are collected, and what
the account holds is asked (`brokers/asked.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from trading_assets.config.sections import Risk
from trading_assets.config.trading import Trading
from trading_assets.trading.broker_books import Books, Trade, books_on_record, pairs_on_record, ratios_at
from trading_assets.trading.brokers.port import Broker, BrokerFill
from trading_assets.trading.brokers.session_opens import session_opens
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.left_over import expected_of_left_over, sent_left_over
from trading_assets.trading.opening import SIMULATED, Opening
from trading_assets.trading.order_sheet import order_sheet
from trading_assets.trading.reconciliation import BothBooks, Exactness, exactness_of, reconcile
from trading_assets.trading.rollout.sending import AtFull, StageOf, send_by_stage
from trading_assets.trading.rollout.tables import FULL
from trading_assets.trading.rollout.withheld import Parting, Withheld, parted
from trading_assets.trading.submission import INTENDED, units_sent
from trading_assets.trading.tables import DIFFERENCES, ORDER_SHEETS, RECONCILIATIONS, SUBMISSIONS
from trading_assets.warehouse import Rows, Warehouse

#: Evenings at which an order may have been sent for a session: it waits over sessions of other calendars.
_EVENINGS = 10


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
    splits
        symbol, session, split_ratio of the splits since its opening.
    verdict_stands
        Whether there is a verdict of what is registered now.
    differs
        Whether a difference stands that nobody has accepted.
    trading
        Section of the configuration.
    rollout
        By which stages sheets were made and are made.
    plans
        Rows of `trading.closing_plans` of the account.
    opens
        Opens of what was left over, by symbol and session: what a simulated broker fills it at.
    """

    configuration: str
    risk: Risk
    opening: Opening
    sessions: Sequence[dt.date]
    pending: pl.DataFrame
    sheets: pl.DataFrame
    engine_fills: pl.DataFrame
    splits: pl.DataFrame
    verdict_stands: bool
    differs: bool
    trading: Trading = field(default_factory=Trading)
    rollout: StageOf = field(default_factory=AtFull)
    plans: pl.DataFrame = field(default_factory=CLOSING_PLANS.empty)
    opens: Mapping[tuple[str, dt.date], float] = field(default_factory=dict)

    @property
    def exactness(self) -> Exactness:
        """How far the broker may be from the engine."""
        return exactness_of(self.trading, self.opening, self.pending)

    def sheet_at(
        self, session: dt.date, books: Books, *, differs: bool, withheld: Withheld | None = None
    ) -> pl.DataFrame:
        """Return the sheet of a close by what is published.

        Parameters
        ----------
        session, books
            Session that has closed, and what the broker holds then.
        differs
            Whether a difference stands.
        withheld
            What the stage of the rollout withholds; None: nothing.
        """
        apart = withheld or Withheld()
        sheet = order_sheet(
            self.configuration,
            self.pending.filter(session=session),
            self.risk,
            held=books.held,
            entries_blocked_by=block_of_entries(verdict_stands=self.verdict_stands, differs=differs),
            trading=self.trading,
            withheld=apart.orders,
            units_withheld=apart.units,
            plan=self.plans.filter(session=session),
        )
        return apart.leave(sheet)


def block_of_entries(*, verdict_stands: bool, differs: bool) -> str | None:
    """Return what stops every entry; None: nothing does."""
    if not verdict_stands:
        return "verdict"
    return "difference" if differs else None


def settle(
    warehouse: Warehouse,
    broker: Broker,
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
    done, differences = [RECONCILIATIONS.empty()], [DIFFERENCES.empty()]
    opening, sessions = account.opening, account.sessions
    first = max(1, 0 if settled is None else sum(session <= settled for session in sessions))
    opens = session_opens(warehouse, broker, opening, is_halted=is_halted, now=now, prices=account.opens)
    sent_by_now = partial(units_sent, warehouse, opening)
    parting = Parting(account.configuration, opening, account.pending, sent_by_now())
    stages = account.rollout.on_record()
    of_sent, withheld = parted(parting, sessions[:first], stages, account.splits, account.engine_fills)
    both = _books_at(warehouse, account, sessions[:first], of_sent)
    made = {*account.sheets["session"], *account.rollout.made()}  # by the record, whatever becomes of the table
    # An order waits over sessions of other calendars under one id.
    waiting = [
        account.sheet_at(each, both.broker, differs=False, withheld=withheld[each])
        for each in sessions[max(0, first - _EVENINGS) : first - 1]
    ]
    differs, exact = account.differs, account.exactness
    for before, session in zip(sessions[first - 1 :], sessions[first:], strict=False):
        make = partial(account.sheet_at, before, both.broker, differs=differs)
        send = partial(opens.send, over=dt.date.max if before in made else before)
        made_at = stages.get(before, FULL) if before in made else None
        sheet, _ = send_by_stage(account.rollout, parting, before, make, send, units_sent=sent_by_now, made_at=made_at)
        waiting = [*waiting, sheet][-_EVENINGS:]
        asked = pl.concat(waiting).filter(for_session=session).unique("client_order_id", keep="last")
        rest = _rest_sent(warehouse, account, session, asked)
        asked = pl.concat([asked, rest])
        booked, ratios = account.engine_fills.filter(session=session), ratios_at(account.splits, session)
        opened = opens.open(session, _as_sent(warehouse, account, asked), booked, ratios)
        booked = parting.open(ratios, booked)  # what is withheld is nothing that the broker is held to
        both = both.after(ratios, _told(warehouse, opening, opened.fills, session), booked)
        prices = expected_of_left_over(
            rest, account.opens, account.engine_fills, is_simulated=opening.broker == SIMULATED
        )
        found = reconcile(
            opening, session, opened.asked, booked, opened.orders, opened.fills, both, exact, left_over=prices
        )
        differs = differs or not found.is_empty()
        row = {
            "strategy": opening.strategy,
            "account": opening.account,
            "session": session,
            "orders": asked.height,
            "fills": sum(fill.session == session for fill in opened.fills),
            "differences": found.height,
        }
        done.append(RECONCILIATIONS.conform(pl.DataFrame([row])))
        differences.append(found)
    return pl.concat(done), pl.concat(differences)


def _rest_sent(warehouse: Warehouse, account: Settling, session: dt.date, asked: pl.DataFrame) -> pl.DataFrame:
    """Lines for what was left over that were sent for a session, by what is on record: no sheet is asked."""
    evenings, known = [each for each in account.sessions if each < session], list(asked["client_order_id"])
    rows = Rows("strategy", account.opening.strategy)
    sent = warehouse.read_or_empty(SUBMISSIONS, rows=rows).filter(account=account.opening.account, for_session=session)
    if sent.filter(~pl.col("client_order_id").is_in(known)).is_empty():
        return ORDER_SHEETS.empty()
    names = (account.configuration, account.opening, account.pending, warehouse, evenings[-_EVENINGS:])
    return sent_left_over(*names, known=known, marketable=account.trading.marketable).filter(for_session=session)


def _books_at(
    warehouse: Warehouse, account: Settling, sessions: Sequence[dt.date], engine_fills: pl.DataFrame
) -> BothBooks:
    """Both books after the sessions that were settled."""
    names = (account.opening.strategy, account.opening.account)
    broker, engine = books_on_record(warehouse, *names, sessions, account.splits, engine_fills)
    is_sized_at_open = account.pending["target_weight"].is_not_null().any()
    return BothBooks(engine, broker, {}, 0.0, is_sized_at_open)


def _told(warehouse: Warehouse, opening: Opening, fills: Iterable[BrokerFill], session: dt.date) -> list[Trade]:
    """Trades of a session as a broker told them, each under the leg that its order was for."""
    own = [fill for fill in fills if fill.session == session]
    pairs = dict(pairs_on_record(warehouse, opening.strategy, opening.account).iter_rows()) if own else {}
    return [
        Trade(
            (fill.symbol, pairs.get(fill.client_order_id)),
            fill.quantity if fill.side == "buy" else -fill.quantity,
            fill.price,
            fill.fee,
        )
        for fill in own
    ]


def _as_sent(warehouse: Warehouse, account: Settling, asked: pl.DataFrame) -> pl.DataFrame:
    """Orders with the units that were sent, and with the words of the sheet that stopped the others.

    Only the words are the sheet's: what was published and what is on record as sent are not to be edited by it.
    """
    rows = Rows("strategy", account.opening.strategy)
    sent = warehouse.read_or_empty(SUBMISSIONS, rows=rows).filter(account=account.opening.account, event=INTENDED)
    sent = sent.select("client_order_id", sent="quantity")
    said = account.sheets.sort("session").unique("client_order_id", keep="last", maintain_order=True)
    said = said.filter(status="blocked").select("client_order_id", said="blocked_by")
    joined = asked.join(sent, on="client_order_id", how="left").join(said, on="client_order_id", how="left")
    return joined.with_columns(
        quantity=pl.coalesce("sent", "quantity"),
        blocked_by=pl.when(pl.col("sent").is_null()).then(pl.coalesce("said", "blocked_by")),
    ).select(list(ORDER_SHEETS.columns))
