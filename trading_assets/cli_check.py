"""Refuse a configuration for what a run of it would fail on in its inputs."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.document import read_document
from trading_assets.config.errors import placed
from trading_assets.features.own import own_features
from trading_assets.market_data.preflight import faults_of_bars, faults_of_inputs


def refuse_faulty(file: Path, configuration: Configuration, *, bars_too: bool) -> None:
    """Refuse what a run would fail on in its inputs; `bars_too` reads them, and a run does that itself.

    Raises
    ------
    ConfigurationError
        Every fault with its place in the file.
    """
    own_features(configuration)
    _, lines = read_document(file)
    faults = list(faults_of_inputs(configuration))
    if bars_too and not faults:
        faults += faults_of_bars(configuration, dt.datetime.now(dt.UTC).date())
    if faults:
        raise ConfigurationError("\n".join(placed(file, lines, fault) for fault in faults))
