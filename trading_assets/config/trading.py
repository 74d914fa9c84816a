"""Where orders of running accounts go, and what may differ there. Keys come from the environment, never the file."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from trading_assets.config.errors import ConfigurationError
from trading_assets.config.interactive_brokers import InteractiveBrokersSettings
from trading_assets.config.secrets import secret_of
from trading_assets.config.sections import Fraction, NonEmpty, Section

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Tolerances(Section):
    """How far a real broker may be from the engine; what is within is slippage, or cost, and no difference."""

    price: Fraction = Field(default=0.02, description="of the price that the engine booked")
    fee: Fraction = Field(default=0.003, description="fee a unit, as a fraction of the price")
    units: Fraction = Field(
        default=0.003,
        description="of parts of a unit, and of coins (fees are paid in coins); whole shares are exact",
    )
    cash: Fraction = Field(default=0.005, description="of the capital: interest, fees and dividends come on other days")


class AlpacaSettings(Section):
    """Alpaca, by its client alpaca-py; extra `alpaca`."""

    key_variable: str = Field(
        default="APCA_API_KEY_ID", pattern=_VARIABLE, description="environment variable with the key"
    )
    secret_variable: str = Field(
        default="APCA_API_SECRET_KEY", pattern=_VARIABLE, description="environment variable with the secret"
    )
    base_url: str = Field(
        default="", description="another address of the trading service; empty: Alpaca's for paper, or for live"
    )
    data_url: str = Field(default="", description="another address of the service of quotes; empty: Alpaca's")
    feed: Literal["iex", "sip"] = Field(
        default="iex", description="quotes of stocks; iex: one exchange, free; sip: all of them"
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(default=10.0, description="of a request")
    attempts: int = Field(
        default=4, ge=1, le=20, description="tries of a request that may be made twice; an order is found by its id"
    )
    longest_wait_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        default=30.0, description="most that is waited before the next try, whatever Alpaca asks for"
    )
    symbols: dict[NonEmpty, NonEmpty] = Field(
        default={}, description="symbols that Alpaca writes otherwise: ours, and its own, as {BTC: BTC/USD}"
    )

    @field_validator("base_url", "data_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        if value and not (is_safe and parts.hostname):
            raise ValueError("expected https://host, or http:// on this machine: keys are sent there")
        return value.rstrip("/")

    @field_validator("symbols")
    @classmethod
    def _is_one_to_one(cls, value: dict[str, str]) -> dict[str, str]:
        if len({each.replace("/", "") for each in value.values()}) < len(value):
            raise ValueError("two symbols have one name at Alpaca; expected a name each")
        return value

    def secrets(self) -> tuple[SecretStr, SecretStr]:
        """Return key and secret.

        Raises
        ------
        ConfigurationError
            One is not set; it names the variable.
        """
        found = [secret_of(name).strip() for name in (self.key_variable, self.secret_variable)]
        for name, value, key in zip(
            (self.key_variable, self.secret_variable), found, ("key_variable", "secret_variable"), strict=True
        ):
            if not value:
                raise ConfigurationError(
                    f"Alpaca has no key\n  expected: environment variable {name} (trading.alpaca.{key})\n"
                    f"  what to do: export {name}=..., or {name}_FILE=... with the path of a file that holds it"
                )
        return SecretStr(found[0]), SecretStr(found[1])


class Trading(Section):
    """The section `trading`: it decides no result of a backtest, so it has no part in any hash of one."""

    broker: Literal["simulated", "alpaca", "interactive_brokers"] = Field(
        default="simulated", description="where orders of accounts go that are opened from now on"
    )
    live: bool = Field(
        default=False, description="whether accounts may be live: money is in them; needs `live_account`, too"
    )
    live_account: str = Field(
        default="", max_length=50, description="id of the one live account that orders may go to, as the broker says it"
    )
    marketable: Annotated[float, Field(gt=0, le=0.2)] = Field(
        default=0.01, description="how far beyond the last close a limit lies that is to fill at once: a fraction"
    )
    largest_move: Annotated[float, Field(gt=0, le=10)] = Field(
        default=0.5, description="move from one close to the next beyond which an entry waits: a fraction"
    )
    clock_skew_seconds: Annotated[float, Field(gt=0, le=3_600)] = Field(
        default=30.0, description="most that the clock of a real broker may be apart from ours"
    )
    late_minutes: Annotated[float, Field(gt=0, le=720)] = Field(
        default=60.0, description="how long after the open of a market that never closes an order for it may be sent"
    )
    tolerances: Tolerances = Field(default=Tolerances(), description="how far a real broker may be from the engine")
    alpaca: AlpacaSettings = Field(default=AlpacaSettings(), description="settings of `broker: alpaca`")
    interactive_brokers: InteractiveBrokersSettings = Field(
        default=InteractiveBrokersSettings(), description="settings of `broker: interactive_brokers`"
    )

    @model_validator(mode="after")
    def _live_is_said_twice(self) -> Trading:
        if self.live != bool(self.live_account):
            raise ValueError(
                "live and live_account go together: live: true with the id of the one account, or neither of them"
            )
        return self
