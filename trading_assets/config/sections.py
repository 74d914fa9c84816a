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

    start: Day
    end: Day

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

    train: Interval | Fraction = 0.625
    validation: Interval | Fraction = 0.125
    holdout: Interval | Fraction = 0.25
    warm_up_sessions: int = Field(default=250, ge=0, le=MOST_SESSIONS)

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

    fee_bps: NonNegative
    slippage_bps: NonNegative
    tick: NonNegative = Field(description="price increment in quote currency; 0 for none")
    tick_below_one: NonNegative = Field(description="of prices below 1, where it is finer than tick")
    lot: Positive = Field(description="smallest tradable quantity")
    weekend_multiplier: Positive = 1.0
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
    noise: Literal["drawn", "off"] = "drawn"
    noise_deviation: NonNegative = 0.75
    stress_multiplier: Positive = 2.0
    stress_noise_deviation: NonNegative = 1.5
    stress_window: int = Field(default=5, ge=1, le=MOST_SESSIONS)
    volatility_clip: tuple[Positive, Positive] = (0.5, 3.0)
    size_clip: tuple[Positive, Positive] = (0.5, 2.0)
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
    unit: Literal["percent", "fraction"] = "percent"
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

    starting_equity: Positive = 100_000.0
    risk_per_trade: Fraction = 0.0075
    max_position: Fraction = 0.15
    max_gross: Fraction = 0.80
    max_positions: int = Field(default=8, ge=1, le=10_000)
    max_symbol: Fraction = 0.25
    max_sector: Fraction = Field(default=0.50, description="of the symbols whose sector is known")
    volatility_window: int = Field(default=20, ge=2, le=MOST_SESSIONS)
    volatility_baseline: int = Field(default=252, ge=2, le=MOST_SESSIONS)
    volatility_minimum: int = Field(default=60, ge=1, le=MOST_SESSIONS)
    volatility_floor: Fraction = 0.33
    correlation_window: int = Field(default=20, ge=3, le=MOST_SESSIONS)
    correlation_positions: int = Field(default=4, ge=2, le=10_000)
    correlation_portfolio: Fraction = 0.70
    correlation_candidate: Fraction = 0.75
    rank_weights: tuple[Fraction, Fraction, Fraction] = (0.5, 0.3, 0.2)
    beyond_capacity: Literal["reduce", "reject"] = Field(
        default="reduce", description="what becomes of an entry above its strategy's capacity; exits always pass"
    )
    var_limit: Fraction = 0.03
    var_window: int = Field(default=252, ge=20, le=MOST_SESSIONS)
    daily_loss_limit: Fraction = 0.02
    drawdown_limit: Fraction = 0.20
    halt_sessions: int = Field(default=20, ge=0, le=MOST_SESSIONS)
    restart_risk: Fraction = 0.5
    health_clean_sessions: int = Field(default=20, ge=1, le=MOST_SESSIONS)
    missing_sessions_exit: int = Field(default=2, ge=1, le=MOST_SESSIONS)
    delisting_sessions: int = Field(default=10, ge=2, le=MOST_SESSIONS)

    @model_validator(mode="after")
    def _baseline_can_be_full(self) -> Risk:
        if self.volatility_minimum > self.volatility_baseline:
            raise ValueError("volatility_minimum is larger than volatility_baseline: scaling could never start")
        return self


class Model(Section):
    """A walk-forward classifier of the forward return's sign."""

    type: Literal["xgboost"] = "xgboost"
    universe: AssetClass = "equity"
    horizon: int = Field(
        default=5, ge=1, le=MOST_SESSIONS, description="sessions between entry and exit open of the label"
    )
    train_sessions: int = Field(default=504, ge=60, le=MOST_SESSIONS, description="sessions before the first test fold")
    test_sessions: int = Field(default=126, ge=5, le=MOST_SESSIONS, description="sessions of a test fold")
    embargo_sessions: int = Field(default=5, ge=0, le=MOST_SESSIONS)
    expanding: bool = True
    trees: int = Field(default=100, ge=1, le=10_000)
    depth: int = Field(default=3, ge=1, le=32)
    learning_rate: Positive = 0.05
    bins: int = Field(default=64, ge=2, le=256, description="histogram bins of a feature")
    min_child_weight: NonNegative = Field(
        default=10.0, description="least sum of weights x p(1 - p) in a leaf; 10 is about 40 independent labels"
    )
    ridge: Positive = Field(default=100.0, description="penalty of the logistic baseline")
    min_rows: int = Field(default=200, ge=20, description="fewer training rows than this: the fold is not trained")


class Regimes(Section):
    """Regimes of the benchmarks: a mixture fitted on the past, filtered forward."""

    number: int = Field(default=3, ge=2, le=6, description="regimes; those that the past does not need stay empty")
    min_sessions: int = Field(default=252, ge=40, le=MOST_SESSIONS, description="observations before the first fit")
    refit_sessions: int = Field(default=126, ge=5, le=MOST_SESSIONS, description="observations until the next fit")
    transition_prior: Positive = Field(default=1.0, description="pseudo-count of each change of regime")


class Registration(Section):
    """What is written down about a strategy before its holdout is looked at."""

    hypothesis: str = Field(min_length=10, description="what is expected and why, in words")
    registered_on: Day
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

    window_sessions: int = Field(default=63, ge=10, le=MOST_SESSIONS)
    psi_alarm: Positive = 0.25
    ks_alarm: Fraction = 0.2
    alarm_share: Fraction = Field(default=0.3, description="fraction of features in alarm that makes a drift event")


class Schedules(Section):
    """When the pipeline runs by itself (cron expressions)."""

    daily: Literal["auto"] | Cron = Field(
        default="auto",
        description="a cron expression; auto: at 00:10 UTC every day for 24/7, and an hour and a half after the close "
        "of each exchange's calendar on its days",
    )
    weekly_retrain: Cron = "0 6 * * 6"
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
    """Who is told about a failed run: the log, or a webhook that takes a JSON POST.

    The address of a webhook is often a secret in itself, so neither it nor the token is ever written out.
    """

    kind: Literal["log", "webhook"] = "log"
    url: SecretStr | None = None
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
        return self

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """What no message may quote."""
        return tuple(each for each in (self.token, self.url) if each is not None and each.get_secret_value())
