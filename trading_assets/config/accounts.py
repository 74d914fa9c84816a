"""Running accounts: when their jobs run by themselves, and when one is closed by itself."""

from __future__ import annotations

from pydantic import Field

from trading_assets.config.sections import Fraction, Section


class Accounts(Section):
    """When running accounts are worked on, and left. No result of a backtest follows from it."""

    after_close_minutes: int = Field(
        default=75, ge=1, le=360, description="from the close of a session to its bars, decisions and sheets"
    )
    before_open_minutes: int = Field(
        default=45, ge=5, le=360, description="from the checks and the sending of orders to the open that they are for"
    )
    after_open_minutes: int = Field(
        default=15, ge=1, le=360, description="from an open to the fills, which are held to the account"
    )
    retry_minutes: int = Field(
        default=15, ge=1, le=120, description="between two attempts where bars are late, up to the open"
    )
    closing_limit: Fraction = Field(
        default=0.05, description="furthest from its last mark that a position is sold at when an account is closed"
    )
    close_on_revoked_verdict: bool = Field(
        default=False, description="close an account where the verdict is worse than at its opening, or is gone"
    )
