"""The one configuration: YAML in, validated values out. The only reader of the environment."""

from trading_assets.config.configuration import Configuration, hash_of
from trading_assets.config.errors import ConfigurationError
from trading_assets.config.loading import (
    CONFIG_VARIABLE,
    DATA_VARIABLE,
    load_configuration,
    shipped,
)

__all__ = [
    "CONFIG_VARIABLE",
    "DATA_VARIABLE",
    "Configuration",
    "ConfigurationError",
    "hash_of",
    "load_configuration",
    "shipped",
]
