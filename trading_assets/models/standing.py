"""Who is champion now, who was before, and a person's word on who is to be: what the terminal says and takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.errors import nearest
from trading_assets.market_data.tables import BARS
from trading_assets.models.promotion import CHAMPION, MINIMUM_EFFECT, SHADOW, Record, decide, losses_by_session
from trading_assets.models.promotion import target_in_words as in_words
from trading_assets.models.tables import CHAMPIONS, OUTCOMES, PREDICTIONS
from trading_assets.protocol import Protocol
from trading_assets.protocol.decisions import ACTIONS, HandDecision, decisions_of, record_decision
from trading_assets.protocol.settings_identity import model_identity
from trading_assets.protocol.written_rows import assert_as_written, hash_whole, last_written
from trading_assets.warehouse import Rows, Table, Warehouse

#: Characters of a reason, and of a name: both are on record for ever, and printed.
_LONGEST = 1_000
#: What is said of a model that competes with none.
ALONE = "alone"


@dataclass(frozen=True)
class Held:
    """Who is champion, and whether a person's word keeps it so."""

    candidate: str
    is_pinned: bool


@dataclass(frozen=True)
class ChampionHistory:
    """Who was champion, and is.

    Attributes
    ----------
    history
        Who was champion in turn, the last one now; none before the first run.
    waiting
        Decisions by hand that have acted on no session yet, oldest first; the history ends with them.
    """

    history: Sequence[Held]
    waiting: Sequence[HandDecision]


def champion_history(warehouse: Warehouse, configuration: Configuration, champion: str) -> ChampionHistory:
    """Return who is champion, from the last run and from what was decided since.

    Parameters
    ----------
    warehouse, configuration
        Warehouse of the configuration, and the configuration.
    champion
        Name of a champion of it.

    Raises
    ------
    EditedRowsError
        Rows of `models.champions` are not those that the product wrote.
    """
    rows = _written(warehouse, configuration, CHAMPIONS, champion)
    by_hand = decisions_of(configuration, [champion])
    acted = set(rows.filter(pl.col("cause").is_in(ACTIONS))["reason"])
    last = max((place for place, each in enumerate(by_hand) if each.as_reason() in acted), default=-1)
    waiting = [each for each in by_hand[last + 1 :] if each.candidate in configuration.candidates_of(champion)]
    by_time = rows.filter(decision=CHAMPION).sort("session", pl.col("cause").is_in(ACTIONS))
    held = [Held(*each) for each in by_time.select("candidate", "is_pinned").iter_rows()]
    held += [Held(each.candidate, each.pinned) for each in waiting] if held else []
    history = [each for place, each in enumerate(held) if place == 0 or each != held[place - 1]]
    return ChampionHistory(history, waiting)


def champion_at(warehouse: Warehouse, configuration: Configuration, champion: str, session: dt.date) -> str:
    """Return who is champion at a session: by the last run, and by a person's word of a day before the session.

    Parameters
    ----------
    warehouse, configuration, champion
        As `champion_history` takes them.
    session
        A session of the last run, or one after it and before the next refit.

    Raises
    ------
    ConfigurationError
        There was no champion by then.
    EditedRowsError
        Rows of `models.champions` are not those that the product wrote.
    """
    waiting = champion_history(warehouse, configuration, champion).waiting
    acting = [each.candidate for each in waiting if each.day < session]
    return acting[-1] if acting else champion_by_run(warehouse, configuration, champion, session)


def champion_by_run(
    warehouse: Warehouse, configuration: Configuration, champion: str, session: dt.date = dt.date.max
) -> str:
    """Return who is champion by the last run alone.

    Parameters
    ----------
    warehouse, configuration, champion
        As `champion_history` takes them.
    session
        At which session; default the last one.

    Raises
    ------
    ConfigurationError
        There was no champion by then.
    EditedRowsError
        Rows of `models.champions` are not those that the product wrote.
    """
    rows = _written(warehouse, configuration, CHAMPIONS, champion).filter(decision=CHAMPION)
    by_time = rows.filter(pl.col("session") <= session).sort("session", pl.col("cause").is_in(ACTIONS))
    if by_time.is_empty():
        raise _no_champion(champion)
    return str(by_time["candidate"][-1])


