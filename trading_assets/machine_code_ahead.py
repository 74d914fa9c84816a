"""Compile machine code before it is needed: once for an installation, by `trading-assets compile` or a first run."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.strategies import OrderParameters, TargetWeightParameters
from trading_assets.features.alternative import compile_states
from trading_assets.features.daily import daily_features
from trading_assets.features.indicators import indicators
from trading_assets.sources_hash import sources_hash

_PACKAGE = Path(__file__).parent
_FEATURES, _ENGINE = _PACKAGE / "features" / "compiled", _PACKAGE / "backtests" / "engine"


def _compile_features() -> None:
    days = [dt.date(2000, 1, 3), dt.date(2000, 1, 4)]
    prices = dict.fromkeys(("adj_open", "adj_high", "adj_low", "adj_close", "dollar_volume"), 1.0)
    bars = pl.DataFrame({"session": days}).with_columns(
        pl.lit("A").alias("symbol"),
        pl.lit("equity").alias("asset_class"),
        pl.lit([], dtype=pl.List(pl.String)).alias("flags"),
        **{name: pl.lit(value) for name, value in prices.items()},
    )
    indicators(bars)
    compile_states()
    daily_features(bars, {"equity": "A"})


def _compile_orders() -> None:
    from trading_assets.backtests.engine.smallest import compile_orders

    compile_orders()


def _compile_targets() -> None:
    from trading_assets.backtests.engine.smallest import compile_targets

    compile_targets()


class Part(NamedTuple):
    """What is compiled together.

    Attributes
    ----------
    compile
        Runs it on next to nothing.
    sources
        Folder of its modules.
    last
        Function whose machine code is kept last.
    """

    compile: Callable[[], None]
    sources: Path
    last: str


#: By the name for people, in the order of their first use.
PARTS: Mapping[str, Part] = {
    "features": Part(_compile_features, _FEATURES, "rank"),
    "the engine of orders": Part(_compile_orders, _ENGINE, "run"),
    "the engine of target weights": Part(_compile_targets, _ENGINE, "run_targets"),
}


def compile_ahead(tell: Callable[[str, float | None], object], parts: Mapping[str, Part] = PARTS) -> list[str]:
    """Compile what no machine code is kept of, and return its names: a minute on the first time, else nothing.

    Parameters
    ----------
    tell
        Is told of each part by its name, with None before it is compiled and with the seconds that it took after it.
    parts
        What is compiled.
    """
    missing = [name for name, part in parts.items() if not is_kept(part)]
    for name in missing:
        tell(name, None)
        begun = time.perf_counter()
        parts[name].compile()
        tell(name, time.perf_counter() - begun)
    return missing


def parts_of(configuration: Configuration, stages: Collection[str]) -> dict[str, Part]:
    """Return the parts that some stages of a configuration use."""
    kinds = {type(settings.parameters) for settings in configuration.strategies.values()}
    runs = not {"backtests", "robustness"}.isdisjoint(stages)
    used = {
        "features": not {"features", "robustness"}.isdisjoint(stages),
        "the engine of orders": runs and any(issubclass(kind, OrderParameters) for kind in kinds),
        "the engine of target weights": runs and any(issubclass(kind, TargetWeightParameters) for kind in kinds),
    }
    return {name: PARTS[name] for name in PARTS if used[name]}


def is_kept(part: Part) -> bool:
    """Return whether there is machine code of a part's sources as they are, wherever numba keeps it.

    Without numba, which takes a third of a second to load. On another processor than it was made for it is compiled
    anew where it is used.
    """
    index = f"*.{part.last}-{sources_hash(part.sources)}-*.nbi"
    return any(next(folder.rglob(index), None) for folder in _folders(part.sources) if folder.is_dir())


def _folders(sources: Path) -> list[Path]:
    """Where numba may keep machine code: the folder of an environment variable, else beside the sources or at home."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return [Path(chosen)]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return [sources / "__pycache__", home / "numba"]
