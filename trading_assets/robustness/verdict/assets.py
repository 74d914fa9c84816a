"""How the asset of the verdict computes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from trading_assets import __version__
from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests import tables as backtests
from trading_assets.config import Configuration
from trading_assets.config.universe import DynamicUniverse
from trading_assets.market_data.tables import BARS, BORROW_RATES, INSTRUMENTS, UNIVERSE
from trading_assets.models.evaluation_tables import SHUFFLED_LABELS
from trading_assets.models.on_record import hash_of_model
from trading_assets.models.splits import development, spans_of
from trading_assets.models.tables import CHAMPIONS, FOLDS, METRICS, PREDICTIONS, REGIMES, SPLITS
from trading_assets.protocol import Entry, Protocol, Record
from trading_assets.protocol.batches import Member, alpha_of
from trading_assets.protocol.looks import caps_of, history_of, looks_of, result_payload, results_of, standing
from trading_assets.protocol.restores import caps_of_restores
from trading_assets.protocol.written_rows import hash_whole
from trading_assets.robustness.evidence import OF_ASSETS, not_on_record
from trading_assets.robustness.holdout.assets import keep_earlier_verdict, last_backtest, waits_until
from trading_assets.robustness.holdout.intact import verified_record
from trading_assets.robustness.holdout.upgrade_ledger import history_of_upgrades, verified_upgrades
from trading_assets.robustness.rows_by_span import STAGE, write
from trading_assets.robustness.tables import (
    EARLIER_VERDICTS,
    HOLDOUT,
    HOLDOUT_RESULTS,
    LOOK_AHEAD,
    OVERFITTING,
    RESAMPLING,
    STRESS,
    VERDICTS,
)
from trading_assets.robustness.verdict import caps
from trading_assets.robustness.verdict.bets import count_bets
from trading_assets.robustness.verdict.criteria import Judgement, judge, rows
from trading_assets.robustness.verdict.no_evidence import unregistered, waiting
from trading_assets.strategies.evaluation.enforcement import unenforced_reads
from trading_assets.strategies.evaluation.failure import refused_look, require_ok, strategy_of
from trading_assets.strategies.evaluation.on_record import evaluated_state
from trading_assets.strategies.evaluation.written_inputs import assert_rows_as_written
from trading_assets.strategies.interface.resolved import ResolvedStrategy, configured_strategy, resolve_strategy
from trading_assets.warehouse import Rows, Table

#: How the words of a verdict begin that is not of what is registered now.
EARLIER_REGISTRATION = "Of an earlier registration"


def verdict(step: Step) -> Mapping[str, Any]:
    """Go, no go, or not enough evidence: every pre-registered criterion, and the result in words."""
    from trading_assets.robustness.verdict.statistics import statistics_of

    require_ok(
        step,
        (
            "strategies",
            "backtests",
            *(f"{STAGE}/{asset}" for asset in ("sensitivity", "overfitting", "look_ahead", "holdout")),
        ),
    )
    name, configuration = strategy_of(step), step.configuration
    if refused_look(step, name) is not None:
        return of_earlier_registration(step)
    keep_earlier_verdict(step)
    upgrades = history_of_upgrades(
        verified_upgrades(step.work, configuration), step.work.read_or_empty(EARLIER_VERDICTS), name
    )
    protocol, member = Protocol.of(configuration), (configuration.name, name)
    records = verified_record(step.work, configuration).records
    looks = history_of(records, member)
    history = " ".join(filter(None, (claimed_indices(step), looks, upgrades)))
    limits = configuration.robustness.verdict
    until = waits_until(step) if name in configuration.registration else None
    if until is not None:
        judgement = waiting(name, limits, until, history)
    elif name in configuration.registration:
        rows_of = evaluated(step, name)
        assert_evidence(step, records)
        look = evaluated_look(step, records, member)
        statistics = statistics_of(
            rows_of[STRESS],
            rows_of[RESAMPLING],
            rows_of[OVERFITTING],
            look_ahead=rows_of[LOOK_AHEAD],
            alpha=alpha_of(records, member),
            bets=bets_of(step, name),
        )
        begins = development(spans_of(step.work.read(SPLITS))).start
        reasons = [*caps_of(look), *caps_of_restores(records, begins), *caps_of_data(step)]
        judgement = judge(name, statistics, limits, reasons, history, standing(records, look))
        record_result(protocol, look, judgement, statistics, step.now)
    else:
        judgement = unregistered(name, limits, history)
    table = rows(judgement).with_columns(product_version=pl.lit(__version__))
    write(step, verdict.__name__, {VERDICTS: table})
    return {
        "result": judgement.result,
        "explanation": judgement.explanation,
        "criteria": table.select("kind", "criterion", "value", "threshold", "passed"),
    }


def evaluated_look(step: Step, records: Sequence[Record], member: Member) -> Record:
    """Return the look that the holdout's rows come from.

    Parameters
    ----------
    records
        Records of the protocol, oldest first.
    member
        Names of the configuration and of the strategy.

    Raises
    ------
    HoldoutMissingError
        The protocol of the data folder does not know it: the rows are of another one.
    """
    from trading_assets.robustness.verdict.statistics import HoldoutMissingError

    number = step.work.read(HOLDOUT_RESULTS, rows=Rows("strategy", member[1]))["look"].item()
    for look in looks_of(records, member):
        if look.payload["look"] == number:
            return look
    raise HoldoutMissingError(member[1], "the protocol of this data folder does not know of its look")


def record_result(
    protocol: Protocol, look: Record, judgement: Judgement, statistics: Mapping[str, float | None], now: dt.datetime
) -> None:
    """Put what was seen at a look on record, unless the very same is.

    Parameters
    ----------
    protocol, look
        Protocol of the data folder, and the record of the look in it.
    judgement, statistics
        Verdict, and the statistics that it was made from: the Sharpe ratio and the bets are recorded beside it.
    now
        Time of the record, UTC.
    """
    seen = result_payload(
        look,
        verdict=judgement.result,
        sharpe=statistics["sharpe"],
        bets=statistics.get("bets", statistics.get("trades")),
        product_version=__version__,
    )

    def decide(records: Sequence[Record]) -> list[Entry]:
        known = results_of(records, (look.configuration, look.subject or ""))
        return [] if any(each.payload == seen for each in known) else [Entry("result", look.subject, seen)]

    protocol.append_decided(decide, now=now)


def of_earlier_registration(step: Step) -> Mapping[str, Any]:
    """Leave the verdict of the last look as it is, and mark that it is not of what is registered now."""
    rows_of = step.work.read_or_empty(VERDICTS, rows=Rows("strategy", strategy_of(step)))
    looked = step.work.read_or_empty(HOLDOUT_RESULTS, rows=Rows("strategy", strategy_of(step)))
    number = next(iter(looked["look"]), None)
    mark = f"{EARLIER_REGISTRATION} (look {number or 'unknown'}); what is registered now was refused a look. "
    is_new = (pl.col("kind") == "result") & ~pl.col("note").str.starts_with(EARLIER_REGISTRATION)
    note = pl.when(is_new).then(pl.lit(mark) + pl.col("note")).otherwise("note").alias("note")
    write(step, verdict.__name__, {VERDICTS: rows_of.with_columns(note)})
    return {
        "refused": refused_look(step, strategy_of(step)),
        "result": next(iter(rows_of["result"].drop_nulls()), None),
    }


def bets_of(step: Step, name: str) -> float:
    """Count the bets of the run on the holdout."""
    own = Rows("strategy", name)
    fills = step.work.read(backtests.FILLS, rows=own).filter(split=HOLDOUT)
    trades = step.work.read(backtests.TRADES, rows=own).filter(split=HOLDOUT)
    equity = step.work.read(backtests.EQUITY, rows=own).filter(split=HOLDOUT)
    bars = step.work.read(
        BARS,
        columns=["symbol", "session", "close", "split_ratio"],
        where="list_contains(?, symbol) AND session BETWEEN ? AND ?",
        parameters=[fills["symbol"].unique().sort().to_list(), equity["session"].min(), equity["session"].max()],
    )
    return count_bets(fills, trades, bars)


def caps_of_data(step: Step) -> list[str]:
    """List why the verdict is at best conditional, from the configuration and the data of the strategy."""
    name, configuration = strategy_of(step), step.configuration
    strategy = resolve_strategy(configuration, name, step.work.read(INSTRUMENTS))
    members = [configured_strategy(configuration, member) for member in strategy.members]
    models = sorted({each.model for each in (strategy, *members) if each.model})
    spans = spans_of(step.work.read(SPLITS))
    memberships = step.work.read(
        UNIVERSE, where="list_contains(?, symbol)", parameters=[_listed_as_members(strategy, configuration)]
    )
    metrics = {model: step.work.read_or_empty(METRICS, rows=Rows("model", model)) for model in models}
    assert_rows_as_written(step, [hash_whole(METRICS, rows, model) for model, rows in metrics.items()])
    learners = sorted({each for model in models for each in configuration.candidates_of(model)})
    shuffled = {each: step.work.read_or_empty(SHUFFLED_LABELS, rows=Rows("model", each)) for each in learners}
    assert_rows_as_written(step, [hash_of_model(SHUFFLED_LABELS, rows, each) for each, rows in shuffled.items()])
    scored = {
        each: (
            step.work.read_or_empty(FOLDS, rows=Rows("model", each)),
            step.work.read_or_empty(PREDICTIONS, rows=Rows("model", each)),
        )
        for each in sorted({*models, *learners})
    }
    assert_rows_as_written(
        step,
        [
            hash_of_model(table, own, each)
            for each, both in scored.items()
            for table, own in zip((FOLDS, PREDICTIONS), both, strict=True)
        ],
    )
    regimes = step.work.read_or_empty(REGIMES) if members else REGIMES.empty()
    if members:
        assert_rows_as_written(step, [hash_whole(REGIMES, regimes)])
    start, end = development(spans).start, spans[HOLDOUT].end
    return [
        *caps.looser_criteria(configuration.robustness),
        *caps.cheap_costs(configuration.costs, strategy.instruments["asset_class"].to_list()),
        *caps.cheap_borrowing(step.work.read_or_empty(BORROW_RATES), strategy.symbols),
        *caps.without_departures(strategy.instruments, memberships, start, end, indices_of(step)),
        *caps.unproven_models(metrics, models),
        *caps.told_models(shuffled),
        *caps.leaking_models(scored),
        *caps.early_champions(_promotions(step, models, {each: both[1] for each, both in scored.items()})),
        *caps.seen_regimes(regimes),
        *unenforced_reads(configuration, strategy),
    ]


def _promotions(
    step: Step, models: Sequence[str], predictions: Mapping[str, pl.DataFrame]
) -> dict[str, caps.Promotions]:
    """What decided the champions among the models that a strategy reads, as it was written."""
    configuration, found = step.configuration, {}
    for champion in (each for each in models if each in configuration.champions):
        rows = step.work.read_or_empty(CHAMPIONS, rows=Rows("model", champion))
        assert_rows_as_written(step, [hash_whole(CHAMPIONS, rows, champion)])
        candidates = configuration.candidates_of(champion)
        settings = configuration.models[candidates[0]]  # all have its universe and its horizon
        bars = step.work.read(BARS, columns=["session"], where="asset_class = ?", parameters=[settings.universe])
        scored = {each: predictions[each]["session"].unique() for each in candidates}
        found[champion] = caps.Promotions(rows, scored, bars["session"].unique().sort(), settings.horizon)
    return found


def indices_of(step: Step) -> Mapping[str, str]:
    """Return the indices that the strategy's registration claims its symbols to be instruments of."""
    entry = step.configuration.registration.get(strategy_of(step))
    return entry.indices if entry else {}


