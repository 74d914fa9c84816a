"""Whether what a user's own strategy module reads is held to what it declares."""

from __future__ import annotations

from trading_assets.config import Configuration
from trading_assets.strategies.interface.plugin import PluginModule
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategy


def unenforced_reads(configuration: Configuration, strategy: ConfiguredStrategy) -> list[str]:
    """Return a sentence for each own module behind a strategy whose reads the platform does not restrict.

    Members count: what they decide follows from what they read. On Linux from 5.13 on there is none.
    """
    found = []
    if isinstance(strategy.module, PluginModule):
        enforced = strategy.module.plugin.description["enforced"]
        if not enforced["reads"]:
            found.append(
                f"reads of {strategy.module.plugin.name} could not be enforced on this platform ({enforced['cause']}): "
                "only what it declares is part of its registration"
            )
    for member in strategy.members:
        found += unenforced_reads(configuration, configured_strategy(configuration, member))
    return list(dict.fromkeys(found))
