"""The port on a small TWS: account, positions, orders that are sent once, what becomes of them, and fills."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable

import pytest

from trading_assets.trading.brokers.port import (
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    BrokerRefusedError,
    BrokerUnavailableError,
    DuplicateOrderError,
    UnknownOrderError,
)
from trading_assets_tests.trading.brokers.interactive_brokers.asking import TUESDAY, asking, at_open, limit
from trading_assets_tests.trading.brokers.interactive_brokers.tws import CANCEL, PLACE, Tws
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import (
    AAPL,
    BRK,
    BTC,
    OPTION,
    Executed,
    Fields,
    Placed,
    Security,
    corrected,
    error,
    opened,
    quoted,
    status,
)

MONDAY = dt.date(2026, 11, 30)


def test_the_account_is_told_in_its_currency() -> None:
    with Tws() as tws:
        account = asking(tws).account()
    assert (account.account_id, account.currency, account.is_paper) == ("DU123", "USD", True)
    assert (account.cash, account.equity, account.buying_power) == (60_000.25, 100_000.5, 240_000.0)
    assert (account.may_trade, account.may_short) == (True, True)


def test_the_time_is_that_of_ib_in_utc() -> None:
    with Tws(now=dt.datetime(2026, 12, 1, 1, 2, 3, tzinfo=dt.UTC)) as tws:
        assert asking(tws).time() == dt.datetime(2026, 12, 1, 1, 2, 3)


def test_an_account_that_cannot_borrow_may_not_be_short_and_one_of_another_currency_is_refused() -> None:
    with Tws() as tws:
        tws.values["BuyingPower"] = ("60000", "USD")
        assert not asking(tws).account().may_short
        tws.values["NetLiquidation"] = ("100000", "EUR")
        with pytest.raises(BrokerRefusedError, match=r"trading\.interactive_brokers\.currency: .* is in EUR"):
            asking(tws).account()
        del tws.values["NetLiquidation"]
        with pytest.raises(BrokerUnavailableError, match="NetLiquidation"):
            asking(tws).account()


def test_positions_are_those_of_the_account_and_follow_a_split_overnight() -> None:
    with Tws(accounts=["DU123", "DU124"]) as tws:
        tws.positions = [
            ("DU123", BRK, -5.0, 400.0),
            ("DU123", AAPL, 10.0, 200.0),
            ("DU124", AAPL, 99.0, 1.0),
            ("DU123", BTC, 0.25, 90_000.0),
            ("DU123", OPTION, 1.0, 250.0),
            ("DU123", Security("MSFT", 9), 0.0, 0.0),
        ]
        broker = asking(tws, account="DU123")
        assert broker.positions() == [
            BrokerPosition("AAPL", 10.0, 200.0),
            BrokerPosition("AAPL  261218C00200000 OPT USD", 1.0, 250.0),
            BrokerPosition("BRK.B", -5.0, 400.0),
            BrokerPosition("BTC/USD", 0.25, 90_000.0),
        ]
        tws.positions = [("DU123", AAPL, 40.0, 50.0)]
        assert broker.positions() == [BrokerPosition("AAPL", 40.0, 50.0)]


def test_an_order_for_the_open_is_a_market_order_for_the_auction_under_our_id() -> None:
    with Tws() as tws:
        broker = asking(tws)
        assert broker.submit(at_open(symbol="BRK.B", side="sell")) == BrokerOrder("one", "accepted")
        (order,) = tws.orders
        assert (order.security, order.side, order.quantity) == (BRK, "SELL", "10")
        assert (order.kind, order.tif, order.limit, order.name, order.account) == ("MKT", "OPG", "", "one", "DU123")
        assert broker.orders() == [BrokerOrder("one", "accepted")]


def test_a_coin_is_bought_at_a_limit_that_leaves_nothing_behind() -> None:
    with Tws() as tws:
        assert asking(tws).submit(limit(quantity=0.00012345, price=90_000.129)).status == "accepted"
        (order,) = tws.orders
        assert (order.security, order.quantity, order.kind, order.tif) == (BTC, "0.00012345", "LMT", "IOC")
        assert order.limit == "90000.12"


@pytest.mark.parametrize("told_as", ["open", "filled", "cancelled", "executed only"])
def test_an_order_is_sent_once_whatever_became_of_the_first(told_as: str) -> None:
    with Tws() as tws:
        asking(tws).submit(at_open())
        if told_as == "filled":
            tws.orders[0].status = "Filled"
        elif told_as == "cancelled":
            tws.orders[0].status = "Cancelled"
        elif told_as == "executed only":
            tws.orders[0].is_listed = False
            tws.executions = [Executed("a.b.01", "one", 200.0, 10.0)]
        for client in (17, 18):
            with pytest.raises(DuplicateOrderError, match="one"):
                asking(tws, client_id=client).submit(at_open())
        assert len(tws.orders) == 1


def test_the_same_name_in_another_account_is_another_order() -> None:
    with Tws(accounts=["DU123", "DU124"]) as tws:
        for account in tws.accounts:
            assert asking(tws, account=account).submit(at_open()).status == "accepted"
        assert [each.account for each in tws.orders] == ["DU123", "DU124"]


def test_a_line_that_is_lost_before_the_order_is_heard_loses_it_and_one_after_it_finds_it_again() -> None:
    with Tws() as tws:
        tws.deaf = {PLACE}
        with pytest.raises(BrokerUnavailableError, match="the line to TWS is lost"):
            asking(tws).submit(at_open())
        assert (tws.orders, asking(tws).orders()) == ([], [])
        tws.deaf, tws.mute = set(), True
        with pytest.raises(BrokerUnavailableError, match="the line to TWS is lost"):
            asking(tws).submit(at_open())
        tws.mute = False
        with pytest.raises(DuplicateOrderError):
            asking(tws).submit(at_open())
        assert asking(tws).orders() == [BrokerOrder("one", "accepted")]
        assert len(tws.orders) == 1


def test_an_order_that_waits_for_a_click_in_tws_is_unanswered_and_found_again() -> None:
    def waits(tws: Tws, order: Placed) -> Iterable[Fields]:
        order.status = "PendingSubmit"
        yield opened(order)

    with Tws(take=waits) as tws:
        with pytest.raises(BrokerUnavailableError, match="what became of order"):
            asking(tws, timeout_seconds=0.2).submit(at_open())
        assert asking(tws).orders() == [BrokerOrder("one", "accepted")]


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        (201, "Order rejected - reason:The contract is not available for short sale.", "not available for short sale"),
        (201, "Order rejected - reason:YOUR ORDER IS NOT ACCEPTED. INSUFFICIENT BUYING POWER", "INSUFFICIENT BUYING"),
        (201, "Order rejected - reason:Trading in this security is halted.", "halted"),
        (203, "The security AAPL is not available or allowed for this account.", "not available or not allowed"),
        (10243, "Fractional-sized order cannot be placed via API.", "fractions of a share"),
        (387, "Unsupported order type for this exchange", "does not take this type"),
    ],
)
def test_what_ib_rejects_is_rejected_with_its_reason(code: int, text: str, words: str) -> None:
    def rejects(tws: Tws, order: Placed) -> Iterable[Fields]:
        order.status, order.is_listed = "Inactive", False
        yield error(order.number, code, text)

    with Tws(take=rejects) as tws:
        answer = asking(tws).submit(at_open(side="sell"))
    assert answer.status == "rejected"
    assert answer.reason is not None
    assert words in answer.reason
    assert str(code) in answer.reason


def test_a_rejection_that_is_told_by_status_has_the_reason_that_came_before_it() -> None:
    def rejects(tws: Tws, order: Placed) -> Iterable[Fields]:
        order.status = "PendingSubmit"
        yield opened(order)
        yield error(order.number, 201, "Order rejected - reason:no")
        order.status = "Inactive"
        yield status(order)

    with Tws(take=rejects) as tws:
        reason = "IB rejected it (201: Order rejected - reason:no)"
        assert asking(tws).submit(at_open()) == BrokerOrder("one", "rejected", reason)
        assert [each.status for each in asking(tws).orders()] == ["rejected"]


@pytest.mark.parametrize("code", [399, 404, 2109, 10349, 10999])
def test_a_note_about_an_order_is_no_rejection(code: int) -> None:
    """10999 is a number that nobody knows: the list of open orders says that the order lives, a moment later."""

    def notes(tws: Tws, order: Placed) -> Iterable[Fields]:
        yield error(order.number, code, "Order Message: it waits until 2026-12-01 09:30:00 US/Eastern")
        if code != 10999:
            yield from tws.told(order)
            return
        order.is_listed = False
        threading.Timer(0.2, setattr, (order, "is_listed", True)).start()

    with Tws(take=notes) as tws:
        assert asking(tws).submit(at_open()) == BrokerOrder("one", "accepted")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (at_open(quantity=1.5), "fractions of a share are not taken"),
        (at_open(quantity=0.0), "a quantity of 0"),
        (at_open(quantity=float("nan")), "a quantity of nan"),
        (at_open(symbol="NONE"), "NONE: IB has no such security"),
        (at_open(symbol="BTC/USD"), "whose market has no open"),
        (limit(quantity=0.00001), "less than IB takes of BTC/USD"),
        (limit(quantity=0.123456789), "no multiple of 1e-08"),
        (limit(price=None), "without a limit"),
    ],
)
def test_what_cannot_be_traded_is_rejected_before_it_is_sent(wanted: object, words: str) -> None:
    with Tws() as tws:
        answer = asking(tws).submit(wanted)  # type: ignore[arg-type]
        assert answer.status == "rejected"
        assert words in (answer.reason or "")
        assert tws.orders == []


def test_a_name_of_two_securities_is_rejected() -> None:
    with Tws() as tws:
        tws.securities = [AAPL, Security("AAPL", 7)]
        assert "IB has 2 securities of this name" in (asking(tws).submit(at_open()).reason or "")


@pytest.mark.parametrize(
    ("now", "hours", "words"),
    [
        ("2026-12-01T14:30:00Z", None, "IB does not tell when AAPL opens next"),
        ("2026-11-30T14:29:00Z", None, "opens next on 2026-11-30"),
        ("2026-11-30T23:00:00Z", "20261201:CLOSED;20261202:0930-20261202:1600", "opens next on 2026-12-02"),
        ("2026-11-30T23:00:00Z", "", "IB does not tell when"),
    ],
)
def test_an_order_is_not_sent_for_another_open_than_the_one_that_is_meant(
    now: str, hours: str | None, words: str
) -> None:
    """By the clock and the hours of IB: at 14:30 UTC on Tuesday the open is there; on a holiday there is none."""
    with Tws(now=dt.datetime.fromisoformat(now)) as tws:
        if hours is not None:
            tws.securities = [Security("AAPL", 1, hours=hours)]
        answer = asking(tws).submit(at_open())
        assert words in (answer.reason or "")
        assert tws.orders == []


@pytest.mark.parametrize("skew", [-31.0, 31.0])
def test_no_order_is_sent_by_a_wrong_clock(skew: float) -> None:
    with Tws() as tws:
        with pytest.raises(BrokerRefusedError, match=r"the clock of this machine is [+-]31 s from that of IB"):
            asking(tws, skew=skew).submit(at_open())
        assert tws.orders == []
        assert asking(tws, skew=skew).orders() == []
        assert asking(tws, skew=skew / 2).submit(at_open()).status == "accepted"


def test_an_order_is_cancelled_and_a_final_one_stays_as_it_is() -> None:
    with Tws() as tws:
        broker = asking(tws)
        broker.submit(at_open())
        assert broker.cancel("one").status == "cancelled"
        assert broker.cancel("one").status == "cancelled"
        assert len([each for each in tws.heard if each[0] == str(CANCEL)]) == 1
        with pytest.raises(UnknownOrderError, match="two"):
            broker.cancel("two")


def test_an_order_that_fills_while_it_is_cancelled_is_filled() -> None:
    def fills(tws: Tws, order: Placed) -> Iterable[Fields]:
        order.status, order.filled = "Filled", 10.0
        yield error(order.number, 10148, "OrderId that needs to be cancelled can not be cancelled, state: Filled.")

    with Tws(let_go=fills) as tws:
        broker = asking(tws)
        broker.submit(at_open())
        assert broker.cancel("one") == BrokerOrder("one", "filled")


def test_a_part_that_filled_before_the_end_leaves_the_order_cancelled() -> None:
    with Tws() as tws:
        broker = asking(tws)
        broker.submit(at_open())
        tws.orders[0].status, tws.orders[0].filled = "Submitted", 4.0
        assert broker.orders() == [BrokerOrder("one", "partially_filled")]
        assert broker.cancel("one").status == "cancelled"


def test_a_request_to_cancel_that_nobody_answers_leaves_it_open() -> None:
    def is_silent(tws: Tws, order: Placed) -> Iterable[Fields]:
        order.status = "PendingCancel"
        return [status(order)]

    with Tws(let_go=is_silent) as tws:
        broker = asking(tws, timeout_seconds=0.3)
        broker.submit(at_open())
        with pytest.raises(BrokerUnavailableError, match="the end of order"):
            broker.cancel("one")
        assert broker.orders() == [BrokerOrder("one", "accepted")]


def test_only_the_program_that_sent_an_order_cancels_it() -> None:
    with Tws() as tws:
        asking(tws, client_id=18).submit(at_open())
        with pytest.raises(BrokerRefusedError, match=r"client_id: order one was sent by client id 18"):
            asking(tws).cancel("one")


def test_fills_are_told_with_their_costs_in_the_order_of_their_times() -> None:
    with Tws() as tws:
        tws.executions = [
            Executed("a.c.01", "ta-1", 201.0, 4.0, time="20261130 09:30:01 US/Eastern"),
            Executed("a.b.01", "ta-1", 200.0, 6.0, cost=0.35),
            Executed("a.d.01", "", 199.0, 3.0, side="SLD", time="20261130 19:55:00 US/Eastern"),
            Executed("a.e.01", "ta-c", 90_000.0, 0.5, cost=8.0, security=BTC, time="20261130-23:59:59"),
            Executed("a.f.01", "ta-1", 1.0, 1.0, account="DU999"),
            Executed("a.g.01", "ta-c", 90_001.0, 0.25, cost=4.0, security=BTC, time="20261201-00:00:01"),
        ]
        assert asking(tws).fills() == [
            BrokerFill("a.b", "ta-1", MONDAY, "AAPL", "buy", 6.0, 200.0, 0.35),
            BrokerFill("a.c", "ta-1", MONDAY, "AAPL", "buy", 4.0, 201.0, 1.0),
            BrokerFill("a.e", "ta-c", MONDAY, "BTC/USD", "buy", 0.5, 90_000.0, 8.0),
            BrokerFill("a.g", "ta-c", TUESDAY, "BTC/USD", "buy", 0.25, 90_001.0, 4.0),
            BrokerFill("a.d", None, MONDAY, "AAPL", "sell", 3.0, 199.0, 1.0),
        ]


def test_a_fill_waits_for_its_costs_and_is_told_without_them_after_an_hour() -> None:
    fill = Executed("a.b.01", "ta-1", 200.0, 10.0, cost=None)
    with Tws(executions=[fill], now=dt.datetime(2026, 11, 30, 14, 40, tzinfo=dt.UTC)) as tws:
        assert asking(tws, timeout_seconds=0.3).fills() == []
        tws.executions = [corrected(fill, cost=1.25)]
        assert [each.fee for each in asking(tws).fills()] == [1.25]
        tws.executions, tws.now = [fill], dt.datetime(2026, 11, 30, 15, 30, tzinfo=dt.UTC)
        assert [(each.quantity, each.fee) for each in asking(tws, timeout_seconds=0.3).fills()] == [(10.0, 0.0)]


def test_a_correction_takes_the_place_of_what_it_corrects() -> None:
    first = Executed("a.b.01", "ta-1", 200.0, 10.0)
    with Tws(executions=[corrected(first, number="a.b.02", price=199.5), first]) as tws:
        assert [(each.broker_fill_id, each.price) for each in asking(tws).fills()] == [("a.b", 199.5)]


def test_costs_in_another_currency_are_refused() -> None:
    with (
        Tws(executions=[Executed("a.b.01", "ta-1", 200.0, 10.0, cost_in="EUR")]) as tws,
        pytest.raises(BrokerRefusedError, match="cost 1 EUR, its price is in USD"),
    ):
        asking(tws).fills()


def test_quotes_are_those_of_symbols_that_have_one() -> None:
    with Tws() as tws:
        tws.ticks = {"AAPL": quoted(199.9, 200.1), "BTC": quoted(90_000.0, 90_010.0, kind=3)}
        found = asking(tws).quotes(["AAPL", "BRK.B", "BTC/USD", "NONE"])
    assert {symbol: (each.bid, each.ask) for symbol, each in found.items()} == {
        "AAPL": (199.9, 200.1),
        "BTC/USD": (90_000.0, 90_010.0),
    }
    assert found["AAPL"].at - found["BTC/USD"].at == dt.timedelta(minutes=15)
    assert found["AAPL"].at.date() == MONDAY < TUESDAY