def claimed_indices(step: Step) -> str:
    """Return the sentence on the claim, for the words of the verdict; empty without one."""
    strategy = resolve_strategy(step.configuration, strategy_of(step), step.work.read(INSTRUMENTS))
    return caps.claim_of_indices(indices_of(step), strategy.symbols)


def _listed_as_members(strategy: ResolvedStrategy, configuration: Configuration) -> list[str]:
    """Return the symbols whose memberships somebody recorded: those of a universe by rules follow from ranks."""
    by_rules = [name for name, each in configuration.universe.items() if isinstance(each, DynamicUniverse)]
    return sorted(strategy.instruments.filter(~pl.col("asset_class").is_in(by_rules))["symbol"])


def assert_evidence(step: Step, records: Sequence[Record]) -> None:
    """Check that the rows which the verdict is made from are of what is judged, and as they were written.

    Raises
    ------
    EvidenceMissingError
        Naming the asset whose rows are others.
    """
    from trading_assets.robustness.verdict.statistics import EvidenceMissingError

    with step.work.held_open():
        state = evaluated_state(step)
        causes = [(asset, not_on_record(step, asset, records, state)) for asset in OF_ASSETS]
    for asset, cause in causes:
        if cause is not None:
            raise EvidenceMissingError(strategy_of(step), asset, cause)


