"""Whether a strategy enters on the side that its scores are of."""

from __future__ import annotations

from trading_assets.config import Configuration
from trading_assets.strategies.interface.resolved import configured_strategy


class OtherSideError(Exception):
    """A strategy would buy what its scores say about selling short, or the other way round."""


def require_side_of_primary(configuration: Configuration, name: str) -> None:
    """Stop here if a strategy reads scores of entries that are on the other side than its own.

    Parameters
    ----------
    configuration, name
        Configuration, and the name of one of its strategies.

    Raises
    ------
    OtherSideError
        Naming both.
    """
    strategy = configured_strategy(configuration, name)
    for each in configuration.primaries_of(strategy.model or ""):
        side = configured_strategy(configuration, each).rules.side
        if strategy.rules.side != side:
            raise OtherSideError(
                f"{name} enters {strategy.rules.side}, and {strategy.model} scores the {side} entries of {each}\n"
                "  what to do: take the type meta_labels, which enters on the side of the primary"
            )
