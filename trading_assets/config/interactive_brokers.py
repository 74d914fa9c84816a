"""Settings of the broker Interactive Brokers: which Trader Workstation (TWS) or IB Gateway is asked, and for whom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from trading_assets.config.sections import NonEmpty, Section

#: Ports that TWS and IB Gateway listen on as they come: of live accounts, and of paper accounts.
LIVE_PORTS, PAPER_PORTS = (7496, 4001), (7497, 4002)


class InteractiveBrokersSettings(Section):
    """Interactive Brokers, by a TWS or IB Gateway that runs and is logged in; extra `interactive_brokers`."""

    host: NonEmpty = Field(default="127.0.0.1", description="where TWS or IB Gateway runs")
    port: int = Field(
        default=7497,
        ge=1,
        le=65_535,
        description="7497: TWS, paper; 4002: IB Gateway, paper; 7496 and 4001 are their ports of live accounts",
    )
    client_id: int = Field(
        default=17,
        ge=1,
        le=999_999,
        description="number of this program, which no other program has; make it the Master API client ID of TWS",
    )
    account: str = Field(
        default="", max_length=20, description="account, such as DU1234567; empty: the only one of the login"
    )
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = Field(default=20.0, description="to wait for an answer")
    currency: NonEmpty = Field(default="USD", description="of the account and of all that is traded")
    symbols: dict[NonEmpty, NonEmpty] = Field(
        default={}, description="shares that IB writes otherwise: ours, and its own; a dot is a space anyway (BRK.B)"
    )
    coins: dict[NonEmpty, NonEmpty] = Field(default={}, description="coins: our symbol, and IB's, as {BTC/USD: BTC}")
    coin_exchange: Literal["PAXOS", "ZEROHASH"] = Field(
        default="PAXOS", description="where coins are traded: the one that the account has permission for"
    )

    @field_validator("symbols", "coins")
    @classmethod
    def _is_one_to_one(cls, value: dict[str, str]) -> dict[str, str]:
        if len(set(value.values())) < len(value):
            raise ValueError("two symbols have one name at Interactive Brokers; expected a name each")
        return value
