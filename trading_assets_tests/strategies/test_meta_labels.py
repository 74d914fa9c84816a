"""A gate before another strategy: its own entries where the score is high, and all else the primary's."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from trading_assets.strategies import crypto_momentum, equity_momentum, mean_reversion, meta_labels
from trading_assets.strategies.interface.panel import evaluate
from trading_assets.strategies.interface.rules import Rules
from trading_assets_tests.strategies.panels import panel

PRIMARIES = {
    "equity_momentum": equity_momentum.rules(equity_momentum.Parameters(trend_slope=-1.0)),
    "crypto_momentum": crypto_momentum.rules(crypto_momentum.Parameters()),
    "mean_reversion": mean_reversion.rules(mean_reversion.Parameters()),
}


@pytest.mark.parametrize("primary", PRIMARIES.values(), ids=PRIMARIES)
def test_entries_are_those_of_the_primary_with_a_score_above(primary: Rules) -> None:
    """Scores of a third of the rows, one by one: nothing else of the primary changes."""
    seen = panel("equity_momentum")
    rng = np.random.default_rng(2)
    drawn = pl.Series("score", np.round(rng.random(seen.height), 2))
    seen = seen.with_columns(pl.when(pl.Series(rng.random(seen.height) < 0.3)).then(drawn).alias("score"))
    if "zscore_20" not in seen.columns:
        seen = seen.with_columns(zscore_20=pl.Series(rng.standard_normal(seen.height) * 2))
    own = meta_labels.gated_rules(meta_labels.Parameters(model="bet", entry_score=0.5), primary)
    before, after = evaluate(primary, seen), evaluate(own, seen)
    gate = [each is not None and each > 0.5 for each in seen["score"]]
    assert after["eligible"].to_list() == [a and b for a, b in zip(before["eligible"], gate, strict=True)]
    assert 0 < after["eligible"].sum() < before["eligible"].sum()
    kept = [name for name in before.columns if name.startswith(("strength_", "exit_", "relative"))]
    assert after.select(kept).equals(before.select(kept))
    assert after["rank_0"].equals(seen["score"], check_names=False)
    assert (own.exit, own.exit_reason, own.side, own.model) == (primary.exit, primary.exit_reason, primary.side, "bet")
    assert [(each.name, each.threshold) for each in own.triggers] == [
        (each.name, each.threshold) for each in primary.triggers
    ]
