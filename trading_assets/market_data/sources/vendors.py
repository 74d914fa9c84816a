"""The vendors' own clients, each as a function that fetches bars of one symbol."""

from __future__ import annotations

import datetime as dt
import urllib.parse
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from trading_assets.config.remote_sources import (
    AlpacaSource,
    AlphaVantageSource,
    CcxtSource,
    PolygonSource,
    RemoteSource,
    YfinanceSource,
)
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.market_data.sources.http_json import MISSHAPEN, raise_for
from trading_assets.market_data.sources.http_vendors import alpha_vantage, polygon
from trading_assets.market_data.sources.remote import Vendor
from trading_assets.market_data.sources.request_limit import (
    DeadlineError,
    RefusedError,
    RequestLimit,
    TransientError,
)
from trading_assets.metering import vendor_request

_EMPTY = pl.DataFrame(
    schema={"session": pl.Date, **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64)}
)
_DAY_MS = 86_400_000
_SERVER = 500


def vendor_of(source: RemoteSource, anchor: dt.date, today: dt.date, limit: RequestLimit) -> Vendor:
    """Return the vendor of a source.

    Parameters
    ----------
    source
        Section of the configuration.
    anchor
        First day of the experiment: prices that are adjusted are anchored there.
    today
        Last day there is.
    limit
        What every request goes through.

    Raises
    ------
    SourceError
        The vendor's client is not installed, or does not know the exchange.
    MissingSecretError
        The vendor's key is not in the environment.
    """
    if isinstance(source, YfinanceSource):
        return _yfinance(source, anchor, today, limit)
    if isinstance(source, CcxtSource):
        return _ccxt(source, limit)
    if isinstance(source, AlpacaSource):
        return _alpaca(source, limit)
    if isinstance(source, AlphaVantageSource):
        return alpha_vantage(source, limit)
    if isinstance(source, PolygonSource):
        return polygon(source, limit)
    raise TypeError(f"no vendor for {type(source).__name__}")


def _yfinance(source: YfinanceSource, anchor: dt.date, today: dt.date, limit: RequestLimit) -> Vendor:
    try:
        import yfinance
        from curl_cffi import requests
        from yfinance.exceptions import YFRateLimitError
    except ModuleNotFoundError as error:
        raise _not_installed(error, "yfinance") from None

    failures: list[Exception] = []  # the client says "possibly delisted" whatever has failed below it

    class Session(requests.Session):  # type: ignore[misc,type-arg]
        """Asks another address than the vendor's, if there is one."""

        def request(self, method: Any, url: str, *args: Any, **more: Any) -> Any:
            if source.base_url:
                asked = urllib.parse.urlsplit(url)
                url = source.base_url + urllib.parse.urlunsplit(("", "", asked.path, asked.query, ""))
            try:
                more["timeout"] = limit.admit()  # curl holds to it from the first byte to the last
                with vendor_request():
                    answer = super().request(method, url, *args, **more)
                raise_for(answer.status_code, answer.headers.get("Retry-After"), answer.text[:200])
            except Exception as error:
                failures.append(error)
                raise
            return answer

    session = Session(impersonate="chrome")

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        failures.clear()
        # Yahoo divides the past by every later split: all splits until today are needed to undo that.
        try:
            history = yfinance.Ticker(symbol, session=session).history(
                start=anchor, end=today + dt.timedelta(days=1), auto_adjust=False, actions=True, raise_errors=True
            )
        except Exception as error:  # the client lets any error of the network and of its parsers pass
            cause = failures[-1] if failures else error
            if isinstance(cause, TransientError | RefusedError | DeadlineError):
                raise cause from None
            if isinstance(cause, yfinance.exceptions.YFException) and not isinstance(cause, YFRateLimitError):
                raise RefusedError(str(cause)) from None
            raise TransientError(f"{type(cause).__name__}: {cause}") from None
        try:
            bars = pl.DataFrame(
                {
                    "session": [stamp.date() for stamp in history.index],
                    **{name: history[name.title()].to_numpy(np.float64) for name in _EMPTY.columns[1:]},
                    "split": history["Stock Splits"].to_numpy(np.float64),
                    "dividend": history["Dividends"].to_numpy(np.float64),
                }
            )
        except MISSHAPEN as error:
            raise _broken(error) from None
        return _as_traded(bars).filter(pl.col("session").is_between(first, last))

    return Vendor(fetch, by_year=False, limit=limit)


def _as_traded(bars: pl.DataFrame) -> pl.DataFrame:
    """Prices that were traded, and an adjusted close that only the past has changed.

    Parameters
    ----------
    bars
        session, prices and dividends divided by all later splits, volume multiplied by them, split (0: none).
    """
    split = bars["split"].to_numpy()
    ratio = np.where(split > 0, split, 1.0)
    later = np.concatenate([np.cumprod(ratio[::-1])[::-1][1:], [1.0]])[: len(ratio)]
    close = bars["close"].to_numpy() * later
    dividend = bars["dividend"].to_numpy() * later
    previous = np.concatenate([[np.nan], close[:-1]])[: len(close)]
    step = ratio / np.where(dividend > 0, 1 - dividend / previous, 1.0)
    step[:1] = 1.0
    prices = {name: bars[name].to_numpy() * later for name in ("open", "high", "low")}
    return bars.select(
        "session",
        **{name: pl.Series(values) for name, values in prices.items()},
        close=pl.Series(close),
        volume=pl.Series(bars["volume"].to_numpy() / later),
        adj_close=pl.Series(close * np.cumprod(step)),
    )


