"""The broker of an account, by what was said when it was opened; it says who it is before anything is sent."""

from __future__ import annotations

import datetime as dt

from trading_assets.config import Configuration
from trading_assets.trading.brokers.permission import assert_account, assert_clock
from trading_assets.trading.brokers.port import Broker, BrokerRefusedError
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.opening import LIVE, SIMULATED, Opening

#: Orders and fills are asked for from this long before an account was opened.
_BEFORE = dt.timedelta(days=1)


def broker_of(configuration: Configuration, opening: Opening, now: dt.datetime) -> Broker:
    """Return the broker of an account, after it has said who it is.

    Parameters
    ----------
    configuration, opening
        Configuration, and the account.
    now
        Our time, UTC.

    Raises
    ------
    ConfigurationError
        A key is not in the environment, or the client is not installed.
    BrokerRefusedError
        Keys are refused, or it is another account, or another clock, than expected: nothing was sent.
    BrokerUnavailableError
        It does not answer.
    """
    if opening.broker == SIMULATED:
        return SimulatedBroker(configuration.home / "brokers" / f"{opening.account}.db", capital=opening.capital)
    trading, is_live = configuration.trading, opening.mode == LIVE
    if is_live and not trading.live:
        raise BrokerRefusedError(
            f"{opening.account} is a live account, and live trading is off\n"
            "  expected: trading.live: true, and its id in trading.live_account\n"
            "  what to do: say both, or leave it: nothing is sent"
        )
    from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
    from trading_assets.trading.brokers.alpaca.line import Line

    settings = trading.alpaca
    line = Line(settings, settings.secrets(), is_live=is_live)
    broker = AlpacaBroker(line, settings.symbols, opening.recorded_at - _BEFORE, settings.feed)
    assert_account(trading, broker.account(), is_live=is_live)
    assert_clock(trading, broker.clock().at, now)
    return broker
