"""What a strategy of either kind decides: its signals, and the paper position that they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Set
from dataclasses import dataclass

import polars as pl

from trading_assets.config.plugins import UndeclaredReadError
from trading_assets.config.sections import Risk
from trading_assets.config.strategies import OrderParameters, StrategyParameters, windows_of
from trading_assets.features.catalog import FEATURES
from trading_assets.features.indicators import INDICATORS
from trading_assets.sandbox.process import StoppedError
from trading_assets.strategies.evaluation.failure import StrategyError, located
from trading_assets.strategies.evaluation.paper_portfolio import paper_positions, signals_of_targets
from trading_assets.strategies.interface.panel import signal_rows
from trading_assets.strategies.interface.resolved import ConfiguredStrategy
from trading_assets.strategies.interface.target_weights import stated_weights
from trading_assets.strategies.tables import SIGNALS, TARGET_WEIGHTS


@dataclass(frozen=True)
class StrategyDecisions:
    """Rows of `strategies.signals` and `strategies.target_weights` of one strategy."""

    signals: pl.DataFrame
    target_weights: pl.DataFrame


class WindowError(Exception):
    """A strategy looks back further than the data reach."""


def decide(strategy: ConfiguredStrategy, panel: pl.DataFrame, risk: Risk) -> StrategyDecisions:
    """Run a strategy's own code over its panel.

    Parameters
    ----------
    strategy, panel
        Strategy, and its rows by symbol and session.
    risk
        Section of the configuration: sizes of the signals follow from it.

    Raises
    ------
    StrategyError
        The strategy's code failed, or what it gave back cannot be used; with session and symbol where they can be told.
    WindowError
        It looks back further than any symbol has bars: a parameter does, or a column that it names.
    """
    _require_windows(strategy.parameters, panel)

    def run(rows: pl.DataFrame) -> StrategyDecisions:
        return _decide(strategy, rows, risk)

    try:
        decided = run(panel)
    except (StoppedError, UndeclaredReadError) as error:  # nothing of one session or symbol; trying again takes long
        raise StrategyError(error) from None
    except Exception as error:
        raise located(error, run, panel) from error
    _require_columns({*strategy.features, *(strategy.columns & INDICATORS.keys())}, panel)
    return decided


def first_decision(strategy: ConfiguredStrategy, panel: pl.DataFrame) -> dt.date:
    """Return the first session at which a strategy could decide: with fewer bars `decide` raises `WindowError`.

    Parameters
    ----------
    panel
        Panel of a strategy that `decide` has run over.
    """
    known = panel["session"].min()
    longest = max(windows_of(strategy.parameters).values(), default=0)
    nth = pl.int_range(1, pl.len() + 1).over("symbol", order_by="session")
    firsts = [panel.filter(nth >= longest)["session"].min()]
    firsts += [panel.filter(pl.col(name).is_not_null())["session"].min() for name in sorted(strategy.columns)]
    return max(session for session in (known, *firsts) if isinstance(session, dt.date))


def _require_windows(parameters: StrategyParameters, panel: pl.DataFrame) -> None:
    longest = max(panel.group_by("symbol").len()["len"], default=0)
    for window, sessions in windows_of(parameters).items():
        if sessions > longest:
            raise WindowError(
                f"{window} looks back {sessions} sessions, and no symbol has more than {longest} usable bars"
            )


def _require_columns(names: Set[str], panel: pl.DataFrame) -> None:
    """An indicator without any value, or a feature that needs more bars than there are, would never make a signal."""
    longest = max(panel.group_by("symbol").len()["len"], default=0)
    short = {feature.column for feature in FEATURES if feature.warm_up < longest}
    empty = [name for name in sorted(names - short) if panel[name].null_count() == panel.height]
    if empty and longest:
        raise WindowError(f"no symbol has enough bars for {', '.join(empty)}: the longest history is {longest}")


def _decide(strategy: ConfiguredStrategy, panel: pl.DataFrame, risk: Risk) -> StrategyDecisions:
    name, parameters = strategy.name, strategy.parameters
    if isinstance(parameters, OrderParameters):
        rules = strategy.rules
        signals = signal_rows(
            name,
            rules,
            panel,
            stop_atr=parameters.stop_atr,
            risk_per_trade=risk.risk_per_trade,
            max_position=min(risk.max_position, risk.max_symbol),
        )
        targets = paper_positions(
            rules,
            parameters,
            panel,
            signals.filter(action="enter"),
            max_gross=risk.max_gross,
            delisting_sessions=risk.delisting_sessions,
        )
    else:
        targets = stated_weights(strategy.target_weight_module, parameters, panel)
        signals = signals_of_targets(name, targets)
    return StrategyDecisions(
        signals=SIGNALS.conform(signals),
        target_weights=TARGET_WEIGHTS.conform(targets.with_columns(strategy=pl.lit(name))).sort(TARGET_WEIGHTS.key),
    )
