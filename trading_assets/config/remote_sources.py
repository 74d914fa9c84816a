"""Settings of sources behind a network or a database. Keys come from the environment, never from the file."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from trading_assets.config.errors import ConfigurationError
from trading_assets.config.scalars import MOST_SESSIONS, NamesFiles
from trading_assets.config.secrets import is_set, secret_of
from trading_assets.config.sections import AssetClass, Fraction, Positive
from trading_assets.config.sources import ColumnSettings, FilesSource, RecordedSource, SampleSource, SyntheticSource

#: Seconds to wait for an answer, or before the next try.
Patience = Annotated[float, Field(gt=0, le=86_400)]

SQL_URI_VARIABLE = "TRADING_ASSETS_SQL_URI"


class MissingSecretError(Exception):
    """A source's key is not in the environment; `str()` names the variable."""


class StoodInFor(RecordedSource):
    """A source that may not answer, and for which another one of `market_data` may stand in."""

    fallback: str = Field(
        default="",
        description="`source` of another entry of `market_data`, of the same class and calendar, that stands in for "
        "the sessions that this one fails to bring, and is asked for nothing else",
    )
    when_down: Literal["stop", "go_on"] = Field(
        default="stop",
        description="stop: a run whose source, and its fallback, fail ends after the other sources' bars are there; "
        "go_on: it decides with what is there, which enters no symbol without a bar of the session, and warns",
    )
    fallback_tolerance: Fraction = Field(
        default=0.005,
        description="by how much prices of the two may differ over the weeks before; a symbol beyond it is not taken",
    )


class RemoteSource(StoodInFor):
    """What every vendor's source has: symbols, patience, and a limit to what is asked of the vendor."""

    symbols: list[str] = Field(min_length=1, description="as the vendor writes them")
    base_url: str = Field(default="", description="another address of the vendor's service; empty: its own")
    timeout_seconds: Patience = Field(default=30.0, description="of a request, to the last byte of its answer")
    deadline_seconds: Patience = Field(
        default=3600.0, description="of all that is asked of the source in a run; then it is given up for this run"
    )
    attempts: int = Field(default=5, ge=1, le=100, description="tries of a request before it counts as failed")
    first_wait_seconds: Patience = Field(default=1.0, description="before the second try; doubled, with jitter, after")
    longest_wait_seconds: Patience = Field(
        default=300.0, description="most that is waited because the vendor asks for it (`Retry-After`)"
    )
    requests_per_second: Positive = Field(default=2.0, description="most that the vendor is asked, each page counted")
    most_pages: int = Field(default=1_000, ge=1, le=1_000_000, description="most pages of one answer")
    breaker_failures: int = Field(
        default=3,
        ge=1,
        le=1_000,
        description="failed requests in a row after which the source is given up for this run",
    )
    look_back_sessions: int = Field(
        default=10,
        ge=0,
        le=MOST_SESSIONS,
        description="days before today that are never read from the cache: vendors correct them",
    )


class YfinanceSource(RemoteSource):
    """Yahoo Finance, by the client yfinance. Prices are turned back into those that were traded."""

    source: Literal["yfinance"]
    asset_class: AssetClass = "equity"


class CcxtSource(RemoteSource):
    """Daily candles of a crypto exchange, by the client ccxt."""

    source: Literal["ccxt"]
    asset_class: AssetClass = "crypto"
    exchange: str = Field(min_length=1, description="name of the exchange in ccxt, such as kraken")


class AlpacaSource(RemoteSource):
    """Raw daily bars of US stocks, by the client alpaca-py."""

    key_variables: ClassVar[tuple[str, str]] = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")

    source: Literal["alpaca"]
    asset_class: AssetClass = "equity"
    feed: Literal["iex", "sip"] = Field(default="iex", description="iex: one exchange, free; sip: all of them")

    def keys(self) -> tuple[SecretStr, SecretStr]:
        """Return key and secret.

        Raises
        ------
        MissingSecretError
            One is not set.
        """
        key, secret = (_secret(name, "alpaca") for name in self.key_variables)
        return key, secret


class AlphaVantageSource(RemoteSource):
    """Raw daily prices with dividends and splits, TIME_SERIES_DAILY_ADJUSTED of Alpha Vantage."""

    key_variable: ClassVar[str] = "ALPHAVANTAGE_API_KEY"

    source: Literal["alpha_vantage"]
    asset_class: AssetClass = "equity"
    requests_per_second: Positive = 1.0

    def key(self) -> SecretStr:
        """Return the key.

        Raises
        ------
        MissingSecretError
            It is not set.
        """
        return _secret(self.key_variable, "alpha_vantage")


class PolygonSource(RemoteSource):
    """Raw daily bars of US stocks with dividends and splits, from Polygon.io (Massive)."""

    key_variables: ClassVar[tuple[str, str]] = ("POLYGON_API_KEY", "MASSIVE_API_KEY")

    source: Literal["polygon"]
    asset_class: AssetClass = "equity"

    def key(self) -> SecretStr:
        """Return the key, under the old name of the service or under the new one.

        Raises
        ------
        MissingSecretError
            Neither is set.
        """
        old, new = self.key_variables
        return _secret(new if is_set(new) and not is_set(old) else old, "polygon")


class SqlSource(ColumnSettings, StoodInFor):
    """Rows of a query in PostgreSQL or SQLite."""

    source: Literal["sql"]
    path: Annotated[str, NamesFiles()] = Field(
        default="", description=f"an SQLite file; empty: the database of {SQL_URI_VARIABLE}"
    )
    query: str = Field(min_length=1, description="a SELECT of bars, one a row")
    timeout_seconds: Patience = Field(default=30.0, description="of the query")

    def uri(self) -> SecretStr:
        """Where the database is.

        Raises
        ------
        MissingSecretError
            Neither a file nor the variable is set.
        """
        return _secret(SQL_URI_VARIABLE, "sql")


AnySource = Annotated[
    SampleSource
    | FilesSource
    | SyntheticSource
    | SqlSource
    | YfinanceSource
    | CcxtSource
    | AlpacaSource
    | AlphaVantageSource
    | PolygonSource,
    Field(discriminator="source"),
]


def _secret(variable: str, source: str) -> SecretStr:
    try:
        value = secret_of(variable)
    except ConfigurationError as error:
        raise MissingSecretError(str(error)) from None
    if not value:
        raise MissingSecretError(
            f"the source {source!r} has no key\n  expected: environment variable {variable}\n"
            f"  do: export {variable}=..., or take the source out of `market_data`"
        )
    return SecretStr(value)
