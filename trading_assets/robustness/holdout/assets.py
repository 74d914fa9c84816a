"""How the asset of the holdout computes: one look, entered in the ledger before it is made."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.backtests.results.headline import headline
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.config import Configuration
from trading_assets.config.sections import Interval
from trading_assets.market_data.tables import BARS, INSTRUMENTS, UNIVERSE
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import TEXTS, Protocol, Record, recording
from trading_assets.protocol.batches import alpha_of
from trading_assets.protocol.earlier import assert_imported
from trading_assets.protocol.earlier_ledgers import LEDGER
from trading_assets.protocol.head_file import HeadFile
from trading_assets.protocol.looks import LookRequest, looks_of
from trading_assets.protocol.prices import Idea
from trading_assets.robustness.evidence import record_evidence
from trading_assets.robustness.holdout import lock
from trading_assets.robustness.holdout.ledger import Look
from trading_assets.robustness.holdout.record_look import record_look, verified_ledger
from trading_assets.robustness.holdout.registration import register, registration_rows
from trading_assets.robustness.holdout.upgrade import KnownCode, compare, standing_of, without_labels
from trading_assets.robustness.holdout.upgrade_ledger import (
    earlier_verdict,
    record_upgrade,
    upgrades_head,
    verified_upgrades,
)
from trading_assets.robustness.resampling.assets import resampled
from trading_assets.robustness.rows_by_span import EVALUATED_SPLITS, STAGE, beside_other_splits, remove_holdout, write
from trading_assets.robustness.stress.assets import sharpes, stress_rows
from trading_assets.robustness.tables import (
    EARLIER_VERDICTS,
    HOLDOUT,
    HOLDOUT_LEDGER,
    HOLDOUT_RESULTS,
    REGISTRATION_UPGRADES,
    REGISTRATIONS,
    STRESS,
    VERDICTS,
)
from trading_assets.strategies.evaluation.failure import require_ok, require_unlocked, strategy_of
from trading_assets.strategies.evaluation.fingerprint import parameter_types, rules_recorded_before, symbols_behind
from trading_assets.strategies.evaluation.identity import code_identity, identity_of
from trading_assets.strategies.evaluation.inputs import Frames
from trading_assets.strategies.evaluation.on_record import files_of, put_registrations_on_record, returns_on_record
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written
from trading_assets.strategies.interface.resolved import ResolvedStrategy, configured_strategy, resolve_strategy
from trading_assets.warehouse import Rows

if TYPE_CHECKING:
    from trading_assets.backtests.backtest import PreparedBacktest
    from trading_assets.robustness.holdout.registration import Registration


def holdout(step: Step) -> Mapping[str, Any]:
    """One look at the locked span of a registered strategy: entered in the ledger first, evaluated then."""
    from trading_assets.backtests.backtest import backtest, baselines_of, metrics_of
    from trading_assets.backtests.results.run_tables import together
    from trading_assets.robustness.prepared_market import read_market

    require_ok(step, ("strategies", "backtests", f"{STAGE}/look_ahead"))
    name, configuration = strategy_of(step), step.configuration
    if name not in configuration.registration:
        removed = remove_holdout(step)
        write(step, holdout.__name__, {})
        return {"registered": False, "rows of an earlier registration removed": removed}
    put_registrations_on_record(step)
    until = waits_until(step)
    if until is not None:  # no look: a part of the holdout is not the holdout
        remove_holdout(step)
        write(step, holdout.__name__, {})
        return {"registered": True, "waits until": until}
    require_unlocked(step, (name, *configured_strategy(configuration, name).members))
    assert_inputs_as_written(step)
    frames, prepared, spans = read_market(step)
    locked, start = lock.holdout(spans), lock.development(spans).start
    registration = registration_of(step, prepared, frames, spans)
    earned = backtest(prepared, start, lock.development(spans).end, split=DEVELOPMENT).equity
    own_returns = earned.select("session", value="daily_return").drop_nulls()
    look = record(step, registration, prepared.strategy, own_returns)

    runs = [
        backtest(prepared, first, locked.end, split=split)
        for split, first in zip(EVALUATED_SPLITS, (locked.start, start), strict=True)
    ]
    frames_of = {
        **together(runs),
        backtests.METRICS: pl.concat(metrics_of(prepared, run) for run in runs),
        backtests.BASELINES: pl.concat(baselines_of(prepared, run) for run in runs),
    }
    stressed = stress_rows(step, prepared, frames, locked, HOLDOUT)
    result = {
        "strategy": name,
        "registration_hash": registration.hash,
        "config_hash": configuration.hash_for(name),
        "look": look,
        "start": locked.start,
        "end": locked.end,
        "run_id": last_backtest(step),
    }
    alpha = alpha_of(Protocol.of(configuration).read(), (configuration.name, name))
    drawn = resampled(step, prepared, locked, HOLDOUT, alpha=alpha)
    seen = {**stressed, **drawn, **frames_of}
    source = {HOLDOUT_RESULTS: pl.DataFrame([result], schema=HOLDOUT_RESULTS.empty().schema)}
    write(step, holdout.__name__, beside_other_splits(step, seen, EVALUATED_SPLITS) | source)
    record_evidence(step, holdout.__name__)
    metrics = frames_of[backtests.METRICS].filter(split=HOLDOUT)
    return {
        "registered": True,
        "look": look,
        "registration": registration.hash,
        **headline(dict(metrics.select("metric", "value").iter_rows())),
        "Sharpe under stress": sharpes(stressed[STRESS]),
    }


def seen_of_holdout(strategy: str, configuration: Configuration) -> object:
    """Return what the protocol has on record that decides a look: of the strategy, and of the batch that it is in.

    Parameters
    ----------
    strategy, configuration
        Name of the strategy, and the configuration that it is of.
    """
    records, member = Protocol.of(configuration).read(), (configuration.name, strategy)
    own = [
        each.row_hash
        for each in records
        if each.kind in ("registration", "look", "upgrade") and (each.configuration, each.subject) == member
    ]
    return [own, alpha_of(records, member)]


def last_backtest(step: Step) -> str | None:
    """Return the run that last made the strategy's backtest; None before any did."""
    runs = step.work.unwatched().read_or_empty(backtests.RUNS, where="strategy = ?", parameters=[strategy_of(step)])
    return next(iter(runs.sort("finished_at", descending=True)["run_id"]), None)