def evaluated(step: Step, name: str) -> dict[Table, pl.DataFrame]:
    """Rows that the verdict is made from, of this configuration and of the backtest as it stands.

    Of `robustness.stress` and `robustness.resampling` those of the holdout.

    Raises
    ------
    HoldoutMissingError
        The holdout was not evaluated under this configuration.
    EvidenceMissingError
        What the trials on record say, or the look-ahead audit, is not of this configuration.
    """
    from trading_assets.robustness.verdict.statistics import EvidenceMissingError, HoldoutMissingError

    rows = Rows("strategy", name)
    read = (HOLDOUT_RESULTS, backtests.METRICS, OVERFITTING, LOOK_AHEAD)
    with step.work.held_open() as held:
        found = {table: held.read_or_empty(table, rows=rows) for table in read}
    results, metrics = found[HOLDOUT_RESULTS], found[backtests.METRICS].filter(split=HOLDOUT)
    if results.is_empty():
        raise HoldoutMissingError(name, "it never was")
    if not step.configuration.is_current(results["config_hash"].item(), name):
        raise HoldoutMissingError(name, "the configuration has changed since")
    if metrics.is_empty() or results["run_id"].item() not in (None, last_backtest(step)):
        raise HoldoutMissingError(name, f"backtests/{name} has run since")
    evidence = {}
    for table, asset in ((OVERFITTING, "overfitting"), (LOOK_AHEAD, "look_ahead")):
        evidence[table] = found[table]
        made = None if evidence[table].is_empty() else evidence[table]["config_hash"][0]
        # What the trials say depends on the other strategies of the configuration, the audit does not.
        own = step.configuration.hash_for(name) if table is LOOK_AHEAD else step.configuration.hash_of_trials
        if made not in (own, step.configuration.hash):  # rows of earlier versions have the latter
            raise EvidenceMissingError(name, asset)
    with step.work.held_open() as held:
        seen = {table: held.read(table, rows=rows).filter(split=HOLDOUT) for table in (STRESS, RESAMPLING)}
    return seen | evidence
