"""Steps of the rollout: forward one stage at a time through a gate, back at once to any stage before.

A strategy has all stages. A model has two: in `shadow` a candidate of a champion is scored and tested beside it, at
`full` it is the champion. A share of the positions by its scores would be no backtest of anything: the engine ranks the
entries of a session by one score each and pays for them from one account. A feature is a provider of alternative data,
which is used or not: what it publishes while it is `off` is known to no session.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.errors import nearest
from trading_assets.models.promotion import MINIMUM_EFFECT
from trading_assets.models.standing import champion_history, compare_models, decide_by_hand
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.records import Entry
from trading_assets.protocol.switches import FEATURE, MOVE, switched_off_on
from trading_assets.trading.opening import assert_strategy
from trading_assets.trading.rollout.gates import Criterion, feature_gate, strategy_gate
from trading_assets.trading.rollout.stages import (
    MODEL,
    STRATEGY,
    Move,
    broker_now,
    moves_on,
    rank,
    strategy_stage,
)
from trading_assets.trading.rollout.tables import FULL, OFF, SHADOW, STAGES
from trading_assets.warehouse import Warehouse

KINDS = (STRATEGY, MODEL, FEATURE)


class GateRefusedError(Exception):
    """A step forward does not pass its gate: `criteria` are all that were looked at."""

    def __init__(self, subject: str, stage: str, criteria: Sequence[Criterion]) -> None:
        self.criteria = tuple(criteria)
        failed = [f"{each.criterion}: {each.detail}{_numbers(each)}" for each in criteria if not each.passed]
        super().__init__(
            f"{subject} stays where it is: the gate to {stage} is closed\n  cause: "
            + "\n  cause: ".join(failed)
            + "\n  what to do: meet what it asks for; nobody can step over it"
        )


@dataclass(frozen=True)
class Subject:
    """What a step is of: its kind, and its name in the configuration."""

    kind: str
    name: str

    @property
    def text(self) -> str:
        """`strategy/<name>`, `model/<name>`."""
        return f"{self.kind}/{self.name}"


def subject_of(configuration: Configuration, text: str) -> Subject:
    """Return the subject that a text names.

    Raises
    ------
    ConfigurationError
        It names no strategy of the configuration, no candidate of a champion, and no provider of alternative data.
    """
    kind, _, name = text.partition("/")
    if kind not in KINDS or not name:
        raise ConfigurationError(
            f"no subject {text!r}\n  expected: strategy/<name>, model/<name> or feature/<provider>\n"
            "  what to do: name one of them"
        )
    if kind == FEATURE and name not in configuration.alternative_data:
        raise ConfigurationError(
            f"{text} is refused: what is made of bars is part of the registered plan, and is not switched\n"
            f"  expected: feature/<provider>: {', '.join(configuration.alternative_data) or 'no alternative_data'}\n"
            "  what to do: register a strategy that reads it, and roll that out beside the one without it"
        )
    if kind == STRATEGY:
        assert_strategy(configuration, name)
    elif kind == MODEL:
        _champion_of(configuration, name)
    return Subject(kind, name)


def stage_of(warehouse: Warehouse, configuration: Configuration, records: Sequence[Record], subject: Subject) -> str:
    """Return the stage of a subject now.

    Parameters
    ----------
    warehouse, configuration, records
        Warehouse, configuration and records of the protocol.
    subject
        Strategy, model or feature.
    """
    if subject.kind == STRATEGY:
        broker = broker_now(configuration, records, subject.name)
        return strategy_stage(records, configuration.name, subject.name, broker)
    if subject.kind == FEATURE:
        times = switched_off_on(records, configuration.name)
        return OFF if any(each.provider == subject.name and each.end is None for each in times) else FULL
    history = champion_history(warehouse, configuration, _champion_of(configuration, subject.name)).history
    if not history:
        return OFF
    return FULL if history[-1].candidate == subject.name else SHADOW


def next_stage(subject: Subject, stage: str) -> str | None:
    """Return the stage after another one; None after the last."""
    stages = {STRATEGY: STAGES, MODEL: (OFF, SHADOW, FULL), FEATURE: (OFF, FULL)}[subject.kind]
    return next((each for each in stages if rank(each) > rank(stage)), None)


def gate_of(
    warehouse: Warehouse, configuration: Configuration, records: Sequence[Record], subject: Subject
) -> list[Criterion]:
    """Return what the next step forward of a subject asks for.

    Parameters
    ----------
    warehouse, configuration, records
        Warehouse, configuration and records of the protocol.
    subject
        Strategy, model or feature.
    """
    if subject.kind == STRATEGY:
        return strategy_gate(warehouse, configuration, records, subject.name)
    if subject.kind == FEATURE:
        return feature_gate(configuration, records, subject.name)
    return _model_gate(warehouse, configuration, subject.name)


def advance(
    warehouse: Warehouse, configuration: Configuration, text: str, *, by: str, reason: str, now: dt.datetime
) -> Move:
    """Take a subject one stage forward, and put that on record with its gate.

    Parameters
    ----------
    warehouse, configuration
        Warehouse and configuration.
    text
        `strategy/<name>`, `model/<name>` or `feature/<provider>`.
    by, reason
        Who says so, and why.
    now
        Time of the record, UTC.

    Raises
    ------
    ConfigurationError
        There is no such subject, no reason, or no stage after its own.
    GateRefusedError
        A criterion of the gate is not met.
    """
    _assert_reason(reason, "a step forward")
    subject = subject_of(configuration, text)
    records = Protocol.of(configuration).read()
    stage = stage_of(warehouse, configuration, records, subject)
    to = next_stage(subject, stage)
    if to is None:
        raise ConfigurationError(f"{text} is at {stage}, the last stage\n  expected: another\n  what to do: nothing")
    criteria = gate_of(warehouse, configuration, records, subject)
    if not all(each.passed for each in criteria):
        raise GateRefusedError(text, to, criteria)
    if subject.kind == MODEL:
        champion = _champion_of(configuration, subject.name)
        words = {"action": "promote", "candidate": subject.name, "by": by, "reason": reason, "now": now}
        decide_by_hand(warehouse, configuration, champion, **words)  # type: ignore[arg-type]
    said = _said(stage, to, by, reason) | {"gate": [each.plain() for each in criteria]}
    return _moved(configuration, records, subject, said, now)


def back(
    warehouse: Warehouse,
    configuration: Configuration,
    text: str,
    *,
    to: str | None,
    by: str,
    reason: str,
    now: dt.datetime,
) -> Move:
    """Take a subject back at once: no gate is asked, and every process knows it before its next order.

    Parameters
    ----------
    warehouse, configuration
        Warehouse and configuration.
    text
        `strategy/<name>`, `model/<name>` or `feature/<provider>`.
    to
        Stage to go back to; None: the one before.
    by, reason
        Who says so, and why.
    now
        Time of the record, UTC.

    Raises
    ------
    ConfigurationError
        There is no such subject, no reason, or the stage is none before its own.
    """
    _assert_reason(reason, "a step back")
    subject = subject_of(configuration, text)
    records = Protocol.of(configuration).read()
    stage = stage_of(warehouse, configuration, records, subject)
    stages = {STRATEGY: STAGES, MODEL: (SHADOW, FULL), FEATURE: (OFF, FULL)}[subject.kind]
    before = [each for each in stages if rank(each) < rank(stage)]
    target = to or (before[-1] if before else None)
    if target not in before:
        raise ConfigurationError(
            f"{text} is at {stage}: {target or 'nothing'} is no stage before it\n"
            f"  expected: {' or '.join(before) or 'a stage that sends something'}\n"
            "  what to do: name one of them with --to, or nothing"
        )
    if subject.kind == MODEL:
        champion = _champion_of(configuration, subject.name)
        words = {"action": "rollback", "candidate": None, "by": by, "reason": reason, "now": now}
        decide_by_hand(warehouse, configuration, champion, **words)  # type: ignore[arg-type]
    return _moved(configuration, records, subject, _said(stage, str(target), by, reason), now)


def _said(before: str, to: str, by: str, reason: str) -> dict[str, object]:
    return {"action": MOVE, "gate": [], "before": before, "stage": to, "by": by, "reason": reason.strip()}


def _moved(
    configuration: Configuration, known: Sequence[Record], subject: Subject, said: dict[str, object], now: dt.datetime
) -> Move:
    """Put a step on record, unless another one of the subject, or of its account, came between."""
    is_strategy = subject.kind == STRATEGY
    broker = broker_now(configuration, known, subject.name) if is_strategy else None

    def decide(records: Sequence[Record]) -> list[Entry]:
        if is_strategy:
            there = broker_now(configuration, records, subject.name)
            stage = strategy_stage(records, configuration.name, subject.name, there)
            if (stage, there) != (said["before"], broker) and rank(str(said["stage"])) > rank(stage):
                raise ConfigurationError(
                    f"{subject.text} went to {stage} at {there} meanwhile\n"
                    f"  expected: {said['before']} at {broker}\n"
                    "  what to do: look at it again: trading-assets rollout status"
                )
        return [Entry("account", subject.text, said | {"broker": broker})]

    records = Protocol.of(configuration).append_decided(decide, now=now)
    return moves_on(records, configuration.name)[-1]


def _model_gate(warehouse: Warehouse, configuration: Configuration, model: str) -> list[Criterion]:
    champion = _champion_of(configuration, model)
    history = champion_history(warehouse, configuration, champion).history
    if not history:
        said = f"{champion} has no champion yet: trading-assets run"
        return [Criterion("champion", None, None, passed=False, detail=said)]
    held = history[-1]
    found = [
        Criterion(
            "champion", None, None, passed=not held.is_pinned, detail=f"{held.candidate}{' is pinned' * held.is_pinned}"
        )
    ]
    row = compare_models(warehouse, configuration, model, held.candidate).row(0, named=True)
    asked = configuration.rollout.shadow_sessions
    sessions = row["sessions"] or 0
    found.append(
        Criterion(
            "sessions", float(sessions), float(asked), passed=sessions >= asked, detail="scored by both, labels known"
        )
    )
    if row["error"] is None:
        found.append(Criterion("loss", None, None, passed=False, detail=row["result"]))
        return found
    statistic = (row["effect"] + MINIMUM_EFFECT) / row["error"]
    said = (
        f"mean log loss {-row['effect']:+.6f} against {held.candidate}, margin {MINIMUM_EFFECT:g}; "
        f"an equal one passes with probability {row['power']:.2f}"
    )
    passed = statistic > row["critical"]
    found.append(Criterion("loss", statistic, row["critical"], passed=passed, detail=said))
    return found


def _champion_of(configuration: Configuration, model: str) -> str:
    """The champion that a model is a candidate of."""
    found = [name for name in configuration.champions if model in configuration.candidates_of(name)]
    if not found:
        known = [each for name in configuration.champions for each in configuration.candidates_of(name)]
        there = nearest(model, known) if known else "a section `champions` of the configuration, which has none"
        raise ConfigurationError(
            f"model/{model} is no candidate of a champion\n  expected: {there}\n"
            "  what to do: name a candidate; a model that competes with none is traded by the strategy that names it"
        )
    return found[0]


def _assert_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise ConfigurationError(
            f"{what} without a reason\n  expected: --reason with some words\n"
            "  what to do: say why; it goes on record beside your name"
        )


def _numbers(criterion: Criterion) -> str:
    if criterion.value is None or criterion.threshold is None:
        return ""
    return f" ({criterion.value:g}, asked for {criterion.threshold:g})"
