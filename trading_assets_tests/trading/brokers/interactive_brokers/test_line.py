"""The connection to TWS: who is there, which account is meant, and what is made of silence."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers.broker import InteractiveBrokersBroker
from trading_assets.trading.brokers.interactive_brokers.line import is_paper, run_apart
from trading_assets.trading.brokers.port import BrokerRefusedError, BrokerUnavailableError
from trading_assets_tests.trading.brokers.interactive_brokers.asking import asking, at_open
from trading_assets_tests.trading.brokers.interactive_brokers.tws import (
    COMPLETED,
    EXECUTIONS,
    OPEN_ORDERS,
    PLACE,
    POSITIONS,
    SUMMARY,
    TIME,
    TIME_OF_SHAKE,
    Tws,
)
from trading_assets_tests.trading.brokers.interactive_brokers.tws_messages import Executed


def test_nobody_listens() -> None:
    with Tws() as tws:
        pass
    with pytest.raises(BrokerUnavailableError, match=r"no TWS or IB Gateway at 127\.0\.0\.1:\d+ \(502\)"):
        asking(tws).orders()


def test_somebody_listens_and_does_not_answer_the_greeting() -> None:
    with Tws(silent={TIME_OF_SHAKE}) as tws, pytest.raises(BrokerUnavailableError, match=r"no answer within 0\.2 s"):
        asking(tws, timeout_seconds=0.2).orders()


@pytest.mark.parametrize("question", [OPEN_ORDERS, COMPLETED, EXECUTIONS, TIME])
def test_nothing_is_sent_where_a_list_that_may_have_the_order_does_not_come(question: int) -> None:
    with Tws(silent={question}) as tws:
        with pytest.raises(BrokerUnavailableError, match=r"did not tell \w+ within 0\.2 s"):
            asking(tws, timeout_seconds=0.2).submit(at_open())
        assert [each[0] for each in tws.heard if each[0] == str(PLACE)] == []


@pytest.mark.parametrize("question", [POSITIONS, SUMMARY])
def test_a_line_that_is_cut_in_a_question_is_told_at_once(question: int) -> None:
    with Tws(deaf={question}) as tws:
        broker, begin = asking(tws, timeout_seconds=30.0), time.monotonic()
        with pytest.raises(BrokerUnavailableError, match="the line to TWS is lost"):
            broker.positions() if question == POSITIONS else broker.account()
        assert time.monotonic() - begin < 10.0


def test_a_client_id_that_another_program_keeps_is_refused() -> None:
    with Tws(in_use={17: 1_000}) as tws:
        with pytest.raises(BrokerRefusedError, match=r"trading\.interactive_brokers\.client_id.*17 is in use \(326\)"):
            asking(tws, timeout_seconds=0.6).orders()
        assert 2 <= tws.connections <= 4


def test_a_client_id_that_its_last_connection_still_has_is_waited_for() -> None:
    with Tws(in_use={17: 1}) as tws:
        assert asking(tws).orders() == []
        assert tws.connections == 2


@pytest.mark.parametrize(
    ("accounts", "wanted", "said"),
    [
        (["DU123"], "DU999", "the login has no account DU999"),
        (["DU123", "DU124"], "", "more than one account"),
        (["U123"], "U123", "U123 is a live account"),
        (["U123"], "", "U123 is a live account"),
        (["U123", "U124"], "U124", "U124 is a live account"),
    ],
)
def test_the_wrong_account_is_refused_and_nothing_is_sent(accounts: list[str], wanted: str, said: str) -> None:
    with Tws(accounts=accounts) as tws:
        with pytest.raises(BrokerRefusedError, match=rf"trading\.interactive_brokers\.account: .*{said}") as error:
            asking(tws, account=wanted).submit(at_open())
        assert "what to do" in str(error.value)
        assert [each for each in tws.heard if each[0] != "71"] == []


def test_one_of_several_accounts_and_a_live_one_are_taken_where_they_are_meant() -> None:
    with Tws(accounts=["DU123", "U124"]) as tws:
        assert asking(tws, account="DU123").account().is_paper
        assert not asking(tws, live_account="U124").account().is_paper


@pytest.mark.parametrize("account", ["U123", "DU124"])
def test_where_an_account_is_to_be_live_no_other_one_is_taken(account: str) -> None:
    with Tws(accounts=["U123", "DU124", "U125"]) as tws:
        with pytest.raises(BrokerRefusedError, match=rf"account: {account} is not trading\.live_account"):
            asking(tws, account=account, live_account="U125").orders()
        assert asking(tws, live_account="U125").account().account_id == "U125"


@pytest.mark.parametrize("port", [7496, 4001])
def test_a_live_port_is_refused_unasked(port: int) -> None:
    broker = InteractiveBrokersBroker(InteractiveBrokersSettings(port=port, host="host.invalid"))
    with pytest.raises(BrokerRefusedError, match=rf"trading\.interactive_brokers\.port: {port} is the port of live"):
        broker.orders()


def test_paper_accounts_begin_with_a_d() -> None:
    assert [is_paper(each) for each in ("DU1", "DF1", "U1", "F1")] == [True, True, False, False]


@pytest.mark.parametrize("code", [1100, 2110])
def test_lists_of_a_tws_without_a_line_to_ib_are_not_believed(code: int) -> None:
    with Tws(notices=[(-1, code, "Connectivity is lost")]) as tws:
        with pytest.raises(BrokerUnavailableError, match=r"it has lost its line to IB \(1100\)"):
            asking(tws, timeout_seconds=0.2).submit(at_open())
        assert tws.orders == []


@pytest.mark.parametrize("code", [1101, 1102])
def test_a_line_to_ib_that_is_back_is_used(code: int) -> None:
    with Tws(notices=[(-1, 1100, "lost"), (-1, 2104, "farm"), (-1, code, "restored")]) as tws:
        assert asking(tws).submit(at_open()).status == "accepted"


def test_an_api_that_reads_only_is_refused_in_words() -> None:
    text = "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode."
    with Tws(notices=[(-1, 321, text)]) as tws:
        with pytest.raises(BrokerRefusedError, match="switch 'Read-Only API' off"):
            asking(tws).submit(at_open())
        assert tws.orders == []


@pytest.mark.parametrize("stamp", ["20261130 14:30:00", "20261130  14:30:00", "20261130 14:30:00 Eastern/Nowhere"])
def test_an_execution_whose_time_nobody_can_read_is_not_lost(stamp: str) -> None:
    with Tws(executions=[Executed("a.b.01", "one", 200.0, 10.0, time=stamp)]) as tws:
        with pytest.raises(BrokerRefusedError, match="TWS told what cannot be read"):
            asking(tws).fills()
        with pytest.raises(BrokerRefusedError, match="TWS told what cannot be read"):
            asking(tws).submit(at_open("two"))
        assert tws.orders == []


def test_a_caller_with_a_running_loop_is_served_and_no_thread_or_loop_stays() -> None:
    with Tws() as tws:
        broker = asking(tws)
        before = {each.name for each in threading.enumerate()}

        async def within() -> list[object]:
            return [broker.orders(), broker.positions()]

        assert asyncio.run(within()) == [[], []]
        found: list[object] = []
        thread = threading.Thread(target=lambda: found.append(broker.orders()))
        thread.start()
        thread.join()
        assert found == [[]]
        assert {each.name for each in threading.enumerate()} == before


def test_what_is_raised_apart_is_raised_here() -> None:
    async def work() -> None:
        raise KeyError("apart")

    with pytest.raises(KeyError, match="apart"):
        run_apart(work)


def test_the_library_leaves_the_event_loops_of_the_process_as_they_are() -> None:
    """`nest_asyncio`, which it can patch asyncio with, is not even loaded; there is no loop that nobody asked for."""
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import asyncio, sys; before = asyncio.run, asyncio.events.get_event_loop, asyncio.get_event_loop_policy();"
            "import trading_assets.trading.brokers.interactive_brokers.broker;"
            "print('nest_asyncio' in sys.modules,"
            " before == (asyncio.run, asyncio.events.get_event_loop, asyncio.get_event_loop_policy()),"
            " before[2]._local._loop)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "False True None\n"
