"""Whose account it is, whether money may be in it, and whose clock goes wrong."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.config.trading import Trading
from trading_assets.trading.brokers.permission import assert_account, assert_clock, assert_may_be_live
from trading_assets.trading.brokers.port import BrokerAccount, BrokerRefusedError

NOON = dt.datetime(2026, 12, 1, 12)
LIVE = Trading(broker="alpaca", live=True, live_account="123456789")


def account(name: str, *, is_paper: bool) -> BrokerAccount:
    return BrokerAccount(name, "USD", 1.0, 1.0, 1.0, is_paper=is_paper, may_trade=True, may_short=True)


@pytest.mark.parametrize(
    ("trading", "verdict", "words"),
    [
        (Trading(), "go", "no money is at a simulated broker"),
        (Trading(broker="alpaca"), "go", "live trading is off"),
        (LIVE, "conditional", "the verdict on it is conditional"),
        (LIVE, "reject", "the verdict on it is reject"),
    ],
)
def test_a_live_account_needs_a_broker_two_keys_and_a_go(trading: Trading, verdict: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        assert_may_be_live(trading, "known", verdict)
    assert_may_be_live(LIVE, "known", "go")


@pytest.mark.parametrize(
    ("name", "is_paper", "is_live", "words"),
    [
        ("PA3TEST00001", True, True, "is a paper account, and a live one was meant"),
        ("123456789", False, False, "is a live account, and paper was meant"),
        ("987654321", False, True, "expected: 123456789"),
    ],
)
def test_another_account_is_refused(name: str, is_paper: bool, is_live: bool, words: str) -> None:
    with pytest.raises(BrokerRefusedError, match=words) as caught:
        assert_account(LIVE, account(name, is_paper=is_paper), is_live=is_live)
    assert name in str(caught.value)
    assert_account(LIVE, account("123456789", is_paper=False), is_live=True)
    assert_account(LIVE, account("PA3TEST00001", is_paper=True), is_live=False)


@pytest.mark.parametrize("seconds", [-31, 31])
def test_clocks_that_are_apart_are_refused(seconds: int) -> None:
    with pytest.raises(BrokerRefusedError, match=re.escape(f"{seconds:+d} s from ours")):
        assert_clock(LIVE, NOON + dt.timedelta(seconds=seconds), NOON)
    assert_clock(LIVE, NOON + dt.timedelta(seconds=seconds * 30 / 31), NOON)
