"""Thresholds and severities of the data-quality rules."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import Field, field_validator

from trading_assets.config.scalars import NamesFiles
from trading_assets.config.sections import AssetClass, Fraction, NonNegative, Positive, Section

Severity = Literal["off", "flag", "row", "symbol", "batch"]
_BAD_ROW: tuple[Severity, ...] = ("row", "symbol", "batch")
_NOTE: tuple[Severity, ...] = ("flag",)

#: Rule -> the severities it can have, its default first. A bar that cannot be used is never just flagged.
SEVERITIES: dict[str, tuple[Severity, ...]] = {
    **dict.fromkeys(
        (
            "null_price",
            "non_finite_price",
            "non_positive_price",
            "ohlc_violation",
            "negative_volume",
            "duplicate_conflict",
            "not_a_session",
        ),
        _BAD_ROW,
    ),
    "future_bar": ("row",),
    "partial_session": ("row", "off", "flag"),
    "wrong_frequency": ("batch", "off", "flag", "row", "symbol"),
    "stale_day": ("row", "off", "flag", "batch"),
    "one_series": ("batch", "off", "flag", "row", "symbol"),
    "identical_series": ("symbol", "off", "flag", "row", "batch"),
    "common_jump": ("batch", "off", "flag", "row", "symbol"),
    "unit_change": ("row", "off", "flag", "symbol", "batch"),
    "ticker_reuse": ("flag", "off"),
    "spike": ("row", "symbol", "batch"),
    "half_adjusted": ("row", "off", "symbol", "batch"),
    **dict.fromkeys(
        (
            "extreme_move",
            "split_suspect",
            "volume_unit_break",
            "gap_event",
            "zero_volume",
            "stale_price",
            "duplicate_exact",
            "rounding_clamped",
        ),
        _NOTE,
    ),
}


#: No rule looks at more of a symbol's bars before the one in question.
LOOK_BACK = 100


class Quality(Section):
    """Thresholds of the data-quality rules (fractions unless said otherwise), and how severe each rule is."""

    extreme_move: Positive = Field(default=0.5, description="return of a session that is extreme")
    extreme_multiple: dict[AssetClass, NonNegative] = Field(
        default={"crypto": 8.0},
        description="asset class -> multiple of its usual move (the median of 60) that an extreme one exceeds besides",
    )
    split_suspect: NonNegative = Field(
        default=0.03, description="how near to the ratio of a split an open is that looks like one without a record"
    )
    spike_return: Positive = Field(
        default=0.2,
        description="after an extreme move, how near the next close is to the one before it: then it was a spike",
    )
    gap_event: Positive = Field(default=0.1, description="distance of an open from the close before it that is a gap")
    stale_closes: int = Field(default=5, ge=2, le=LOOK_BACK, description="equal closes in a row that are stale")
    rounding_breach: NonNegative = Field(
        default=0.001, description="distance by which a high or a low may miss open and close and be taken for rounding"
    )
    min_coverage: Fraction = Field(
        default=0.5, description="share of a session's intraday bars below which its bar is not used"
    )
    split_ratio: Positive = Field(default=0.2, description="an inferred ratio further than this from 1 can be a split")
    half_adjusted: Positive = Field(
        default=0.05, description="how near to the ratio of a split a bar is off that missed, or had, an adjustment"
    )
    fewest_symbols: int = Field(
        default=10, ge=2, le=1_000_000, description="rules across symbols need as many of an asset class in a session"
    )
    most_symbols: Fraction = Field(default=0.5, description="share of the symbols that is most of them")
    identical_sessions: int = Field(
        default=20, ge=2, le=LOOK_BACK, description="sessions with a moving price after which two equal series are one"
    )
    jump: Positive = Field(default=0.05, description="a move of many symbols by one ratio is looked for above this")
    jump_share: Fraction = Field(default=0.2, description="share of the symbols that makes it a jump of the units")
    reuse_days: int = Field(
        default=365,
        ge=365,
        le=1_000_000,
        description="days from a bar to the next after which a ticker is another instrument's",
    )
    volume_ratio: Positive = Field(
        default=50.0, gt=1.0, description="change of a symbol's median volume that is one of its unit"
    )
    severity: dict[str, Severity] = Field(
        default={}, description="rule -> off | flag | row | symbol | batch, where the default is not wanted"
    )
    overrides: Annotated[str, NamesFiles()] = Field(
        default="", description="path of a CSV with the columns symbol, session, rule: findings that a person reviewed"
    )

    def severity_of(self, rule: str) -> Severity:
        """Return the severity of a rule: as configured, else its default."""
        return self.severity.get(rule, SEVERITIES[rule][0])

    @field_validator("severity")
    @classmethod
    def _possible(cls, value: dict[str, Severity]) -> dict[str, Severity]:
        for rule, severity in value.items():
            if rule not in SEVERITIES:
                nearest = difflib.get_close_matches(rule, SEVERITIES, n=1)
                raise ValueError(f"no rule {rule!r}" + (f"; did you mean {nearest[0]!r}?" if nearest else ""))
            if severity not in SEVERITIES[rule]:
                raise ValueError(f"{rule}: expected {' | '.join(SEVERITIES[rule])}, got {severity}")
        return value
