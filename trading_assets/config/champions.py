"""What the candidates of a champion have to share, so that their losses can be compared refit by refit."""

from __future__ import annotations

from collections.abc import Iterator

from trading_assets.config.configuration import Configuration
from trading_assets.config.errors import Fault, KeyPath, nearest
from trading_assets.config.models import WalkForward

#: Settings that decide which sessions are scored by which fold, and of whom.
SHARED = ("universe", "horizon", "train_sessions", "test_sessions")


def faults_of_champions(configuration: Configuration) -> Iterator[Fault]:
    """Yield champions whose name is a model's, or whose candidates do not exist or cannot be compared."""
    for name, champion in configuration.champions.items():
        where: KeyPath = ("champions", name)
        if name in configuration.models:
            yield Fault(where, f"{name!r} is the name of a model", "a name of its own: strategies read either by it")
        for place, candidate in enumerate(champion.candidates):
            key: KeyPath = (*where, "candidates", place)
            if candidate not in configuration.models:
                said = f"no model {candidate!r}; {nearest(candidate, list(configuration.models))}"
                yield Fault(key, said, "one of `models`")
            elif candidate in champion.candidates[:place]:
                yield Fault(key, f"{candidate} is named twice", "each candidate once")
        known = [configuration.models[each] for each in champion.candidates if each in configuration.models]
        for place, settings in enumerate(known[1:], 1):
            differing = _differing(known[0], settings)
            if differing is not None:
                yield Fault(
                    (*where, "candidates", place),
                    f"{champion.candidates[place]} and {champion.candidates[0]} have another {differing}",
                    f"candidates of the same {', '.join(SHARED)} and target: their losses are compared refit by refit",
                )


def _differing(first: WalkForward, other: WalkForward) -> str | None:
    """The first setting that two candidates ought to share and do not; None if there is none."""
    found = (name for name in SHARED if getattr(first, name) != getattr(other, name))
    if (name := next(found, None)) is not None:
        return name
    if _target(first) != _target(other):
        return "label"
    return next((name for name in ("barriers", "primary") if getattr(first, name) != getattr(other, name)), None)


def _target(settings: WalkForward) -> str:
    """What a score is the probability of: sign and size are one target, learnt in two ways."""
    return "sign" if settings.label == "size" else settings.label
