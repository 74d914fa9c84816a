"""The sections of the configuration: one pydantic model each, every number of the trading rules a default."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, TypeAdapter, field_validator, model_validator

from trading_assets.config.scalars import MOST_INDICES, MOST_SESSIONS, Cron, Day, NamesFiles, TimeZone

AssetClass = Literal["equity", "crypto"]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
NonEmpty = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of the configuration: immutable, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Interval(Section):
    """A closed interval of sessions, written ``[first, last]`` in YAML."""

    start: Day = Field(description="first session")
    end: Day = Field(description="last session")

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, value: object) -> object:
        if isinstance(value, list | tuple):
            if len(value) != 2:
                raise ValueError("expected two dates, [first, last]")
            return {"start": value[0], "end": value[1]}
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Interval:
        if self.end < self.start:
            raise ValueError(f"the last date {self.end} is before the first {self.start}")
        return self


class Splits(Section):
    """Train, validation and holdout, as dates or as proportions of the usable sessions.

    Proportions must sum to 1; they are resolved to dates once and stored (`models.splits`).
    """

    train: Interval | Fraction = Field(
        default=0.625,
        description="first and last session, or a share of the usable sessions: where parameters may be chosen",
    )
    validation: Interval | Fraction = Field(
        default=0.125,
        description="first and last session, or a share: where a choice is confirmed; with train it is development",
    )
    holdout: Interval | Fraction = Field(
        default=0.25, description="first and last session, or a share: looked at once, by registered strategies"
    )
    warm_up_sessions: int = Field(
        default=250,
        ge=0,
        le=MOST_SESSIONS,
        description="sessions before train that features need; nothing is decided in them",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Splits:
        parts = [self.train, self.validation, self.holdout]
        dates = [part for part in parts if isinstance(part, Interval)]
        if self.train == 0:
            raise ValueError("train must be more than 0")
        if not dates:
            if abs(sum(part for part in parts if isinstance(part, float)) - 1) > 1e-9:
                raise ValueError("the proportions of train, validation and holdout must sum to 1")
            return self
        if len(dates) != len(parts):
            raise ValueError("give all three splits as dates, or all three as proportions")
        for earlier, later in pairwise(dates):
            if later.start <= earlier.end:
                raise ValueError(f"splits overlap or are out of order: {later.start} is not after {earlier.end}")
        return self


class InstrumentCosts(Section):
    """Costs and trading units of one asset class."""

    fee_bps: NonNegative = Field(description="fee a side, of the traded value")
    slippage_bps: NonNegative = Field(description="slippage a side at usual volatility and size, of the price")
    tick: NonNegative = Field(description="price increment in quote currency; 0 for none")
    tick_below_one: NonNegative = Field(description="of prices below 1, where it is finer than tick")
    lot: Positive = Field(description="smallest tradable quantity")
    weekend_multiplier: Positive = Field(default=1.0, description="of the slippage, for fills on a Saturday or Sunday")
    stress_return: float = Field(description="benchmark return over the window below which costs are stressed")


class EquityCosts(InstrumentCosts):
    """Costs of listed shares."""

    fee_bps: NonNegative = 1.0
    slippage_bps: NonNegative = 8.0
    tick: NonNegative = 0.01
    tick_below_one: NonNegative = 0.0001
    lot: Positive = 1.0
    stress_return: float = -0.03


class CryptoCosts(InstrumentCosts):
    """Costs of spot crypto, which trades at weekends in a thinner book."""

    fee_bps: NonNegative = 8.0
    slippage_bps: NonNegative = 10.0
    tick: NonNegative = 1e-8
    tick_below_one: NonNegative = 1e-8
    lot: Positive = 1e-8
    weekend_multiplier: Positive = 1.5
    stress_return: float = -0.05


class Costs(Section):
    """The cost model (fees and slippage)."""

    equity: EquityCosts = EquityCosts()
    crypto: CryptoCosts = CryptoCosts()
    noise: Literal["drawn", "off"] = Field(
        default="drawn",
        description="whether the slippage of a fill is scattered by a draw that depends on seed, symbol and session",
    )
    noise_deviation: NonNegative = Field(default=0.75, description="standard deviation of that draw, basis points")
    stress_multiplier: Positive = Field(
        default=2.0,
        description="of the slippage, while the benchmark has fallen by `stress_return` over `stress_window`",
    )
    stress_noise_deviation: NonNegative = Field(
        default=1.5, description="standard deviation of the draw meanwhile, basis points"
    )
    stress_window: int = Field(default=5, ge=1, le=MOST_SESSIONS, description="sessions of that fall")
    volatility_clip: tuple[Positive, Positive] = Field(
        default=(0.5, 3.0), description="least and most that volatility scales the slippage by"
    )
    size_clip: tuple[Positive, Positive] = Field(
        default=(0.5, 2.0), description="least and most that the size of an order scales it by"
    )
    impact: NonNegative = Field(
        default=1.0,
        description="k of the further cost of an order beyond the size clip: k x sigma_20 x (sqrt(share) - sqrt(clip))",
    )
    borrow_bps: NonNegative = Field(default=50.0, description="of a short position's value a year, accrued daily")
    borrow_rates: Annotated[str, NamesFiles()] = Field(
        default="",
        description="a glob: CSV of the rates of symbols (symbol, from, borrow_bps, borrowable: false where none is to "
        "be had); `borrow_bps` is that of the others",
    )


class RiskFree(Section):
    """What cash earns: a constant, or a series of published rates. Sharpe ratios are of what is earned beyond it."""

    rate: Fraction = Field(default=0.0, description="simple interest a year on 360 days, a fraction; without a file")
    file: Annotated[NonEmpty | None, NamesFiles()] = Field(
        default=None, description="a CSV of a date and rates, as published"
    )
    column: NonEmpty | None = Field(default=None, description="of the rates; default: the second")
    unit: Literal["percent", "fraction"] = Field(default="percent", description="of the rates in the file")
    quoted: Literal["yield", "discount"] = Field(
        default="yield", description="discount: of a bill's face value (FRED's DTB3); converted to what was invested"
    )
    maturity_days: int = Field(default=91, ge=1, le=364, description="of the bill, for rates quoted as a discount")

    @property
    def name(self) -> str:
        """How it is called beside what is measured against it."""
        if self.file:
            return f"risk-free {self.column or 'rate'} of {self.file}"
        return f"risk-free {self.rate:.4g}" if self.rate else "risk-free 0"

    @model_validator(mode="after")
    def _one_of_both(self) -> RiskFree:
        if self.rate and self.file:
            raise ValueError("expected a constant `rate` or a `file` of rates, got both")
        return self


class Risk(Section):
    """Sizing and portfolio limits. Fractions of equity unless said otherwise."""

    starting_equity: Positive = Field(default=100_000.0, description="equity at the start of each run, quote currency")
    risk_per_trade: Fraction = Field(default=0.0075, description="fraction of equity that an order loses at its stop")
    max_position: Fraction = Field(default=0.15, description="largest position when it is opened")
    max_gross: Fraction = Field(default=0.80, description="largest sum of all positions, long and short")
    max_positions: int = Field(
        default=8, ge=1, le=10_000, description="positions at a time, of an order-based strategy"
    )
    max_symbol: Fraction = Field(default=0.25, description="largest holding of a symbol")
    max_sector: Fraction = Field(default=0.50, description="of the symbols whose sector is known")
    volatility_window: int = Field(
        default=20, ge=2, le=MOST_SESSIONS, description="sessions of the account's volatility, which scales risk"
    )
    volatility_baseline: int = Field(
        default=252, ge=2, le=MOST_SESSIONS, description="sessions with exposure that it is compared with"
    )
    volatility_minimum: int = Field(
        default=60, ge=1, le=MOST_SESSIONS, description="sessions that must be known before risk is scaled"
    )
    volatility_floor: Fraction = Field(default=0.33, description="least part that risk is scaled to")
    correlation_window: int = Field(default=20, ge=3, le=MOST_SESSIONS, description="sessions of the correlations")
    correlation_positions: int = Field(
        default=4, ge=2, le=10_000, description="open positions from which on the limit is in force"
    )
    correlation_portfolio: Fraction = Field(
        default=0.70, description="mean correlation of the positions from which on candidates are tested"
    )
    correlation_candidate: Fraction = Field(
        default=0.75, description="mean correlation with the positions above which a candidate is rejected"
    )
    rank_weights: tuple[Fraction, Fraction, Fraction] = Field(
        default=(0.5, 0.3, 0.2),
        description="weights of strength, relative strength and diversification in a candidate's score",
    )
    beyond_capacity: Literal["reduce", "reject"] = Field(
        default="reduce", description="what becomes of an entry above its strategy's capacity; exits always pass"
    )
    var_limit: Fraction = Field(default=0.03, description="largest value at risk of all positions: 1 session, 95 %")
    var_window: int = Field(
        default=252, ge=20, le=MOST_SESSIONS, description="sessions that the value at risk is simulated on"
    )
    daily_loss_limit: Fraction = Field(
        default=0.02, description="loss of a session after which nothing is entered at its close"
    )
    drawdown_limit: Fraction = Field(
        default=0.20, description="fall below the peak at which everything is sold and trading halts"
    )
    halt_sessions: int = Field(default=20, ge=0, le=MOST_SESSIONS, description="sessions without entries after that")
    restart_risk: Fraction = Field(
        default=0.5, description="part of the risk that is taken then, until the old peak is regained"
    )
    max_regime_turnover: float = Field(
        default=0.05,
        gt=0,
        le=2,
        description="largest sum of the changes of weight, up and down, that a change of regime makes in a session; 2 "
        "turns a whole book over at once",
    )
    health_clean_sessions: int = Field(
        default=20, ge=1, le=MOST_SESSIONS, description="sessions without a hole before a symbol is entered again"
    )
    missing_sessions_exit: int = Field(
        default=2, ge=1, le=MOST_SESSIONS, description="sessions in a row without data after which a position is sold"
    )
    delisting_sessions: int = Field(
        default=10,
        ge=2,
        le=MOST_SESSIONS,
        description="sessions in a row without data after which a position is frozen at its last mark",
    )

    @model_validator(mode="after")
    def _baseline_can_be_full(self) -> Risk:
        if self.volatility_minimum > self.volatility_baseline:
            raise ValueError("volatility_minimum is larger than volatility_baseline: scaling could never start")
        return self


class Regimes(Section):
    """Regimes of the benchmarks: a mixture fitted on the past, filtered forward."""

    number: int = Field(default=3, ge=2, le=6, description="regimes; those that the past does not need stay empty")
    min_sessions: int = Field(default=252, ge=40, le=MOST_SESSIONS, description="observations before the first fit")
    refit_sessions: int = Field(default=126, ge=5, le=MOST_SESSIONS, description="observations until the next fit")
    transition_prior: Positive = Field(default=1.0, description="pseudo-count of each change of regime")


class Registration(Section):
    """What is written down about a strategy before its holdout is looked at."""

    hypothesis: str = Field(min_length=10, description="what is expected and why, in words")
    registered_on: Day = Field(
        description="the day it was written down: it decides whether the holdout lay in the future then"
    )
    override: str | None = Field(default=None, min_length=10, description="the reason for looking again after a change")
    weight: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="its part of the error rate of 5 % that the strategies of a batch share; default an equal part",
    )
    indices: dict[NonEmpty, NonEmpty] = Field(
        default={},
        max_length=MOST_INDICES,
        description="symbol -> index that it is an instrument of, if all that is traded is; stands in the verdict",
    )


class Monitoring(Section):
    """Drift windows and alarm thresholds."""

    window_sessions: int = Field(
        default=63,
        ge=10,
        le=MOST_SESSIONS,
        description="sessions of the newest window, whose features are compared with those of development",
    )
    psi_alarm: Positive = Field(default=0.25, description="population stability index of a feature that is an alarm")
    ks_alarm: Fraction = Field(default=0.2, description="Kolmogorov-Smirnov distance of a feature that is an alarm")
    alarm_share: Fraction = Field(default=0.3, description="fraction of features in alarm that makes a drift event")


class Schedules(Section):
    """When the pipeline runs by itself (cron expressions)."""

    daily: Literal["auto"] | Cron = Field(
        default="auto",
        description="a cron expression; auto: at 00:10 UTC every day for 24/7, and an hour and a half after the close "
        "of each exchange's calendar on its days",
    )
    weekly_retrain: Cron = Field(default="0 6 * * 6", description="a cron expression: models are trained anew")
    timezone: TimeZone = Field(default="UTC", description="zone of the cron expressions; auto is in UTC")


class Reports(Section):
    """What is written beside the pages."""

    data_docs: bool = Field(default=True, description="Great Expectations' site of what is expected; takes seconds")


class Limits(Section):
    """What a user's own strategy module may take: it runs in a process of its own."""

    plugin_seconds: float = Field(
        default=600.0, gt=0, le=86_400, description="of one answer: its import, its decisions"
    )
    plugin_memory_mb: int = Field(default=4096, ge=256, le=4_194_304, description="of its process")


