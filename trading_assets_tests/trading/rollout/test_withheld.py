"""What is sent and what is withheld: hand-worked ways back and forth, and invariants on random ones."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.sections import Risk
from trading_assets.trading.broker_books import Books, trades_of
from trading_assets.trading.opening import Opening
from trading_assets.trading.order_sheet import client_order_id, order_sheet
from trading_assets.trading.rollout.assignment import number_of
from trading_assets.trading.rollout.tables import STAGES
from trading_assets.trading.rollout.withheld import Parting, Withheld, parted
from trading_assets.trading.tables import ENGINE_FILLS, PENDING_ORDERS
from trading_assets_tests.trading.test_order_sheet import waiting

DAYS = [dt.date(2017, 6, day) for day in (26, 27, 28, 29, 30)]
OPENING = Opening("s", "s-1", DAYS[0], 100_000.0, "reject", "0" * 64, "ops", dt.datetime(2017, 6, 1))
NO_SPLITS = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date, "split_ratio": pl.Float64})


def order(day: dt.date, side: str, quantity: float, *, entry: bool, symbol: str = "AAA", **more: Any) -> dict[str, Any]:
    name = f"s-1-{day:%Y%m%d}-{symbol}-{side}"
    stop = 45.0 if side == "buy" else 55.0
    said = {"session": day, "decision_session": day, "last_bar": day, "order_id": name, "side": side}
    return waiting(symbol, quantity=quantity, entry=entry, stop_price=stop, **said, **more)


def fill_of(row: Mapping[str, Any], session: dt.date) -> dict[str, Any]:
    same = {name: row[name] for name in ("strategy", "account", "label", "order_id", "symbol", "pair_id", "side")}
    numbers = {"quantity": row["quantity"], "raw_price": 50.0, "price": 50.0, "fee": 0.01 * row["quantity"]}
    return {**same, **numbers, "fill_id": f"{row['order_id']}-1", "session": session, "reason": row["reason"]}


class Account:
    """Orders of an account, each filled whole at the next session."""

    def __init__(self, *orders: dict[str, Any]) -> None:
        self.pending = PENDING_ORDERS.conform(pl.DataFrame(orders, schema=PENDING_ORDERS.empty().schema))
        made = [fill_of(each, DAYS[DAYS.index(each["session"]) + 1]) for each in orders]
        self.fills = ENGINE_FILLS.conform(pl.DataFrame(made, schema=ENGINE_FILLS.empty().schema))

    def parted(self, stages: Mapping[dt.date, str], sent: Mapping[str, float] | None = None) -> Parting:
        found = Parting("small", OPENING, self.pending, sent or {})
        self.kept, self.closes = parted(found, DAYS, stages, NO_SPLITS, self.fills)
        return found


def numbered(below: float, above: float, count: int = 400) -> str:
    """A symbol whose entry of the first day has a number between two shares."""
    names = (f"S{place:03d}" for place in range(count))
    chosen = (each for each in names if below <= number_of("strategy/s", f"s-1-20170626-{each}-buy") < above)
    return next(chosen)


def test_a_position_that_was_withheld_is_not_joined_and_leaves_no_order() -> None:
    """Entered in shadow, made larger and left at full: nothing of it is sent, on any day."""
    account = Account(
        order(DAYS[0], "buy", 100.0, entry=True, target_weight=0.05),
        order(DAYS[1], "buy", 20.0, entry=True, target_weight=0.06),
        order(DAYS[2], "sell", 120.0, entry=False, target_weight=0.0),
        order(DAYS[3], "buy", 50.0, entry=True, target_weight=0.02),
    )
    found = account.parted({DAYS[0]: "shadow"})
    assert account.kept.select("session", "quantity").rows() == [(DAYS[4], 50.0)]
    assert [len(account.closes[day].orders) for day in DAYS[:4]] == [1, 1, 0, 0]
    assert account.closes[DAYS[2]].units == {("AAA", None): 120.0}
    assert (dict(found.sent.held), dict(found.withheld.held)) == ({("AAA", None): 50.0}, {})


def test_what_was_sent_is_left_whatever_the_stage_is_by_then() -> None:
    """100 entered at full, back to off, 20 more withheld; of 120 that are left 100 are sent, at 50 and a cent each."""
    account = Account(
        order(DAYS[0], "buy", 100.0, entry=True, target_weight=0.05),
        order(DAYS[1], "buy", 20.0, entry=True, target_weight=0.06),
        order(DAYS[2], "sell", 120.0, entry=False, target_weight=0.0),
    )
    found = account.parted(dict.fromkeys(DAYS[1:], "off"))
    kept = account.kept.select("session", "quantity", pl.col("fee").round(9))
    assert kept.rows() == [(DAYS[1], 100.0, 1.0), (DAYS[3], 100.0, 1.0)]
    assert not found.sent.held
    assert not found.withheld.held
    sheet = order_sheet(
        "small",
        account.pending.filter(session=DAYS[2]),
        Risk(),
        held={("AAA", None): 100.0},
        withheld=account.closes[DAYS[2]].orders,
        units_withheld=account.closes[DAYS[2]].units,
    )
    assert sheet.select("quantity", "status", "blocked_by").rows() == [(100.0, "ready", "rollout")]


def test_both_legs_of_a_pair_are_sent_or_neither() -> None:
    legs = [
        order(DAYS[0], side, 10.0, entry=True, symbol=symbol, pair_id=pair, target_weight=0.01)
        for pair in (f"P{place}" for place in range(40))
        for symbol, side in (("AAA", "buy"), ("BBB", "sell"))
    ]
    legs = [leg | {"order_id": f"{leg['order_id']}-{leg['pair_id']}"} for leg in legs]
    account = Account(*legs)
    account.parted({DAYS[0]: "partial"})
    withheld = account.pending.filter(pl.col("order_id").is_in(list(account.closes[DAYS[0]].orders)))
    assert 40 < withheld.height < 80
    assert set(withheld.group_by("pair_id").len()["len"]) == {2}


def test_a_pair_of_which_a_leg_has_gone_is_sent_whole() -> None:
    legs = [
        order(DAYS[0], side, 10.0, entry=True, symbol=symbol, pair_id="P", target_weight=0.01)
        for symbol, side in (("AAA", "buy"), ("BBB", "sell"))
    ]
    sent = {client_order_id("small", "s-1", legs[0]["order_id"], DAYS[1]): 10.0}
    account = Account(*legs)
    account.parted({DAYS[0]: "off"}, sent)
    assert not account.closes[DAYS[0]].orders


def test_an_entry_that_was_sent_stays_sent_when_the_stage_goes_back_the_same_evening() -> None:
    entry = order(DAYS[0], "buy", 100.0, entry=True)
    account = Account(entry)
    found = account.parted({DAYS[0]: "off"}, {client_order_id("small", "s-1", entry["order_id"], DAYS[1]): 100.0})
    assert found.sent.held == {("AAA", None): 100.0}


def test_of_an_order_that_turns_a_position_the_part_that_leaves_is_sent() -> None:
    """100 long; 150 are sold at off: 100 leave the position, 50 short are the engine's alone, though 100 were sent."""
    entry = order(DAYS[0], "buy", 100.0, entry=True, target_weight=0.05)
    turn = order(DAYS[1], "sell", 150.0, entry=True, target_weight=-0.02)
    for sent in ({}, {client_order_id("small", "s-1", turn["order_id"], DAYS[2]): 100.0}):
        account = Account(entry, turn)
        found = account.parted(dict.fromkeys(DAYS[1:], "off"), sent)
        assert account.kept["quantity"].to_list() == [100.0, 100.0]
        assert found.withheld.held == {("AAA", None): -50.0}


