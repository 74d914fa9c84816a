"""What looks back further than the data go, found before a run computes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trading_assets.config import Configuration
from trading_assets.config.consistency import longest_history
from trading_assets.config.errors import Fault, KeyPath
from trading_assets.config.strategies import windows_of
from trading_assets.features.indicators import WARM_UP
from trading_assets.features.own import features_of
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategies


def faults_of_history(
    configuration: Configuration, histories: Mapping[str, tuple[int, str]] | None = None
) -> Iterator[Fault]:
    """Yield windows, values of sensitivity grids and features of strategies that need more sessions than there are.

    Parameters
    ----------
    histories
        The most bars of any symbol until the first result is over, by strategy, and of what span these are.
        Default: what the configuration's own dates allow at most.
    """
    for strategy in configured_strategies(configuration):
        if histories is None:
            history = longest_history(configuration, strategy.universe)
        else:
            history = histories.get(strategy.name)
        if history is not None:
            yield from _of_windows(configuration, strategy, *history)
            yield from _of_features(configuration, strategy, *history)


def _of_windows(configuration: Configuration, strategy: ConfiguredStrategy, most: int, span: str) -> Iterator[Fault]:
    own = configuration.robustness.grids.get(strategy.name)
    for name, sessions in windows_of(strategy.parameters).items():
        if sessions > most:
            yield Fault(
                ("strategies", strategy.name, name),
                f"{name} looks back {sessions} sessions; {span} has at most {most}",
                f"at most {most}, or a longer span",
            )
        tried = [value for value in (own or strategy.grid).get(name, ()) if isinstance(value, int | float)]
        if tried and max(tried) > most:
            where: KeyPath = ("robustness", "grids", strategy.name, name) if own else ("strategies", strategy.name)
            yield Fault(
                where,
                f"the sensitivity grid tries a {name} of {max(tried):g} sessions; {span} has at most {most}",
                f"values of at most {most} in `robustness.grids.{strategy.name}.{name}`, or a longer span",
            )


def _of_features(configuration: Configuration, strategy: ConfiguredStrategy, most: int, span: str) -> Iterator[Fault]:
    try:
        columns = strategy.columns
    except Exception:  # of a module of the user's own: a run says what is wrong with it, and the others go on
        return
    needed = {feature.column: feature.warm_up for feature in features_of(configuration)} | WARM_UP
    for name in sorted(columns & needed.keys()):
        if needed[name] >= most:
            yield Fault(
                ("strategies", strategy.name),
                f"{name} has its first value after {needed[name]} sessions; {span} has at most {most}",
                "a longer span, or a strategy that does not read it",
            )
