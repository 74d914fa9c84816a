"""The rules of a strategy as plain values."""

from __future__ import annotations

from typing import Any

import polars as pl

from trading_assets.strategies.interface.rules import RemoteRules, Rules


def describe(rules: Rules) -> dict[str, Any]:
    """Return the rules as plain values, their expressions written out in full."""
    if isinstance(rules, RemoteRules):
        return dict(rules.described)
    return {
        "eligible": _text(rules.eligible),
        "triggers": [[t.name, _text(t.strength), t.threshold, _text(t.rank)] for t in rules.triggers],
        "exits": {name: _text(exit_) for name, exit_ in sorted(rules.exits.items())},
        "exit": vars(rules.exit) if rules.exit else None,
        "relative_strength": _text(rules.relative_strength),
        "rank_weights": rules.rank_weights,
        "model": rules.model,
        **({"side": rules.side} if rules.side != "long" else {}),  # as descriptions were before there were sides
    }


def _text(expression: pl.Expr) -> str:
    return expression.meta.serialize(format="json")
