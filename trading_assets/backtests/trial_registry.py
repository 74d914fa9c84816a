"""The register of trials: every backtest whose result could have been selected.

How good the best of many looks depends on how many there were, so the count must not be forgotten (and must not
grow by running the same thing again, or by giving it another name): a trial is identified by what was evaluated, not
by when, and not by what the strategy is called. Whatever evaluates a parameter set puts it on record: a plain
backtest here, a sweep in the stage below. The table stays where readers of results look for it, in `robustness`.

The daily returns stay with it as a list of 32-bit floats: seven digits, four bytes a session before the database
compresses them, and readable from SQL. From them follows how many different ideas the trials were.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from trading_assets.backtests.results.settled_curve import settled
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config import Configuration
from trading_assets.config.canonical import canonical, digest
from trading_assets.config.stated import completed
from trading_assets.config.strategies import StrategyParameters
from trading_assets.market_data.tables import PUBLICATIONS
from trading_assets.models.regimes import REGIMES_VERSION
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import trials_table
from trading_assets.protocol.decisions import HandDecision, decisions_behind
from trading_assets.protocol.settings_identity import trial_identity
from trading_assets.protocol.written_rows import hash_whole
from trading_assets.strategies.evaluation.fingerprint import (
    alternative_frozen,
    model_settings,
    own_features_frozen,
    own_model_frozen,
    providers_behind,
)
from trading_assets.strategies.evaluation.identity import (
    identity_of,
    modules_behind,
    own_code,
    own_texts,
    recorded_type,
)
from trading_assets.strategies.interface.module import StrategyModule
from trading_assets.strategies.interface.resolved import ConfiguredStrategy, configured_strategy

if TYPE_CHECKING:
    from trading_assets.backtests.backtest import PreparedBacktest
    from trading_assets.warehouse import Warehouse

#: The configuration's own copy, for SQL; what counts trials reads the protocol of the data folder.
TRIALS = trials_table.TRIALS
#: Part of every trial's identity; counts the ways in which trials have been recorded (3: not by name).
_RECORD = 3
#: Names of spans in identities: those of the first version, so that a renamed span is no new trial.
_SPLIT_IDENTITY = {DEVELOPMENT: "train+validation"}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One parameter set on one span of one state of the data, its annual Sharpe ratio and its daily returns.

    Attributes
    ----------
    strategy_type
        Identity of the strategy, see `identity_of`.
    symbols
        Symbols that the strategy could trade, ascending.
    settings_hash
        See `hash_settings`.
    """

    strategy: str
    strategy_type: str
    parameters: StrategyParameters
    symbols: Sequence[str]
    settings_hash: str
    split: str
    start: dt.date
    end: dt.date
    data_hash: str
    sharpe: float | None
    returns: NDArray[np.float64]


def evaluation_of(
    prepared: PreparedBacktest, equity: pl.DataFrame, *, sharpe: float | None, settings_hash: str, data_hash: str
) -> Evaluation:
    """Return what one run over the whole development span is on record as: the same as that point of a sweep.

    Parameters
    ----------
    equity
        Rows of `backtests.equity` of that run.
    """
    rows = settled(equity.sort("session"))
    return Evaluation(
        strategy=prepared.name,
        strategy_type=identity_of(prepared.strategy.module),
        parameters=prepared.parameters,
        symbols=prepared.axes.symbols,
        settings_hash=settings_hash,
        split=DEVELOPMENT,
        start=rows["session"][0],
        end=rows["session"][-1],
        data_hash=data_hash,
        sharpe=sharpe,
        returns=rows["excess_return"].fill_null(0.0).to_numpy(),
    )


def hash_settings(
    configuration: Configuration,
    strategy: ConfiguredStrategy,
    by_hand: Sequence[HandDecision] = (),
    published: Mapping[str, object] | None = None,
) -> str:
    """Return the hash of what is decided of a strategy's backtest beside its type and parameters.

    Universe, costs, risk, seed, its model, its members, and what the code of a user's own module does: who changes any
    of them and looks again has tried another thing. The name is not among them. A champion is one procedure, with all
    of its candidates. Which keys of the configuration are part of it: `protocol.settings_identity`.

    Parameters
    ----------
    configuration, strategy
        Configuration, and one of its strategies.
    by_hand
        Decisions by hand on champions that act within the span of the backtest.
    published
        What is read of alternative data, see `published_within`; None: nothing.
    """
    settings = _hash_settings(configuration, strategy, own_code)
    beside = [*([[each.plain() for each in by_hand]] if by_hand else []), *([published] if published else [])]
    return digest([settings, *beside])[:16] if beside else settings


