"""Refuse a configuration for what a run of it would fail on in its inputs."""

from __future__ import annotations

import datetime as dt
from functools import partial
from pathlib import Path

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.consistency import faults_of_warm_up
from trading_assets.config.errors import placed
from trading_assets.config.overlays import read_merged
from trading_assets.features.own import own_features
from trading_assets.market_data.preflight import faults_of_bars, faults_of_inputs, read_sources, said_of_span
from trading_assets.strategies.evaluation.history import faults_of_history


def refuse_faulty(file: Path, configuration: Configuration, *, bars_too: bool) -> list[str]:
    """Refuse what a run would fail on in its inputs; `bars_too` reads them, and a run does that itself.

    Parameters
    ----------
    file, configuration
        File, and the configuration that was read from it.
    bars_too
        Read the bars, too.

    Returns
    -------
    list of str
        What is to be said of the bars that were read, and what they speak against; a line each.

    Raises
    ------
    ConfigurationError
        Every fault with its place in the file.
    """
    own_features(configuration)
    lines = read_merged(file).lines
    said: list[str] = []
    faults = [*faults_of_inputs(configuration), *faults_of_history(configuration)]
    faults += faults_of_warm_up(configuration) if bars_too else ()
    if bars_too and not faults:
        received = read_sources(configuration, dt.datetime.now(dt.UTC).date())
        faults += received.faults
        if received.bars is not None:
            faults += faults_of_bars(configuration, received.bars, partial(faults_of_history, configuration))
            said.append(said_of_span(configuration, received.bars))
        said += [f"doubtful: {doubt}" for doubt in received.doubts]
    if faults:
        raise ConfigurationError("\n".join(placed(file, lines, fault) for fault in faults))
    return said