def test_a_split_is_followed_by_both_books() -> None:
    account = Account(
        order(DAYS[0], "buy", 100.0, entry=True, target_weight=0.05),
        order(DAYS[1], "buy", 20.0, entry=True, target_weight=0.06),
        order(DAYS[3], "sell", 240.0, entry=False, target_weight=0.0),
    )
    split = pl.DataFrame({"symbol": ["AAA"], "session": [DAYS[3]], "split_ratio": [2.0]})
    parting = Parting("small", OPENING, account.pending, {})
    kept, closes = parted(parting, DAYS, {DAYS[1]: "off"}, split, account.fills)
    assert closes[DAYS[3]].units == {("AAA", None): 40.0}
    assert kept["quantity"].to_list() == [100.0, 200.0]
    assert not parting.withheld.held


def test_stages_send_what_their_share_says_and_off_has_no_line_of_the_others() -> None:
    symbols = [numbered(0.0, 0.05), numbered(0.05, 0.25), numbered(0.25, 0.75), numbered(0.75, 1.0)]
    account = Account(*(order(DAYS[0], "buy", 10.0, entry=True, symbol=each) for each in symbols))
    for stage, count in zip(STAGES, (0, 0, 1, 2, 3, 4), strict=True):
        account.parted({DAYS[0]: stage})
        withheld = account.closes[DAYS[0]]
        sheet = order_sheet("small", account.pending, Risk(), held={}, withheld=withheld.orders)
        assert set(sheet.filter(status="ready")["symbol"]) == set(symbols[:count])
        assert set(sheet.filter(status="blocked")["blocked_by"]) <= {"rollout"}
        assert withheld.leave(sheet).height == (0 if stage == "off" else 4)
    assert Withheld().leave(account.pending).height == 4