def published_within(
    warehouse: Warehouse, configuration: Configuration, strategy: str, end: dt.date
) -> dict[str, object] | None:
    """Return what a strategy reads of alternative data: settings of providers, and the hash of what they published.

    Another file, another column or another delay is another trial, as another parameter is; what is published after the
    development span is none. None where nothing is read: the identities of other trials stay.

    Parameters
    ----------
    warehouse, configuration, strategy
        Where the publications are, the configuration, and the name of the strategy.
    end
        Last session that counts.
    """
    providers = providers_behind(configuration, strategy)
    if not providers:
        return None
    where, parameters = "list_contains(?, provider) AND session <= ?", [providers, end]
    rows = warehouse.read_or_empty(PUBLICATIONS, where=where, parameters=parameters)
    known = hash_whole(PUBLICATIONS, rows, columns=("session", "value"))
    return {"settings": alternative_frozen(configuration, providers), "rows": dict(known.parts)}


def hashes_recorded_before(configuration: Configuration, strategy: ConfiguredStrategy) -> list[str]:
    """Return what `hash_settings` would have been in version 0.1.0, which hashed the text of a user's own modules.

    None where there is no such module: it is the same then. Two otherwise, as imports of this package had to be
    written otherwise.
    """
    found = [_hash_settings(configuration, strategy, partial(_texts_then, renamed_back=back)) for back in (False, True)]
    return [each for each in dict.fromkeys(found) if each != hash_settings(configuration, strategy)]


def settings_on_record(warehouse: Warehouse, configuration: Configuration, strategy: ConfiguredStrategy) -> str:
    """Return the hash of settings that trials of a strategy are recorded under.

    That of today, unless the very same settings are on record by their hash of version 0.1.0 alone.

    Parameters
    ----------
    warehouse, configuration
        Where the trials are, and the configuration whose settings are hashed.
    strategy
        Strategy whose trials they are.
    """
    decided = _decided_within_development(warehouse, configuration, strategy.name)
    published = None
    if configuration.alternative_data:
        end = development(spans_of(warehouse.read(SPLITS))).end
        published = published_within(warehouse, configuration, strategy.name, end)
    now = hash_settings(configuration, strategy, decided, published)
    before = hashes_recorded_before(configuration, strategy)
    if not before or published:  # no earlier version has read publications
        return now
    where = "list_contains(?, settings_hash)"
    rows = warehouse.read_or_empty(TRIALS, columns=["settings_hash"], where=where, parameters=[[now, *before]])
    known = set(rows["settings_hash"])
    return next((each for each in (now, *before) if each in known), now)


def _decided_within_development(
    warehouse: Warehouse, configuration: Configuration, strategy: str
) -> list[HandDecision]:
    """Decisions by hand that act before the end of validation."""
    if not configuration.champions_behind(strategy):
        return []
    return decisions_behind(configuration, strategy, development(spans_of(warehouse.read(SPLITS))).end)


def _texts_then(module: StrategyModule, *, renamed_back: bool) -> dict[str, str]:
    return own_texts(modules_behind(module), renamed_back=renamed_back)


def _hash_settings(
    configuration: Configuration,
    strategy: ConfiguredStrategy,
    code_of: Callable[[StrategyModule], Mapping[str, str]],
) -> str:
    universe, model = strategy.universe, strategy.model
    members = [configured_strategy(configuration, member) for member in strategy.members]
    primaries = [configured_strategy(configuration, each) for each in configuration.primaries_of(model or "")]

    def settings_of(others: Sequence[ConfiguredStrategy]) -> list[list[object]]:
        return [
            [
                recorded_type(identity_of(each.module)),
                completed(each.parameters),
                _hash_settings(configuration, each, code_of),
            ]
            for each in others
        ]

    return trial_identity(
        configuration,
        {
            "universe": universe if isinstance(universe, str) else sorted(universe),
            "code": code_of(strategy.module),
            **own_features_frozen(configuration, strategy),
            **own_model_frozen(configuration, strategy),
            "model": model_settings(configuration, model, completed) if model else None,
            # Nothing without one: the identities of earlier trials stay.
            **({"primaries": settings_of(primaries)} if primaries else {}),
            "members": settings_of(members),
            # The version also stands for the rule on how much a change of regime moves (trading rules, section 4.9).
            "regimes": [REGIMES_VERSION, completed(configuration.regimes)] if members else None,
        },
    )


