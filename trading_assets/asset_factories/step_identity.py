"""What decides a step beside the tables that it reads: configuration, code, the files it names, the data folder."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, requires, version
from re import match
from typing import Any

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.own_modules import own_modules
from trading_assets.config.plugins import Plugin, feature_module, is_plugin, origin_of, strategy_module
from trading_assets.config.stated import is_shipped
from trading_assets.protocol import Protocol
from trading_assets.sources_hash import product_hash


def identity_of_step(configuration: Configuration, beside: object) -> str:
    """Return a hash that changes with all that may change what a step computes, its tables apart.

    The whole configuration is in it, whether the step reads all of it or not, the code of this package and of the
    user's own modules, and the versions of libraries.

    Parameters
    ----------
    configuration
        Configuration of the step.
    beside
        What this step alone reads beside them.
    """
    code = [product_hash(), own_code(configuration), library_versions()]
    return digest([configuration.hash, str(configuration.directory.resolve()), code, beside])


@lru_cache(maxsize=1)
def library_versions() -> list[str]:
    """Return Python's version, and those of the installed libraries that this package names."""
    try:
        named = requires("trading-assets") or []
    except PackageNotFoundError:
        named = []
    names = sorted({found[0] for each in named if (found := match(r"[\w.-]+", each))})
    return [sys.version, *(f"{name} {each}" for name in names if (each := _version(name)))]


def own_code(configuration: Configuration) -> dict[str, str]:
    """Return SHA-256 of each of the user's own modules, of strategies and of features, and of what they read."""
    found: dict[str, str] = {}
    for module in _modules(configuration):
        if isinstance(module, Plugin):
            found |= {name: _sha(each.source) for name, each in module.modules.items()}
            found |= {f"reads {name}": value for name, value in module.current_read_hashes().items()}
        elif not is_shipped(module.__name__):
            found |= {name: _sha(each.source) for name, each in own_modules(module.__name__).items()}
    return found


def protocol_id(configuration: Configuration) -> str | None:
    """Return what the protocol of the data folder began with, None before it did.

    As a protocol only grows, all that a step put on record in this one is there.
    """
    records = Protocol.of(configuration).read()
    return records[0].row_hash if records else None


def _modules(configuration: Configuration) -> Iterator[Any]:
    origin = origin_of(configuration)
    for each in configuration.strategies.values():
        if is_plugin(each.type):
            yield strategy_module(each.type, origin)
    for name in configuration.features:
        yield feature_module(name, origin)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sha(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()