class Notifier(Section):
    """Who is told about alerts: the log, a webhook that takes a JSON POST, or any service that Apprise knows.

    The address of a webhook is often a secret in itself, so neither it nor the token is ever written out.
    """

    kind: Literal["log", "webhook", "apprise"] = Field(default="log", description="where alerts go, the log beside it")
    url: SecretStr | None = Field(default=None, description="address of the webhook; never printed")
    urls: tuple[SecretStr, ...] = Field(
        default=(), max_length=20, description="of apprise: addresses as it writes them; extra `apprise`; never printed"
    )
    token_variable: str = Field(
        default="TRADING_ASSETS_WEBHOOK_TOKEN",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        description="environment variable with the token that is sent as `Authorization: Bearer`",
    )
    token: SecretStr | None = Field(default=None, exclude=True, description="read from the environment, never the file")

    @field_validator("url", mode="before")
    @classmethod
    def _is_address(cls, value: object) -> object:
        """Pydantic's messages quote what they refuse: this one does not."""
        if isinstance(value, str):
            try:
                TypeAdapter(HttpUrl).validate_python(value)
            except ValueError:
                raise ValueError("no address of a webhook; expected https://host/path") from None
        return value

    @model_validator(mode="after")
    def _webhook_has_url(self) -> Notifier:
        if self.kind == "webhook" and self.url is None:
            raise ValueError("a webhook notifier needs `url`")
        if self.kind == "apprise" and not self.urls:
            raise ValueError("an apprise notifier needs `urls`")
        return self

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """What no message may quote."""
        return tuple(
            each for each in (self.token, self.url, *self.urls) if each is not None and each.get_secret_value()
        )