def list_models(warehouse: Warehouse, configuration: Configuration) -> pl.DataFrame:
    """Return a row for each candidate of each champion, and for each model that competes with none.

    Returns
    -------
    DataFrame
        champion (null: none), model, role (champion, shadow, alone), since (session; null before the first run),
        pinned, version (of its newest scores), reason.
    """
    lines: list[tuple[object, ...]] = []
    for champion in configuration.champions:
        rows = _written(warehouse, configuration, CHAMPIONS, champion).sort("session", pl.col("cause").is_in(ACTIONS))
        for model in configuration.candidates_of(champion):
            own = rows.filter(candidate=model)
            role, is_pinned, why = SHADOW, False, "not run yet"
            if own.height:
                role, is_pinned, why = own.select("decision", "is_pinned", "reason").row(-1)
            version, pinned = _version(warehouse, model), is_pinned and role == CHAMPION
            lines.append((champion, model, role, _since(own), pinned, version, why))
    competing = {model for each in configuration.champions for model in configuration.candidates_of(each)}
    for model in configuration.models:
        if model not in competing:
            lines.append((None, model, ALONE, None, False, _version(warehouse, model), "competes with none"))
    schema = {
        "champion": pl.String,
        "model": pl.String,
        "role": pl.String,
        "since": pl.Date,
        "pinned": pl.Boolean,
        "version": pl.String,
        "reason": pl.String,
    }
    return pl.DataFrame(lines, schema=schema, orient="row")


def decide_by_hand(
    warehouse: Warehouse,
    configuration: Configuration,
    champion: str,
    *,
    action: str,
    candidate: str | None,
    by: str,
    reason: str,
    now: dt.datetime,
) -> HandDecision:
    """Put a person's word on who is champion on record.

    Parameters
    ----------
    warehouse, configuration, champion
        Warehouse, configuration, and the name of the champion.
    action, candidate
        One of `ACTIONS`, and who is to be champion; None for a rollback, which says it itself.
    by, reason
        Who decides, and why.
    now
        Time of the decision, UTC.

    Raises
    ------
    ConfigurationError
        There is no such champion or candidate, the reason is empty, or there is nothing to decide; or bars are of days
        after `now`, so that a word would act on sessions that are known.
    """
    known = list(configuration.champions)
    if champion not in known:
        there = nearest(champion, known) if known else "a section `champions` of the configuration, which has none"
        raise ConfigurationError(f"no champion {champion!r}\n  expected: {there}\n  what to do: name one of them")
    if not reason.strip():
        raise ConfigurationError(
            "a decision by hand without a reason\n  expected: --reason with some words\n"
            "  what to do: say why; it goes on record beside your name"
        )
    for said, option in ((reason, "--reason"), (by, "--by")):
        if not (said.strip() and said.isprintable() and len(said) <= _LONGEST):
            raise ConfigurationError(
                f"{option} cannot go on record\n"
                f"  expected: one line of 1 to {_LONGEST} characters that can be printed\n"
                "  what to do: say it shorter, without line breaks; nothing is on record"
            )
    candidates = configuration.candidates_of(champion)
    if candidate is not None and candidate not in candidates:
        raise ConfigurationError(
            f"no candidate {candidate!r} of {champion}\n  key: champions.{champion}.candidates\n"
            f"  expected: {nearest(candidate, candidates)}\n  what to do: name one of them, or add it to the key"
        )
    history = champion_history(warehouse, configuration, champion).history
    if not history:
        raise _no_champion(champion)
    held = history[-1]
    if candidate is not None:
        wanted = Held(candidate, action == "pin")
    elif len(history) > 1:
        wanted = history[-2]
    else:
        raise ConfigurationError(
            f"{held.candidate} is the first champion {champion}: there is none to go back to\n"
            f"  expected: an earlier change\n  what to do: trading-assets model promote {champion} CANDIDATE"
        )
    if wanted == held:
        how = "is pinned" if held.is_pinned else "is champion"
        raise ConfigurationError(
            f"{held.candidate} {how} already\n  expected: a change\n  what to do: nothing, or name another candidate"
        )
    _assert_nothing_later(warehouse, now.date())
    settings = model_identity(configuration, wanted.candidate)
    why = reason.strip()
    decision = HandDecision(champion, action, wanted.candidate, wanted.is_pinned, now.date(), by, why, settings)
    return record_decision(Protocol.of(configuration), decision, now)


