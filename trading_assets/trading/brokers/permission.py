"""Whether an account may be live, and whether a broker's account and clock are those that are meant.

A live account needs the word of the configuration twice (`trading.live` and `trading.live_account`), a `go` that stands
when it is opened, and a broker that says of itself that it is that account. Whatever else is said, paper is asked.
"""

from __future__ import annotations

import datetime as dt

from trading_assets.config import ConfigurationError
from trading_assets.config.trading import Trading
from trading_assets.trading.brokers.port import BrokerAccount, BrokerRefusedError

_SIMULATED = "simulated"
#: Verdict without which no money is risked.
GO = "go"


def assert_may_be_live(trading: Trading, strategy: str, verdict: str) -> None:
    """Stop where an account of a strategy may not be live.

    Parameters
    ----------
    trading
        Section of the configuration.
    strategy, verdict
        Its name, and the verdict on what is registered now.

    Raises
    ------
    ConfigurationError
        Naming what is missing.
    """
    if trading.broker == _SIMULATED:
        raise ConfigurationError(
            "a live account is refused: no money is at a simulated broker\n  expected: another trading.broker\n"
            "  what to do: open a paper account"
        )
    if not trading.live:
        raise ConfigurationError(
            "a live account is refused: live trading is off\n"
            "  expected: trading.live: true, and the id of the account in trading.live_account\n"
            "  what to do: open a paper account"
        )
    if verdict != GO:
        raise ConfigurationError(
            f"a live account of {strategy} is refused: the verdict on it is {verdict}\n  expected: a go that stands\n"
            "  what to do: open a paper account"
        )


def assert_account(trading: Trading, account: BrokerAccount, *, is_live: bool) -> None:
    """Stop where a broker's account is not the one that is meant.

    Parameters
    ----------
    trading
        Section of the configuration.
    account
        What the broker says of itself.
    is_live
        Whether money is to be in it.

    Raises
    ------
    BrokerRefusedError
        Naming the key of the configuration.
    """
    if account.is_paper and is_live:
        raise BrokerRefusedError(
            f"{account.account_id} is a paper account, and a live one was meant\n"
            f"  expected: {trading.live_account} (trading.live_account)\n  what to do: export the keys of that account"
        )
    if not account.is_paper and not is_live:
        raise BrokerRefusedError(
            f"{account.account_id} is a live account, and paper was meant\n  expected: the keys of a paper account\n"
            f"  what to do: export them (trading.{trading.broker})"
        )
    if is_live and account.account_id != trading.live_account:
        raise BrokerRefusedError(
            f"the broker says that it is {account.account_id}\n"
            f"  expected: {trading.live_account} (trading.live_account)\n  what to do: export the keys of that account"
        )


def assert_clock(trading: Trading, theirs: dt.datetime, ours: dt.datetime) -> None:
    """Stop where two clocks are so far apart that an order may come after its open.

    Parameters
    ----------
    trading
        Section of the configuration.
    theirs, ours
        Time of the broker and of this machine, UTC.

    Raises
    ------
    BrokerRefusedError
        Naming how far.
    """
    apart = (theirs - ours).total_seconds()
    if abs(apart) > trading.clock_skew_seconds:
        raise BrokerRefusedError(
            f"the broker's clock is {apart:+.0f} s from ours\n"
            f"  expected: at most {trading.clock_skew_seconds:g} s (trading.clock_skew_seconds)\n"
            "  what to do: set the clock of this machine by the network's"
        )
