"""How closely the models of a configuration are looked at, beside their metrics."""

from __future__ import annotations

from pydantic import Field

from trading_assets.config.sections import Section


class Evaluation(Section):
    """The section `evaluation`: it decides no score, so it has no part in any hash."""

    importance_repeats: int = Field(
        default=5, ge=2, le=100, description="how often each feature is permuted in each fold of each model"
    )
    importance_rows: int = Field(
        default=4_000, ge=50, le=1_000_000, description="most rows of a fold, drawn, that are scored for each of these"
    )
    top_features: int = Field(
        default=10, ge=1, le=1_000, description="features of a fold that count as chosen when folds are compared"
    )