#: For each of four evenings: a stage, and for each of two symbols the weight that the engine goes to, in units.
EVENINGS = st.lists(
    st.tuples(st.sampled_from(STAGES), st.tuples(*[st.sampled_from([-100, -30, 0, 0, 50, 100])] * 2)),
    min_size=4,
    max_size=4,
)


def _orders(evenings: Iterable[tuple[str, tuple[int, int]]]) -> list[dict[str, Any]]:
    """Orders of target weights: the engine goes from one number of units to the next one, at once."""
    held, found = [0, 0], []
    for day, (_, wanted) in zip(DAYS, evenings, strict=False):
        for place, units in enumerate(wanted):
            move = units - held[place]
            if move:
                is_entry = abs(units) > abs(held[place]) or units * held[place] < 0
                side, weight = ("buy" if move > 0 else "sell"), units / 1_000
                symbol = f"S{place}"
                found.append(order(day, side, abs(move), entry=is_entry, symbol=symbol, target_weight=weight))
            held[place] = units
    return found


@settings(max_examples=30)
@given(EVENINGS, st.randoms(use_true_random=False))
def test_both_books_are_the_engines_and_the_brokers_never_grows_beside_what_is_withheld(
    evenings: list[tuple[str, tuple[int, int]]], draws: random.Random
) -> None:
    orders = _orders(evenings)
    account, stages = Account(*orders), {day: stage for day, (stage, _) in zip(DAYS, evenings, strict=False)}
    parting, engine = Parting("small", OPENING, account.pending, {}), Books()
    for place, day in enumerate(DAYS):
        before_sent, before_withheld = dict(parting.sent.held), dict(parting.withheld.held)
        if place:
            parting.close(DAYS[place - 1], stages[DAYS[place - 1]])
        booked = account.fills.filter(session=day)
        kept = parting.open({}, booked)
        engine = engine.after({}, trades_of(booked))
        for leg in {*engine.held, *parting.sent.held, *parting.withheld.held}:
            ours, theirs = (books.held.get(leg, 0.0) for books in (parting.sent, parting.withheld))
            assert ours + theirs == pytest.approx(engine.held.get(leg, 0.0))
            assert ours * theirs >= 0
            if before_withheld.get(leg) and theirs * before_withheld[leg] > 0:
                assert abs(ours) <= abs(before_sent.get(leg, 0.0))
        assert (kept["quantity"] <= booked.filter(pl.col("fill_id").is_in(kept["fill_id"].implode()))["quantity"]).all()
    draws.shuffle(orders)
    other = Account(*orders).parted(stages)
    assert (other.sent, other.withheld) == (parting.sent, parting.withheld)


@given(EVENINGS)
def test_at_full_everything_is_sent(evenings: list[tuple[str, tuple[int, int]]]) -> None:
    account = Account(*_orders(evenings))
    found = account.parted({})
    assert account.kept.sort("fill_id").equals(account.fills.sort("fill_id"))
    assert not found.withheld.held
