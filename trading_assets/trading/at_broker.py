"""The two steps of an account at its broker: what became of the sessions that were, and what is sent for the next."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.trading.audit_trail.trail import enter
from trading_assets.trading.broker_books import books_on_record
from trading_assets.trading.brokers.account_at_broker import (
    answer_of,
    held_there,
    keep_answer,
    lateness,
)
from trading_assets.trading.brokers.connect import broker_of
from trading_assets.trading.brokers.port import REJECTED
from trading_assets.trading.closing.tables import CLOSING_PLANS
from trading_assets.trading.halt import is_halted
from trading_assets.trading.latency import latencies
from trading_assets.trading.left_over_of_account import Trades, left_over, opens_of_left_over
from trading_assets.trading.of_account import (
    assert_same_plan,
    is_differing,
    openings_of,
    splits_since,
    verdict_stands,
    with_new_differences,
)
from trading_assets.trading.opening import (
    SIMULATED,
)
from trading_assets.trading.order_sheet import order_sheet, write_csv
from trading_assets.trading.published import read_published
from trading_assets.trading.rollout.sending import AccountStage, IsWithheld, send_by_stage
from trading_assets.trading.rollout.withheld import Parting, Withheld, parted
from trading_assets.trading.settlement import Settling, block_of_entries, settle
from trading_assets.trading.submission import Submitted, submit_until_answered, units_sent
from trading_assets.trading.tables import (
    DIFFERENCES,
    ENGINE_FILLS,
    EQUITY,
    LATENCIES,
    ORDER_SHEETS,
    PENDING_ORDERS,
    RECONCILIATIONS,
    SUBMISSIONS,
)
from trading_assets.warehouse import Rows


def fills(step: Step) -> Mapping[str, Any]:
    """What the broker made of each session, held to what the engine booked: every difference by name."""
    name, configuration = strategy_of(step), step.configuration
    openings = openings_of(step)
    if not openings:
        return {"account": "none is open"}
    opening, own = openings[-1], Rows("strategy", name)
    published = read_published(step, name)
    earlier = step.work.read_or_empty(RECONCILIATIONS, rows=own)
    broker = broker_of(configuration, opening)
    account = Settling(
        configuration=configuration.name,
        risk=configuration.risk,
        opening=opening,
        sessions=published.of(EQUITY, opening.account).sort("session")["session"].to_list(),
        pending=published.of(PENDING_ORDERS, opening.account),
        sheets=step.work.aside().read_or_empty(ORDER_SHEETS, rows=own).filter(account=opening.account),
        engine_fills=published.of(ENGINE_FILLS, opening.account),
        splits=splits_since(step, opening),
        verdict_stands=verdict_stands(step, opening),
        differs=is_differing(step, name),
        trading=configuration.trading,
        rollout=AccountStage(configuration, opening, step.now),
        plans=published.of(CLOSING_PLANS, opening.account),
        opens=opens_of_left_over(step, opening),
    )
    done, found = settle(
        step.work.aside(),
        broker,
        account,
        next(iter(earlier.filter(account=opening.account)["session"].sort(descending=True)), None),
        is_halted=lambda: is_halted(configuration),
        now=step.now,
    )
    answer = None
    if opening.broker != SIMULATED and account.sessions:
        equity = published.of(EQUITY, opening.account)
        answer = answer_of(step.work.aside(), broker, account, equity, step.now)
        found = pl.concat([found, answer.differences])
    differences = with_new_differences(step, opening, found)
    if answer is not None:
        keep_answer(step.work.aside(), answer)
    reconciled = pl.concat([earlier, done]).sort(RECONCILIATIONS.key)
    step.work.replace(own, {RECONCILIATIONS: reconciled, DIFFERENCES: differences})
    enter(step.work.aside(), configuration, name, step.now)
    return {"account": opening.account, "sessions settled": done.height, "differences": found.height}


def orders(step: Step) -> Mapping[str, Any]:
    """What the running account orders for the next open, what stands against it, and what of it was sent."""
    name, configuration = strategy_of(step), step.configuration
    openings = openings_of(step)
    if not openings:
        return {"account": "none is open"}
    opening, own = openings[-1], Rows("strategy", name)
    assert_same_plan(step, opening)
    published = read_published(step, name)
    sessions = published.of(EQUITY, opening.account).sort("session")["session"].to_list()
    if not sessions:
        return {"account": opening.account, "label": opening.label, "orders": 0}
    last, aside = sessions[-1], step.work.aside()
    engine_fills, splits = published.of(ENGINE_FILLS, opening.account), splits_since(step, opening)
    pending = published.of(PENDING_ORDERS, opening.account)
    broker = broker_of(configuration, opening)
    sent_by_now = partial(units_sent, aside, opening)
    stage = AccountStage(configuration, opening, step.now, in_evening=True)
    parting = Parting(configuration.name, opening, pending, sent_by_now())
    of_sent, _ = parted(parting, sessions, stage.on_record(), splits, engine_fills)
    books, _ = books_on_record(aside, name, opening.account, sessions, splits, of_sent)
    held = held_there(broker, opening, books)
    block = block_of_entries(verdict_stands=verdict_stands(step, opening), differs=is_differing(step, name))

    trades = Trades(sessions, splits, of_sent)
    rest = left_over(step, broker, opening, pending, trades, parting.sent.held)
    plan = published.of(CLOSING_PLANS, opening.account).filter(session=last)
    equity = published.of(EQUITY, opening.account)
    by_clock = configuration.as_of is None and not equity.filter(session=last)["replayed"].item()

    def made(*, withheld: Withheld) -> pl.DataFrame:
        sheet = order_sheet(
            configuration.name,
            pending.filter(session=last),
            configuration.risk,
            held=held,
            entries_blocked_by=block,
            trading=configuration.trading,
            withheld=withheld.orders,
            units_withheld=withheld.units,
            plan=plan,
        )
        return pl.concat([withheld.leave(sheet), rest]).sort(ORDER_SHEETS.key)

    def send(sheet: pl.DataFrame, *, is_withheld: IsWithheld) -> Submitted:
        enter(aside, configuration, name, step.now, sheet)  # before any of it is sent
        return submit_until_answered(
            aside,
            broker,
            sheet,
            is_halted=lambda: is_halted(configuration),
            over=last,
            now=step.now,
            is_withheld=is_withheld,
            **lateness(configuration.trading, opening, sheet, pending, step.now if by_clock else None),
        )

    sheet, sent = send_by_stage(stage, parting, last, made, send, units_sent=sent_by_now)
    if sent.too_late:
        late = len(sent.too_late)
        step.log.warning(f"{opening.account}: {late} orders of {last} are not sent: their market has opened")
    earlier = step.work.read_or_empty(ORDER_SHEETS, rows=own)
    earlier = earlier.filter((pl.col("account") != opening.account) | (pl.col("session") != last))
    behind = latencies(sheet, pending, aside.read_or_empty(SUBMISSIONS, rows=own)) if by_clock else LATENCIES.empty()
    before = step.work.read_or_empty(LATENCIES, rows=own).join(behind, on=LATENCIES.key, how="anti")
    sheets, later = pl.concat([earlier, sheet]).sort(ORDER_SHEETS.key), pl.concat([before, behind]).sort(LATENCIES.key)
    step.work.replace(own, {ORDER_SHEETS: sheets, LATENCIES: later})
    enter(aside, configuration, name, step.now)
    write_csv(sheet, configuration.home / "orders" / f"{opening.account}-{last!s}.csv")
    blocked = sheet.filter(status="blocked").select("symbol", "side", "quantity", "blocked_by")
    rejected = sum(each.status == REJECTED for each in sent.answered)
    said = {"accepted": len(sent.answered) - rejected, "rejected": rejected, "held back": len(sent.held_back)}
    said |= {"unanswered": len(sent.unanswered), "late": len(sent.too_late)}
    return {"account": opening.account, "label": opening.label, "orders": sheet.height, **said, "blocked": blocked}