def waits_until(step: Step) -> dt.date | None:
    """The end of the holdout, if the data do not reach it yet: it is not looked at before it is over."""
    locked = lock.holdout(lock.spans_of(step.work.read(SPLITS)))
    listed = step.work.read(INSTRUMENTS)
    strategy = resolve_strategy(step.configuration, strategy_of(step), listed)
    of_calendars = strategy.instruments["calendar"].unique().to_list()
    # Of any symbol: one whose own last bar is missing, or that was delisted, does not hold the look up.
    last = listed.filter(pl.col("calendar").is_in(of_calendars))["last_session"].max()
    if isinstance(last, dt.date) and lock.is_over(locked, last, of_calendars):
        return None
    return locked.end


def registration_of(
    step: Step, prepared: PreparedBacktest, frames: Frames, spans: Mapping[str, Interval]
) -> Registration:
    """Return the registration of the strategy as it stands: frozen code, parameters, settings and data.

    Parameters
    ----------
    prepared, frames
        Backtest of the strategy, and the tables that it was prepared from.
    spans
        Dates of each split by its name.
    """

    behind = symbols_behind(step.configuration, prepared.strategy, frames.instruments)
    return register(
        step.configuration,
        prepared.strategy,
        spans=spans,
        bars=step.work.read(BARS, where="list_contains(?, symbol)", parameters=[behind]),
        quarantine=frames.quarantine,
        memberships=step.work.read(UNIVERSE, where="list_contains(?, symbol)", parameters=[behind]),
        sectors=dict(frames.instruments.drop_nulls("sector").select("symbol", "sector").iter_rows()),
        delisted=dict(frames.instruments.drop_nulls("delisted").select("symbol", "delisted").iter_rows()),
        delisting_values=delisting_values(frames.instruments),
        exchanges=dict(frames.instruments.drop_nulls("exchange").select("symbol", "exchange").iter_rows()),
        behind=behind,
        **files_of(step),
    )


def delisting_values(instruments: pl.DataFrame) -> dict[str, tuple[object, ...]]:
    """Return what is on record of delistings beside their dates, by symbol."""
    known = ["delisting_value", "delisting_unit", "delisting_reason", "exchange"]
    rows = instruments.filter(pl.any_horizontal(pl.col(known[:3]).is_not_null()))
    return {row[0]: row[1:] for row in rows.select("symbol", *known).iter_rows()}