def compare_models(warehouse: Warehouse, configuration: Configuration, first: str, second: str) -> pl.DataFrame:
    """Test whether one model, or champion, is better than another, by all labels that are known before the holdout.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with their scores, and the configuration.
    first, second
        Names of models or champions: who is asked about, and what it is set beside.

    Returns
    -------
    DataFrame
        One row: model, against, sessions, effect, error, statistic, critical, p, detectable, power (at the least effect
        that matters), result. Null where there is nothing to test.

    Raises
    ------
    ConfigurationError
        There is no model or champion of such a name, or both are the same.
    """
    if first == second:
        raise ConfigurationError(
            f"{first} is set beside itself\n  expected: two names\n  what to do: name another model or champion"
        )
    records = [_record(warehouse, configuration, name) for name in (first, second)]
    decided = decide(*records)
    test = decided.test
    measured = {**test.figures(), "power": test.power(MINIMUM_EFFECT)} if test else {}
    row = {"model": first, "against": second, **measured, "result": decided.reason.replace("the champion", second)}
    numbers = dict.fromkeys(("effect", "error", "statistic", "critical", "p", "detectable", "power"), pl.Float64)
    schema = {"model": pl.String, "against": pl.String, "sessions": pl.Int64, **numbers, "result": pl.String}
    return pl.DataFrame([row], schema=schema)


def _assert_nothing_later(warehouse: Warehouse, day: dt.date) -> None:
    """Refuse a word by a clock that is behind the bars: it would say today who was to be champion then."""
    after = "session > ?"  # a session of the other side of the date line may be of the next day
    known = warehouse.read_or_empty(BARS, columns=["session"], where=after, parameters=[day + dt.timedelta(days=1)])
    if known.height:
        raise ConfigurationError(
            f"the clock of this machine says {day}, and there are bars of {known['session'].sort()[-1]}\n"
            "  expected: no bar of a day that is still to come: a decision acts from the next session on\n"
            "  what to do: set the clock right, and say it again; nothing is on record"
        )


def _no_champion(champion: str) -> ConfigurationError:
    return ConfigurationError(
        f"{champion} has no champion yet\n  expected: a run of models/champion/{champion}\n"
        "  what to do: trading-assets run"
    )


def _record(warehouse: Warehouse, configuration: Configuration, name: str) -> Record:
    if name not in configuration.score_names:
        known = configuration.score_names
        there = nearest(name, known) if known else "a section `models` of the configuration, which has none"
        raise ConfigurationError(f"no model {name!r}\n  expected: {there}\n  what to do: name one of them")
    settings = configuration.models[configuration.candidates_of(name)[0]]
    target = in_words(settings, configuration.benchmarks.get(settings.universe, "zero"))
    rows = _written(warehouse, configuration, PREDICTIONS, name)
    return Record(target, settings.horizon, name, losses_by_session(rows, dt.date.max))


def _written(warehouse: Warehouse, configuration: Configuration, table: Table, name: str) -> pl.DataFrame:
    """Rows of a model or a champion, as the product wrote them."""
    rows = warehouse.read_or_empty(table, rows=Rows("model", name))
    assert_as_written(hash_whole(table, rows, name), last_written(configuration))
    return rows


def _version(warehouse: Warehouse, model: str) -> str | None:
    return next(iter(warehouse.read_or_empty(OUTCOMES, rows=Rows("model", model))["version"]), None)


def _since(rows: pl.DataFrame) -> dt.date | None:
    """First session of what a candidate is now, of its rows in order of time."""
    now, since = None, None
    for decision, session in rows.select("decision", "session").iter_rows():
        if decision != now:
            now, since = decision, session
    return since
