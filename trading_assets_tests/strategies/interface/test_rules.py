from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from trading_assets.strategies.interface.rules import ExitRule, Rules, Trigger


def rules(exit_rule: ExitRule | None) -> Rules:
    close = pl.col("adj_close")
    return Rules(
        eligible=pl.lit(True),
        triggers=(Trigger("up", close, 0.0, close),),
        exits={"fell": close < 1, "weak": close < 2},
        exit=exit_rule,
        exit_reason="fell",
    )


def test_an_exit_rule_names_signals_that_there_are() -> None:
    assert rules(ExitRule("fell")).exits.keys() == {"fell", "weak"}
    assert rules(None).exit is None
    assert rules(ExitRule("fell", raise_stop_on="weak", raised_stop_atr=1.0)).exit == ExitRule(
        "fell", raise_stop_on="weak", raised_stop_atr=1.0
    )


def test_rules_are_values_that_nobody_changes() -> None:
    made = rules(None)
    with pytest.raises(AttributeError):
        made.exit_reason = "other"  # type: ignore[misc]


def test_a_side_is_long_or_short() -> None:
    made = rules(None)
    assert (made.side, made.sign, replace(made, side="short").sign) == ("long", 1, -1)
    with pytest.raises(ValueError, match="side 'both' is none of long, short"):
        replace(made, side="both")  # type: ignore[arg-type]