def record(
    step: Step, registration: Registration, strategy: ResolvedStrategy, own_returns: pl.DataFrame | None = None
) -> int:
    """Enter the registration and the look, or the upgrade of an earlier one; from here on the holdout counts as seen.

    The protocol of the data folder decides, and its record is there first; the tables of the warehouse are the
    configuration's own copy.

    Parameters
    ----------
    own_returns
        Daily returns of the strategy on train and validation: session, value. None: not known.

    Returns
    -------
    int
        Number of the look that the registration stands for.

    Raises
    ------
    LookRefusedError
        What is registered differs from what was looked at, and there is no new reason for it.
    """

    name, configuration = registration.strategy, step.configuration
    put_registrations_on_record(step)
    protocol = Protocol.of(configuration)
    assert_imported(protocol.read(), configuration.name)
    code = KnownCode(parameter_types(configuration, strategy), rules_recorded_before(configuration, strategy))
    looks = looks_of(protocol.read(), (configuration.name, name))
    standing = standing_of(
        registration,
        __version__,
        ledger=with_looks(verified_ledger(step.work, head_file(step)), looks),
        registrations=with_texts(step.work.read_or_empty(REGISTRATIONS), protocol, looks),
        upgrades=verified_upgrades(step.work, configuration),
        code=code,
    )
    step.work.append_chained(REGISTRATIONS, lambda known: registration_rows(known, registration, step.now, __version__))
    content = json.loads(registration.content)
    holdout = Interval(start=content["splits"]["holdout"][0], end=content["splits"]["holdout"][1])
    request = LookRequest(
        configuration=configuration.name,
        strategy=name,
        registration_hash=standing.looked_at,
        config_hash=configuration.hash,
        holdout=holdout,
        symbols=strategy.symbols,
        content=registration.content,
        universe_returns=returns_on_record(
            step, strategy.symbols, Interval(start=content["splits"]["train"][0], end=holdout.end)
        ),
        idea=Idea(identity_of(strategy.module), code_identity(strategy.module)),
        own_returns=own_returns,
        override=configuration.registration[name].override,
        changed=standing.changed,
        product_version=__version__,
    )
    plan = plan_of(
        configuration, strategy, {key: Interval(start=s, end=e) for key, (s, e) in content["splits"].items()}
    )

    def is_same(earlier: Record, text: str) -> bool:
        if earlier.payload["plan_hash"] == plan.hash:
            return True
        said, now = (without_labels(json.loads(each)) for each in (text, plan.content))
        found = compare(said, now, code)
        return found.is_upgrade(earlier.payload["product_version"], __version__)

    _, made = recording.make_look(protocol, request, is_same, step.now)
    if standing.upgrade is not None:
        keep_earlier_verdict(step)
        said = {key: value for key, value in asdict(standing.upgrade).items() if key != "strategy"}
        recording.record_upgrade(protocol, name, said, step.now)
        record_upgrade(step.work, upgrades_head(configuration), standing.upgrade, step.now)
    else:  # the tables are there for whoever asks
        step.work.append_chained(REGISTRATION_UPGRADES, lambda known: known.clear())
        step.work.append_new(EARLIER_VERDICTS, EARLIER_VERDICTS.empty())
    look = Look(
        strategy=name,
        registration_hash=standing.looked_at,
        config_hash=configuration.hash,
        evaluated_at=made.recorded_at,
        override=made.payload["override"],
        number=int(made.payload["look"]),
    )
    record_look(step.work, head_file(step), look)
    return int(made.payload["look"])


def with_looks(ledger: pl.DataFrame, looks: Sequence[Record]) -> pl.DataFrame:
    """Return the warehouse's ledger with those looks of the protocol that it lacks: the warehouse may be younger."""
    rows = [
        {
            "row": ledger.height + place,
            "strategy": record.subject,
            "registration_hash": record.payload["registration_hash"],
            "look": record.payload["look"],
        }
        for place, record in enumerate(looks, start=1)
        if record.payload["registration_hash"] not in ledger["registration_hash"]
    ]
    return pl.concat([ledger, pl.DataFrame(rows, schema=ledger.schema)]) if rows else ledger


def with_texts(registrations: pl.DataFrame, protocol: Protocol, looks: Sequence[Record]) -> pl.DataFrame:
    """Return the warehouse's registrations with those that only the protocol has, as it has what was looked at.

    Parameters
    ----------
    registrations
        Rows of `robustness.registrations`.
    protocol, looks
        Protocol of the data folder, and the records of its looks whose registered texts are asked for.
    """
    texts = dict(protocol.contents(TEXTS, looks).select("record", "text").iter_rows())
    known = set(registrations["registration_hash"])
    rows = [
        {
            "strategy": look.subject,
            "registration_hash": look.payload["registration_hash"],
            "content": texts[look.row],
            "product_version": look.payload.get("product_version"),
        }
        for look in looks
        if look.row in texts and look.payload["registration_hash"] not in known
    ]
    return pl.concat([registrations, pl.DataFrame(rows, schema=registrations.schema)]) if rows else registrations


def keep_earlier_verdict(step: Step) -> None:
    """Put the verdict of another version of the product aside, before this version's takes its place."""
    name = strategy_of(step)
    rows = Rows("strategy", name)
    with step.work.held_open() as held:
        verdicts = held.read_or_empty(VERDICTS, rows=rows)
        evaluated = held.read_or_empty(HOLDOUT_RESULTS, rows=rows)["registration_hash"].to_list()
        looks = held.read_or_empty(HOLDOUT_LEDGER).filter(strategy=name).sort("row")["registration_hash"].to_list()
        upgrades = held.read_or_empty(REGISTRATION_UPGRADES).filter(strategy=name)
    made_from = next(iter([*evaluated, *reversed(looks)]), None)
    found = earlier_verdict(verdicts, made_from, upgrades, __version__, step.now)
    if not found.is_empty():
        step.work.append_new(EARLIER_VERDICTS, found)


def head_file(step: Step) -> HeadFile:
    """Return the file outside the warehouse that keeps the end of the holdout ledger."""
    return HeadFile(step.configuration.home / "ledger.head", LEDGER)
