"""Which configuration and which data folder are meant: told, of the environment, remembered, or the defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from trading_assets.config.remembered import read_remembered

CONFIG_VARIABLE = "TRADING_ASSETS_CONFIG"
DATA_VARIABLE = "TRADING_ASSETS_DATA"


class ChosenPaths(NamedTuple):
    """The configuration and the data folder that are meant; `remembered` if the working folder said either."""

    config: Path
    data: Path
    remembered: bool


def chosen_paths(path: Path | None = None, data: Path | None = None) -> ChosenPaths:
    """Return the configuration and the data folder that are meant: as given, by environment, remembered, or default.

    Raises
    ------
    ConfigurationError
        What the working folder remembers cannot be read.
    """
    known = {CONFIG_VARIABLE: path, DATA_VARIABLE: data}
    stated = {name: given or _of_environment(name) for name, given in known.items()}
    remembered = None if all(stated.values()) else read_remembered(Path.cwd())
    return ChosenPaths(
        stated[CONFIG_VARIABLE] or (remembered and remembered.config) or shipped("demo.yaml"),
        stated[DATA_VARIABLE] or (remembered and remembered.data) or Path("data"),
        remembered is not None,
    )


def _of_environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value) if value else None


def shipped(name: str) -> Path:
    """Return the path of a YAML file that the package ships."""
    return Path(__file__).parent / name
