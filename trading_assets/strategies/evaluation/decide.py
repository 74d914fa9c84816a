"""What a strategy of either kind decides: its signals, and the paper position that they make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Set
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


def decide(strategy: ConfiguredStrategy, panels: Iterable[pl.DataFrame], risk: Risk) -> StrategyDecisions:
    """Run a strategy's own code over its panel.

    Parameters
    ----------
    strategy, panels
        Strategy, and its rows by symbol and session: of some symbols at a time, gone through more than once; of a
        strategy that does not decide by symbol all at once.
    risk
        Section of the configuration: sizes of the signals follow from it.

    Raises
    ------
    StrategyError
        The strategy's code failed, or what it gave back cannot be used; with session and symbol where they can be told.
    WindowError
        It looks back further than any symbol has bars: a parameter does, or a column that it names.
    """
    _require_windows(strategy.parameters, panels)

    def run(panel: pl.DataFrame) -> StrategyDecisions:
        return _decide(strategy, [panel], risk)

    deciding = _Deciding(panels)
    try:
        decided = _decide(strategy, deciding, risk)
    except (StoppedError, UndeclaredReadError) as error:  # nothing of one session or symbol; trying again takes long
        raise StrategyError(error) from None
    except Exception as error:
        raise located(error, run, deciding.current) from error
    _require_columns({*strategy.features, *(strategy.columns & INDICATORS.keys())}, panels)
    return decided


class _Deciding:
    """Panels, of which the one that is being looked at is known."""

    def __init__(self, panels: Iterable[pl.DataFrame]) -> None:
        self._panels, self.current = panels, pl.DataFrame()

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for panel in self._panels:
            self.current = panel
            yield panel


def first_decision(strategy: ConfiguredStrategy, panels: Iterable[pl.DataFrame]) -> dt.date:
    """Return the first session at which a strategy could decide: with fewer bars `decide` raises `WindowError`.

    Parameters
    ----------
    panels
        Panels of a strategy that `decide` has run over.
    """
    longest = max(windows_of(strategy.parameters).values(), default=0)
    nth = pl.int_range(1, pl.len() + 1).over("symbol", order_by="session")
    firsts: dict[str, list[dt.date]] = {}
    for panel in panels:
        conditions = {"": pl.lit(True), "window": nth >= longest}
        conditions |= {name: pl.col(name).is_not_null() for name in strategy.columns}
        for name, condition in conditions.items():
            session = panel.filter(condition)["session"].min()
            if isinstance(session, dt.date):
                firsts.setdefault(name, []).append(session)
    return max(min(sessions) for sessions in firsts.values())


def _require_windows(parameters: StrategyParameters, panels: Iterable[pl.DataFrame]) -> None:
    windows = windows_of(parameters)
    longest = _longest(panels) if windows else 0
    for window, sessions in windows.items():
        if sessions > longest:
            raise WindowError(
                f"{window} looks back {sessions} sessions, and no symbol has more than {longest} usable bars"
            )


def _require_columns(names: Set[str], panels: Iterable[pl.DataFrame]) -> None:
    """An indicator without any value, or a feature that needs more bars than there are, would never make a signal."""
    known = dict.fromkeys(names, False)
    for panel in panels:
        known = {name: found or panel[name].null_count() < panel.height for name, found in known.items()}
        if all(known.values()):
            return
    longest = _longest(panels)
    short = {feature.column for feature in FEATURES if feature.warm_up < longest}
    empty = sorted(name for name in names - short if not known[name])
    if empty and longest:
        raise WindowError(f"no symbol has enough bars for {', '.join(empty)}: the longest history is {longest}")


def _longest(panels: Iterable[pl.DataFrame]) -> int:
    """Rows of the symbol with most of them."""
    return max((max(panel.group_by("symbol").len()["len"], default=0) for panel in panels), default=0)


def _decide(strategy: ConfiguredStrategy, panels: Iterable[pl.DataFrame], risk: Risk) -> StrategyDecisions:
    name, parameters = strategy.name, strategy.parameters
    if isinstance(parameters, OrderParameters):
        rules, found = strategy.rules, list[pl.DataFrame]()

        def decided() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
            for panel in panels:
                found.append(
                    signal_rows(
                        name,
                        rules,
                        panel,
                        stop_atr=parameters.stop_atr,
                        risk_per_trade=risk.risk_per_trade,
                        max_position=min(risk.max_position, risk.max_symbol),
                    )
                )
                yield panel, found[-1].filter(action="enter")

        targets = paper_positions(
            rules,
            parameters,
            decided(),
            max_gross=risk.max_gross,
            delisting_sessions=risk.delisting_sessions,
        )
        signals = pl.concat(found).sort("session", "symbol", "action")
    else:
        [panel] = panels
        targets = stated_weights(strategy.target_weight_module, parameters, panel)
        signals = signals_of_targets(name, targets)
    return StrategyDecisions(
        signals=SIGNALS.conform(signals),
        target_weights=TARGET_WEIGHTS.conform(targets.with_columns(strategy=pl.lit(name))).sort(TARGET_WEIGHTS.key),
    )
