"""The broker of an account, by what was said when it was opened; it says who it is before anything is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.trading import Trading
from trading_assets.trading.brokers.alpaca.broker import AlpacaBroker
from trading_assets.trading.brokers.alpaca.line import Line
from trading_assets.trading.brokers.permission import assert_account, assert_clock
from trading_assets.trading.brokers.port import Broker, BrokerRefusedError
from trading_assets.trading.brokers.simulated import SimulatedBroker
from trading_assets.trading.opening import LIVE, SIMULATED, Opening

INTERACTIVE_BROKERS = "interactive_brokers"
#: Orders and fills are asked for from this long before an account was opened.
_BEFORE = dt.timedelta(days=1)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def broker_of(configuration: Configuration, opening: Opening, now: Callable[[], dt.datetime] = _now) -> Broker:
    """Return the broker of an account, after it has said who it is.

    Parameters
    ----------
    configuration, opening
        Configuration, and the account.
    now
        What says our time, UTC: asked beside the broker's, which may be late to answer.

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
    if opening.broker == INTERACTIVE_BROKERS:
        return _interactive_brokers(trading, now, is_live=is_live)
    settings = trading.alpaca
    line = Line(settings, settings.secrets(), is_live=is_live)
    broker = AlpacaBroker(line, settings.symbols, opening.recorded_at - _BEFORE, settings.feed)
    assert_account(trading, broker.account(), is_live=is_live)
    assert_clock(trading, broker.clock().at, now())
    return broker


def _interactive_brokers(trading: Trading, now: Callable[[], dt.datetime], *, is_live: bool) -> Broker:
    try:
        from trading_assets.trading.brokers.interactive_brokers.broker import InteractiveBrokersBroker
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{error.name} is not installed\n  expected: the client of trading.broker: interactive_brokers\n"
            "  what to do: pip install 'trading-assets[interactive_brokers]'"
        ) from error
    broker = InteractiveBrokersBroker(
        trading.interactive_brokers,
        trading.live_account if is_live else "",
        dt.timedelta(seconds=trading.clock_skew_seconds),
    )
    assert_account(trading, broker.account(), is_live=is_live)
    assert_clock(trading, broker.time(), now())
    return broker
