"""The one configuration: YAML in, validated values out. The only reader of the environment.

The models of a configuration are loaded when they are asked for: half of the time of `trading-assets --help` is theirs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from trading_assets.config.chosen_paths import CONFIG_VARIABLE, DATA_VARIABLE, shipped
from trading_assets.config.errors import ConfigurationError

if TYPE_CHECKING:
    from trading_assets.config.configuration import Configuration, hash_of
    from trading_assets.config.loading import load_configuration

__all__ = [
    "CONFIG_VARIABLE",
    "DATA_VARIABLE",
    "Configuration",
    "ConfigurationError",
    "hash_of",
    "load_configuration",
    "shipped",
]

_HOMES = {
    "Configuration": "trading_assets.config.configuration",
    "hash_of": "trading_assets.config.configuration",
    "load_configuration": "trading_assets.config.loading",
}


def __getattr__(name: str) -> object:
    """Return a name whose module is loaded now (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return found
