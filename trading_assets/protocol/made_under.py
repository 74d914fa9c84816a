"""Under which settings and code rows were made, on record beside their hashes, so that older ones are noticed.

Rows that nobody edited may still be of another configuration: of a primary under other parameters, of a model before
it got other features. A run of a part of the pipeline would take them, and a trial would go on record under the
settings of today with the result of others. So whoever writes signals, weights or scores that others read puts on
record what they follow from, and whoever reads them compares it with the configuration as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.plugins import code_hashes, plugins_of
from trading_assets.config.robustness import Robustness
from trading_assets.config.sections import Costs, Monitoring, Notifier, Reports, Schedules
from trading_assets.protocol.row_hashes import WrittenRows
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
    return _on_record(f"{_STRATEGIES}/{name}", _digest(configuration, configuration.behind(name)))


def settings_of_scores(configuration: Configuration, name: str) -> WrittenRows:
    """Return the same of the scores of a model or a champion, with its candidates and the primary."""
    asset = f"{_MODELS}/champion/{name}" if name in configuration.champions else f"{_MODELS}/{name}"
    return _on_record(asset, _digest(configuration, [], [name]))


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


def _digest(configuration: Configuration, strategies: Iterable[str], scores: Iterable[str] = ()) -> str:
    """Hash of the configuration without what these do not follow from, and of the user's own modules in it."""
    behind, read = dict.fromkeys(strategies), dict.fromkeys(scores)
    count = -1
    while count != len(behind) + len(read):  # a model may have a primary, which may read a model
        count = len(behind) + len(read)
        if any("." in configuration.strategies[each].type for each in behind):
            read |= dict.fromkeys(configuration.score_names)  # its rules may name any
        named = (getattr(configuration.strategies[each].parameters, "model", None) for each in behind)
        read |= dict.fromkeys(each for each in named if isinstance(each, str))
        read |= {candidate: None for each in read for candidate in configuration.candidates_of(each)}
        primaries = (primary for each in read for primary in configuration.primaries_of(each))
        behind |= {each: None for primary in primaries for each in configuration.behind(primary)}
    own = configuration.model_copy(
        update={
            "as_of": None,
            "strategies": {name: each for name, each in configuration.strategies.items() if name in behind},
            "models": {name: each for name, each in configuration.models.items() if name in read},
            "champions": {name: each for name, each in configuration.champions.items() if name in read},
            "registration": {},
            "costs": Costs(),
            "robustness": Robustness(),
            "monitoring": Monitoring(),
            "reports": Reports(),
            "schedules": Schedules(),
            "notifier": Notifier(),
            "executor": "in_process",
        }
    )
    code: dict[str, str] = {}
    for module in plugins_of(own):
        code |= code_hashes(module)
    return digest([own.hash, code])
