"""What an exposure of an open holdout was of: whoever opened it is exposed by it to nothing that it states itself.

Scores of a model that only registrations unlock come before these in the same run, and so do bars that they unlock for
features of a user's own. What is registered is then what was shown, if nothing at all was changed in between: neither
the configuration, nor any code, nor the data, nor a person's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.plugins import code_hashes, plugins_of
from trading_assets.protocol.decisions import decisions_of
from trading_assets.protocol.written_rows import last_written
from trading_assets.sources_hash import product_hash


def opening(configuration: Configuration, readers: Sequence[str]) -> dict[str, Any]:
    """Return what the exposure of an open holdout says beside others; nothing if no registered strategy opened it."""
    if not readers:
        return {}
    return {"opened_by": sorted(readers), "config_hash": configuration.hash, "state": state_of(configuration)}


def state_of(configuration: Configuration) -> str:
    """Return a hash of all that what is shown of an open holdout follows from.

    Of the configuration, the code of this package and of the user's own modules, the market data as they are on record,
    and the decisions by hand on champions. It is the same from the first stage after market data to the last one of a
    run.
    """
    data = {table: parts for table, parts in last_written(configuration).items() if table.startswith("market_data.")}
    code = [code_hashes(module) for module in plugins_of(configuration)]
    by_hand = [each.plain() for each in decisions_of(configuration, list(configuration.champions))]
    return digest([configuration.hash, product_hash(), code, data, by_hand])
