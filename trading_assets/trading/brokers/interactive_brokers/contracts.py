"""Our symbols and IB's contracts, and the sessions of an exchange as IB tells them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ib_async import Contract, ContractDetails

from trading_assets.config.interactive_brokers import InteractiveBrokersSettings

SHARE, COIN = "STK", "CRYPTO"


@dataclass(frozen=True)
class Hours:
    """A session of an exchange: its day there, and when it opens and closes, UTC."""

    session: dt.date
    opens: dt.datetime
    closes: dt.datetime


def contract_of(symbol: str, settings: InteractiveBrokersSettings) -> Contract:
    """Return what IB is asked for by a symbol: a coin of `coins`, else a share that it routes itself.

    Parameters
    ----------
    symbol, settings
        Our symbol, and the section of the configuration.
    """
    coin = settings.coins.get(symbol)
    if coin is not None:
        return Contract(secType=COIN, symbol=coin, exchange=settings.coin_exchange, currency=settings.currency)
    name = settings.symbols.get(symbol, symbol.replace(".", " "))
    return Contract(secType=SHARE, symbol=name, exchange="SMART", currency=settings.currency)


def symbol_of(contract: Contract, settings: InteractiveBrokersSettings) -> str:
    """Return our symbol of what IB names; what is neither share nor coin of the currency has a name of its own.

    Parameters
    ----------
    contract, settings
        What IB names, and the section of the configuration.
    """
    if contract.currency == settings.currency and contract.secType in (SHARE, COIN):
        names = settings.coins if contract.secType == COIN else settings.symbols
        ours = [each for each, name in names.items() if name == contract.symbol]
        if ours:
            return ours[0]
        if contract.secType == SHARE:
            return contract.symbol.replace(" ", ".")
    return f"{contract.localSymbol or contract.symbol} {contract.secType} {contract.currency}"


def zone_of(details: ContractDetails) -> ZoneInfo | None:
    """Return the time zone of an exchange; None where IB names none that is known."""
    try:
        return ZoneInfo(details.timeZoneId) if details.timeZoneId else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def hours_of(details: ContractDetails) -> Sequence[Hours]:
    """Return the sessions that IB names, ascending; of a day with a break one, of a closed day none.

    Its text is `20261201:0930-20261201:1600;20261202:CLOSED`, in the time zone of the exchange. A session is named by
    the day on which it closes.
    """
    zone, found = zone_of(details), dict[dt.date, Hours]()
    if zone is None:
        return []
    for span in details.liquidHours.split(";"):
        first, _, last = span.partition("-")
        if not last:
            continue
        opens, closes = (
            dt.datetime.strptime(each.strip(), "%Y%m%d:%H%M").replace(tzinfo=zone) for each in (first, last)
        )
        made = Hours(closes.date(), opens.astimezone(dt.UTC), closes.astimezone(dt.UTC))
        known = found.get(made.session, made)
        found[made.session] = Hours(made.session, min(known.opens, made.opens), max(known.closes, made.closes))
    return sorted(found.values(), key=lambda each: each.opens)


def next_open(details: ContractDetails, now: dt.datetime) -> Hours | None:
    """Return the session that opens next; None where IB does not name it.

    Parameters
    ----------
    details, now
        What IB says of the security, and its time, UTC.
    """
    return next((each for each in hours_of(details) if each.opens > now), None)


def to_tick(limit: float, tick: float, side: str) -> Decimal:
    """Return the next price on the tick that is no worse than a limit.

    Parameters
    ----------
    limit, tick
        Worst price, and the least step of a price; 0: any price.
    side
        `buy` or `sell`.

    Examples
    --------
    >>> to_tick(101.237, 0.01, "buy"), to_tick(101.237, 0.01, "sell")
    (Decimal('101.23'), Decimal('101.24'))
    """
    step, whole = Decimal(str(tick)), Decimal(str(limit))
    if not step:
        return whole
    steps = whole // step
    if side == "sell" and steps * step != whole:
        steps += 1
    return steps * step
