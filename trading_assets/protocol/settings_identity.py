"""Settings identity: which keys of the configuration make rows, or a trial, what they are; said here alone.

Rows (signals, weights, scores) are asked whether the configuration of today would make them again. So all is a part of
them that could move a number of theirs, the universe and the sources among them, and nothing that is asked of results.
A trial is asked whether it was tried before. So what its result is computed with is a part of it, costs among them, and
no name, no file and no span: these are in the trial itself, or are another label for the same.

Whatever is changed here makes every row outdated, or every trial on record another one. A key that is new needs a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from pydantic import BaseModel

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.plugins import code_hashes, plugins_of
from trading_assets.config.stated import completed


class Part(Enum):
    """How much of a key of the configuration is part of an identity."""

    WHOLE = "all of it"
    BEHIND = "the entries that the strategy, or the model, is made of"
    FIELD = "one field of it, see `_FIELDS`"
    NOTHING = "nothing"


_W, _B, _F, _0 = Part.WHOLE, Part.BEHIND, Part.FIELD, Part.NOTHING
#: By key of the configuration: part of what rows follow from, part of what a trial is.
PARTS: Mapping[str, tuple[Part, Part]] = {
    # What is decided by.
    "strategies": (_B, _B),
    "models": (_B, _B),
    "champions": (_B, _B),
    "features": (_W, _B),
    "alternative_data": (_W, _B),
    "regimes": (_W, _B),
    "universe": (_W, _B),
    "benchmarks": (_W, _W),
    "risk": (_W, _W),
    "seed": (_W, _W),
    "quality": (_W, _F),
    # What bars are: a trial has the hash of its own, and its span.
    "name": (_W, _0),
    "start": (_W, _0),
    "market_data": (_W, _0),
    "sectors": (_W, _0),
    "allow_missing": (_W, _0),
    "splits": (_W, _0),
    "risk_free": (_W, _0),
    "limits": (_W, _0),
    # What is asked of results, and what is done with them.
    "costs": (_0, _W),
    "robustness": (_0, _0),
    "registration": (_0, _0),
    "monitoring": (_0, _0),
    "reports": (_0, _0),
    "cross_validation": (_0, _0),
    "evaluation": (_0, _0),
    "analytics": (_0, _0),
    "trading": (_0, _0),
    "rollout": (_0, _0),
    "accounts": (_0, _0),
    # When, where and by whom it is computed.
    "as_of": (_0, _0),
    "schedules": (_0, _0),
    "runs": (_0, _0),
    "lifecycle": (_0, _0),
    "notifier": (_0, _0),
    "alerts": (_0, _0),
    "logs": (_0, _0),
    "warehouse": (_0, _0),
    "executor": (_0, _0),
    "workers": (_0, _0),
    "scheduler": (_0, _0),
    "directory": (_0, _0),
    "data": (_0, _0),
}
#: Field of a key that is part of a trial, by the key.
_FIELDS = {"quality": "extreme_move"}


def rows_identity(configuration: Configuration, strategies: Iterable[str], scores: Iterable[str] = ()) -> str:
    """Return the hash of all that rows of strategies, or scores, follow from, and of the user's own modules in it.

    Parameters
    ----------
    configuration
        Configuration under which they are made.
    strategies, scores
        Strategies, and names of models and champions, that make them; what is behind these is found here.
    """
    behind = _behind(configuration, strategies, scores)
    nothing = {key: _default(key) for key, (part, _) in PARTS.items() if part is Part.NOTHING and _counts(key)}
    of_behind = {
        key: {name: each for name, each in getattr(configuration, key).items() if name in behind[key]}
        for key, (part, _) in PARTS.items()
        if part is Part.BEHIND
    }
    own = configuration.model_copy(update=nothing | of_behind)
    return digest([own.hash, _code(own)])


def trial_identity(configuration: Configuration, behind: Mapping[str, object]) -> str:
    """Return the hash of what is decided of a backtest beside its type and parameters.

    Parameters
    ----------
    configuration
        Configuration of the backtest.
    behind
        What the strategy itself brings, by name: `Part.BEHIND`, of whom a stage below this one knows nothing.
    """
    whole = {key: _written(getattr(configuration, key)) for key, (_, part) in PARTS.items() if part is Part.WHOLE}
    fields = {field: getattr(getattr(configuration, key), field) for key, field in _FIELDS.items()}
    if twice := {*behind} & {*whole, *fields}:
        raise ValueError(f"{min(twice)} is a part of every trial already")
    return digest({**behind, **whole, **fields})[:16]


def model_identity(configuration: Configuration, model: str) -> str:
    """Return the hash of what a model is: its section and its code, the seed, own features and its primary.

    What it is not: bars and what they are asked for, sources, universes and alternative data.
    """
    behind = _behind(configuration, (), [model])
    names = behind["strategies"]
    strategies = {name: each for name, each in configuration.strategies.items() if name in names}
    read = {name: each for name, each in configuration.models.items() if name in behind["models"]}
    alone = configuration.model_copy(update={"strategies": strategies, "models": read})
    made_of = [
        configuration.seed,
        sorted(configuration.features),
        {name: [each.type, _written(each.parameters)] for name, each in strategies.items()},
        {name: completed(each) for name, each in read.items() if name != model},
    ]
    return _WIDE + digest([completed(configuration.models[model]), made_of, _code(alone)])[:16]


def section_identity(configuration: Configuration, model: str) -> str:
    """Return what `model_identity` was at first: the hash of the section and of its own code, as words have it."""
    section = configuration.models[model]
    alone = configuration.model_copy(update={"strategies": {}, "models": {model: section}, "features": []})
    return digest([completed(section), _code(alone)])[:16]


#: How identities begin that are of more than a section.
_WIDE = "made of "


def _code(configuration: Configuration) -> Mapping[str, str]:
    code: dict[str, str] = {}
    for module in plugins_of(configuration):
        code |= code_hashes(module)
    return code


def _behind(
    configuration: Configuration, strategies: Iterable[str], scores: Iterable[str]
) -> Mapping[str, Mapping[str, None]]:
    """Names of what rows are made of, by key: a model may have a primary, which may read a model."""
    behind, read = dict.fromkeys(strategies), dict.fromkeys(scores)
    count = -1
    while count != len(behind) + len(read):
        count = len(behind) + len(read)
        if any("." in configuration.strategies[each].type for each in behind):
            read |= dict.fromkeys(configuration.score_names)  # its rules may name any
        named = (getattr(configuration.strategies[each].parameters, "model", None) for each in behind)
        read |= dict.fromkeys(each for each in named if isinstance(each, str))
        read |= {candidate: None for each in read for candidate in configuration.candidates_of(each)}
        primaries = (primary for each in read for primary in configuration.primaries_of(each))
        behind |= {each: None for primary in primaries for each in configuration.behind(primary)}
    return {"strategies": behind, "models": read, "champions": read}


def _counts(key: str) -> bool:
    """Whether a key is in the hash of a configuration at all: folders are not."""
    return not Configuration.model_fields[key].exclude


def _default(key: str) -> object:
    return Configuration.model_fields[key].get_default(call_default_factory=True)


def _written(value: object) -> object:
    """A section as version 0.1.0 wrote it out; what is no section as it is."""
    return completed(value) if isinstance(value, BaseModel) else value