def _ccxt(source: CcxtSource, limit: RequestLimit) -> Vendor:
    try:
        import ccxt
    except ModuleNotFoundError as error:
        raise _not_installed(error, "ccxt") from None
    if source.exchange not in ccxt.exchanges:
        raise SourceError(f"ccxt has no exchange {source.exchange!r}", expected=", ".join(ccxt.exchanges))
    exchange = getattr(ccxt, source.exchange)({"timeout": int(source.timeout_seconds * 1000), "enableRateLimit": False})
    if source.base_url:
        exchange.urls["api"] = _at(exchange.urls["api"], source.base_url)
    send: Callable[..., Any] = exchange.fetch
    exchange.fetch = lambda *args, **more: limit(lambda: send(*args, **more))

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        rows: dict[int, list[float]] = {}
        since, end = _milliseconds(first), _milliseconds(last)
        try:
            while since <= end:
                page = exchange.fetch_ohlcv(symbol, "1d", since=since)
                fresh = [row for row in page if since <= row[0]]
                rows |= {row[0]: row for row in fresh if row[0] <= end}
                if not fresh:
                    break
                since = fresh[-1][0] + _DAY_MS
            stamps = sorted(rows)
            table = np.array([rows[stamp][1:6] for stamp in stamps], dtype=np.float64).reshape(len(stamps), 5)
            days = pl.from_epoch(pl.Series(stamps, dtype=pl.Int64), "ms").dt.date().alias("session")
        except (ccxt.NetworkError, ccxt.OperationFailed) as error:
            raise TransientError(f"{type(error).__name__}: {error}") from None
        except ccxt.BaseError as error:
            raise RefusedError(f"{type(error).__name__}: {error}") from None
        except MISSHAPEN as error:
            raise _broken(error) from None
        return pl.DataFrame([days, *[pl.Series(name, table[:, at]) for at, name in enumerate(_EMPTY.columns[1:])]])

    return Vendor(fetch, by_year=True, limit=limit)


def _alpaca(source: AlpacaSource, limit: RequestLimit) -> Vendor:
    try:
        from alpaca.common.exceptions import APIError
        from alpaca.data.enums import Adjustment, DataFeed
        from alpaca.data.historical import StockHistoricalDataClient
        from alpaca.data.requests import StockBarsRequest
        from alpaca.data.timeframe import TimeFrame
        from requests.exceptions import RequestException
    except ModuleNotFoundError as error:
        raise _not_installed(error, "alpaca") from None
    key, secret = source.keys()
    client = StockHistoricalDataClient(
        key.get_secret_value(), secret.get_secret_value(), url_override=source.base_url or None
    )
    client._retry = 0
    send: Callable[..., Any] = client._session.request
    client._session.request = lambda *args, **more: limit(  # type: ignore[method-assign]
        lambda: send(*args, timeout=source.timeout_seconds, **more)
    )

    def fetch(symbol: str, first: dt.date, last: dt.date) -> pl.DataFrame:
        request = StockBarsRequest(
            symbol_or_symbols=symbol,
            timeframe=TimeFrame.Day,  # type: ignore[arg-type]
            start=dt.datetime.combine(first, dt.time()),
            end=dt.datetime.combine(last, dt.time(23, 59)),
            adjustment=Adjustment.RAW,
            feed=DataFeed(source.feed),
        )
        try:
            bars = _of_alpaca(client.get_stock_bars(request), symbol)
        except APIError as error:
            status = int(error.status_code or _SERVER)
            hidden = str(error).replace(secret.get_secret_value(), "***").replace(key.get_secret_value(), "***")
            raise_for(status, None, hidden)
            raise RefusedError(hidden) from None
        except RequestException as error:
            raise TransientError(f"{type(error).__name__}: {error}") from None
        except MISSHAPEN as error:
            raise _broken(error) from None
        return bars

    return Vendor(fetch, by_year=True, limit=limit)


def _of_alpaca(answer: Any, symbol: str) -> pl.DataFrame:
    bars = answer.data.get(symbol, [])
    if not bars:
        return _EMPTY
    # A daily bar is stamped with midnight in New York.
    days = pl.Series("session", [bar.timestamp for bar in bars]).dt.convert_time_zone("America/New_York").dt.date()
    values = {name: [float(getattr(bar, name)) for bar in bars] for name in _EMPTY.columns[1:]}
    return pl.DataFrame([days, *[pl.Series(name, column) for name, column in values.items()]])


def _broken(error: BaseException) -> TransientError:
    """Make the error of an answer that is valid JSON, and not what was asked for."""
    return TransientError(f"a broken answer: {type(error).__name__}: {error}")


def _at(urls: Any, base: str) -> Any:
    """The same services at another address."""
    if isinstance(urls, dict):
        return {name: _at(url, base) for name, url in urls.items()}
    return base + urllib.parse.urlsplit(urls).path


def _milliseconds(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC).timestamp() * 1000)


def _not_installed(error: ModuleNotFoundError, extra: str) -> SourceError:
    return SourceError(f"{error.name} is not installed", todo=f"pip install 'trading-assets[{extra}]'")