def params_hash(strategy_type: str, parameters: StrategyParameters) -> str:
    """Return SHA-256 of a strategy's identity and its parameters, those left out that are younger and defaulted."""
    return digest([recorded_type(strategy_type), completed(parameters)])


def trial_id(evaluation: Evaluation) -> str:
    """Identifies what was evaluated: type, parameters, universe, conditions, span and data; not name or result."""
    return digest(
        [
            _RECORD,
            params_hash(evaluation.strategy_type, evaluation.parameters),
            list(evaluation.symbols),
            evaluation.settings_hash,
            _SPLIT_IDENTITY.get(evaluation.split, evaluation.split),
            evaluation.start,
            evaluation.end,
            evaluation.data_hash,
        ]
    )[:16]


def trial_rows(
    evaluations: Sequence[Evaluation], *, source: str, run_id: str, evaluated_at: dt.datetime
) -> pl.DataFrame:
    """Return rows of `robustness.trials`, one a trial; `Warehouse.append_new` leaves out those that are on record.

    Parameters
    ----------
    source, run_id
        The asset that evaluated them, and the run that a schedule, a command or a person in the UI started.
    """
    by_id = dict(sorted({trial_id(evaluation): evaluation for evaluation in reversed(evaluations)}.items()))
    lines = [
        {
            "trial": trial,
            "strategy": evaluation.strategy,
            "type": evaluation.strategy_type,
            "params_hash": params_hash(evaluation.strategy_type, evaluation.parameters),
            "params": canonical(evaluation.parameters.model_dump(mode="json")),
            "symbols": list(evaluation.symbols),
            "settings_hash": evaluation.settings_hash,
            "split": evaluation.split,
            "start": evaluation.start,
            "end": evaluation.end,
            "data_hash": evaluation.data_hash,
            "sharpe": evaluation.sharpe,
            "sessions": evaluation.returns.size,
            "source": source,
            "run_id": run_id,
            "evaluated_at": evaluated_at,
        }
        for trial, evaluation in by_id.items()
    ]
    schema = TRIALS.empty().schema
    rows = pl.DataFrame(lines, schema={name: dtype for name, dtype in schema.items() if name != "returns"})
    series = [pl.Series(evaluation.returns.astype(np.float32)) for evaluation in by_id.values()]
    return rows.with_columns(returns=pl.Series(series, dtype=pl.List(pl.Float32))).select(list(schema))


def behind(trials: pl.DataFrame, strategy: str, strategy_type: str, symbols: Sequence[str]) -> pl.DataFrame:
    """Return the trials that a result of a strategy could have been selected from, each once.

    Those of its type on a universe that shares a symbol with its own, whatever the strategy was called: a symbol
    that was listed since, or left out to look better, makes no fresh start. Older rows say neither type nor universe:
    they are its own by the hash of their parameters or by its name, unless the same parameters are on record again.

    Parameters
    ----------
    strategy_type, symbols
        Name of its module, and what it may trade.
    """
    own = pl.col("type").is_in([strategy_type, recorded_type(strategy_type)])
    shared = pl.col("symbols").list.set_intersection(pl.lit(list(symbols), dtype=pl.List(pl.String))).list.len() > 0
    now = trials.filter(own, shared).sort("evaluated_at", "trial", "strategy")
    now = now.unique("trial", keep="first", maintain_order=True)
    before = trials.filter(pl.col("type").is_null(), ~pl.col("params_hash").is_in(now["params_hash"].to_list()))
    texts = before.select("params", "params_hash").drop_nulls().unique(maintain_order=True)
    name = recorded_type(strategy_type)
    of_type = [known for text, known in texts.iter_rows() if digest([name, json.loads(text)]) == known]
    before = before.filter((pl.col("strategy") == strategy) | pl.col("params_hash").is_in(of_type))
    return pl.concat([now, before])


def latest(trials: pl.DataFrame) -> pl.DataFrame:
    """Return the last evaluation of each parameter set under the same conditions: more data make no further trial."""
    evaluated = trials.sort("evaluated_at", "trial")
    return evaluated.unique(["params_hash", "settings_hash"], keep="last", maintain_order=True)


def returns_of_trials(trials: pl.DataFrame) -> NDArray[np.float64]:
    """Return daily returns (trials, sessions) of rows of `robustness.trials` that are of one span."""
    return np.array(trials["returns"].to_list(), dtype=np.float64).reshape(trials.height, -1)
