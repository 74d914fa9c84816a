"""Under which settings and code rows were made, on record beside their hashes, so that older ones are noticed.

Rows that nobody edited may still be of another configuration: of a primary under other parameters, of a model before
it got other features. A run of a part of the pipeline would take them, and a trial would go on record under the
settings of today with the result of others. So whoever writes signals, weights or scores that others read puts on
record what they follow from, and whoever reads them compares it with the configuration as it is.
"""

from __future__ import annotations

from trading_assets.config import Configuration
from trading_assets.protocol.row_hashes import WrittenRows
from trading_assets.protocol.settings_identity import rows_identity
from trading_assets.protocol.written_rows import OnRecord

#: Name under which it is on record, as of a table whose parts are assets.
_MADE_UNDER = "meta.made_under"
_STRATEGIES, _MODELS = "strategies", "models"


class OutdatedRowsError(Exception):
    """Rows are of other settings or other code than those of today; `str()` names the asset that makes them anew."""

    def __init__(self, asset: str) -> None:
        super().__init__(
            f"rows of {asset} were made under other settings, or by other code of your own, than it has now\n"
            "  expected: rows of a run of it under this configuration\n"
            f"  what to do: materialise {asset} and all that follows from it"
        )


def settings_of_strategy(configuration: Configuration, name: str) -> WrittenRows:
    """Return what the signals and weights of a strategy follow from, as it is put on record.

    Parameters and code of it, of its members, and of the models and primaries behind them; universe, risk, seed and
    what else the configuration says of the market. Not what is asked of results: costs, robustness, registrations.
    """
    return _on_record(f"{_STRATEGIES}/{name}", rows_identity(configuration, configuration.behind(name)))


def settings_of_scores(configuration: Configuration, name: str) -> WrittenRows:
    """Return the same of the scores of a model or a champion, with its candidates and the primary."""
    asset = f"{_MODELS}/champion/{name}" if name in configuration.champions else f"{_MODELS}/{name}"
    return _on_record(asset, rows_identity(configuration, [], [name]))


def assert_made_under(now: WrittenRows, on_record: OnRecord, *, is_required: bool = False) -> None:
    """Check that rows follow from settings and code as they are.

    Parameters
    ----------
    now, on_record
        What they would follow from, and what was written.
    is_required
        Whether rows of which nothing is on record are refused; else an earlier version wrote them.

    Raises
    ------
    OutdatedRowsError
        They do not.
    """
    known = on_record.get(now.table, {})
    for asset, hashes in now.parts.items():
        if known[asset][1] != hashes if asset in known else is_required:
            raise OutdatedRowsError(asset)


def _on_record(asset: str, settings: str) -> WrittenRows:
    return WrittenRows(_MADE_UNDER, {asset: {"settings": settings}})
