"""What the assets of the stage share: reading a strategy's market, and writing beside what others wrote."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from trading_assets.backtests import tables as backtests
from trading_assets.backtests.tables import DEVELOPMENT
from trading_assets.market_data.tables import BARS, INSTRUMENTS, UNIVERSE
from trading_assets.models.tables import SPLITS
from trading_assets.robustness.tables import (
    BANDS,
    BREAKDOWN,
    HOLDOUT,
    HOLDOUT_RESULTS,
    LOOK_AHEAD,
    OVERFITTING,
    REGISTRATIONS,
    RESAMPLING,
    STRESS,
    STRESS_EQUITY,
)
from trading_assets.strategies.evaluation.failure import status_row, strategy_of
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Table

if TYPE_CHECKING:
    from trading_assets.asset_factories.table_asset import Step
    from trading_assets.backtests.backtest import PreparedBacktest
    from trading_assets.config.sections import Interval
    from trading_assets.robustness.holdout.ledger_head import HeadFile
    from trading_assets.robustness.holdout.registration import Registration
    from trading_assets.strategies.evaluation.inputs import Frames

STAGE = "robustness"

#: Tables that hold rows of the holdout once it was looked at.
HOLDOUT_TABLES = (*backtests.RUN_TABLES, STRESS, STRESS_EQUITY, BREAKDOWN, RESAMPLING, BANDS)


def market(step: Step, name: str) -> tuple[Frames, PreparedBacktest, dict[str, Interval]]:
    """Frames, market and spans of a strategy."""
    from trading_assets.backtests.backtest import prepare
    from trading_assets.robustness.holdout.lock import spans_of
    from trading_assets.strategies.evaluation.inputs import read_frames

    frames = read_frames(step.work, step.configuration, name)
    return frames, prepare(step.configuration, name, frames), spans_of(step.work.read(SPLITS))


def waits_until(step: Step, name: str) -> dt.date | None:
    """The end of the holdout, if the data do not reach it yet: it is not looked at before it is over."""
    from trading_assets.robustness.holdout import lock as protocol
    from trading_assets.strategies.evaluation.inputs import instruments_of

    locked = protocol.holdout(protocol.spans_of(step.work.read(SPLITS)))
    listed = step.work.read(INSTRUMENTS)
    own = instruments_of(name, step.configuration.strategies[name], listed)
    of_calendars = own["calendar"].unique().to_list()
    # Of any symbol: one whose own last bar is missing, or that was delisted, does not hold the look up.
    last = listed.filter(pl.col("calendar").is_in(of_calendars))["last_session"].max()
    if isinstance(last, dt.date) and protocol.is_over(locked, last, of_calendars):
        return None
    return locked.end


def symbols(prepared: PreparedBacktest) -> list[str]:
    """Its symbols, and its benchmark's."""
    return [*prepared.axes.symbols, *([prepared.benchmark_name] if prepared.benchmark_name else [])]


def stress_rows(
    step: Step, prepared: PreparedBacktest, frames: Frames, span: Interval, split: str
) -> dict[Table, pl.DataFrame]:
    """Rows of `robustness.stress`, `robustness.stress_equity` and `robustness.breakdown` of one span."""
    from trading_assets.robustness.stress.benchmark_months import benchmark_levels, classify_months
    from trading_assets.robustness.stress.breakdown import breakdown_rows
    from trading_assets.robustness.stress.run import chosen
    from trading_assets.robustness.stress.run import stress as run
    from trading_assets.robustness.stress.scenario_market import ScenarioInputs
    from trading_assets.strategies.evaluation.inputs import read_frames

    settings = step.configuration.robustness

    def frames_of(name: str) -> Frames:
        return frames if name == prepared.name else read_frames(step.work, step.configuration, name)

    levels = benchmark_levels(frames.bars, frames.indicators, prepared.benchmark_name, span.end)
    traded = frames.instruments.filter(pl.col("symbol").is_in(prepared.axes.symbols))
    found = run(
        prepared,
        span.start,
        span.end,
        split=split,
        months=classify_months(levels),
        scenarios=chosen(settings, synthetic=bool(traded["synthetic"].any())),
        scenario_inputs=ScenarioInputs(step.configuration, frames_of),
        best_trades=settings.verdict.reject_best_trades,
    )
    returns = pl.DataFrame(prepared.market.returns, schema=list(prepared.axes.symbols)).with_columns(
        session=pl.Series(prepared.axes.sessions, dtype=pl.Date)
    )
    broken_down = breakdown_rows(
        found.base,
        returns,
        levels.select("session", "close"),
        split=split,
        periods_per_year=prepared.periods_per_year,
    )
    return {STRESS: found.metrics, STRESS_EQUITY: found.equity, BREAKDOWN: broken_down}


def resampled(step: Step, prepared: PreparedBacktest, span: Interval, split: str) -> dict[Table, pl.DataFrame]:
    """What chance makes of the run on one span: `robustness.resampling` and its bands."""
    from trading_assets.robustness.resampling import resample

    settings = step.configuration.robustness
    found = resample(
        prepared,
        span.start,
        span.end,
        split=split,
        block_sessions=settings.block_sessions,
        resamples=settings.resamples,
        permutations=settings.permutations,
        seed=step.configuration.seed,
    )
    return {RESAMPLING: found.statistics, BANDS: found.bands}


def registration_of(
    step: Step, prepared: PreparedBacktest, frames: Frames, spans: Mapping[str, Interval]
) -> Registration:
    """The strategy frozen as it stands."""
    from trading_assets.robustness.holdout.registration import register
    from trading_assets.strategies.evaluation.fingerprint import symbols_behind

    behind = symbols_behind(step.configuration, prepared.name, frames.instruments)
    return register(
        step.configuration,
        prepared.name,
        symbols=prepared.axes.symbols,
        benchmark=prepared.benchmark_name,
        spans=spans,
        bars=step.work.read(BARS, where="list_contains(?, symbol)", parameters=[behind]),
        quarantine=frames.quarantine,
        memberships=step.work.read(UNIVERSE, where="list_contains(?, symbol)", parameters=[behind]),
        sectors=dict(frames.instruments.drop_nulls("sector").select("symbol", "sector").iter_rows()),
        delisted=dict(frames.instruments.drop_nulls("delisted").select("symbol", "delisted").iter_rows()),
        delisting_values=delisting_values(frames.instruments),
        behind=behind,
    )


def delisting_values(instruments: pl.DataFrame) -> dict[str, tuple[object, ...]]:
    """What is on record of delistings beside their dates, by symbol."""
    known = ["delisting_value", "delisting_unit", "delisting_reason", "exchange"]
    rows = instruments.filter(pl.any_horizontal(pl.col(known[:3]).is_not_null()))
    return {row[0]: row[1:] for row in rows.select("symbol", *known).iter_rows()}


def record(step: Step, registration: Registration) -> pl.DataFrame:
    """Enter the registration and the look; from here on the holdout counts as seen."""
    from trading_assets.robustness.holdout.ledger import Look
    from trading_assets.robustness.holdout.ledger_head import record_look
    from trading_assets.robustness.holdout.registration import registration_rows

    step.work.append_chained(REGISTRATIONS, lambda known: registration_rows(known, registration, step.now))
    look = Look(
        strategy=registration.strategy,
        registration_hash=registration.hash,
        config_hash=step.configuration.hash,
        evaluated_at=step.now,
        override=step.configuration.registration[registration.strategy].override,
    )
    return record_look(step.work, head_file(step), look)


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
    results = step.work.read_or_empty(HOLDOUT_RESULTS, rows=rows)
    metrics = step.work.read_or_empty(backtests.METRICS, rows=rows).filter(split=HOLDOUT)
    if results.is_empty():
        raise HoldoutMissingError(name, "it never was")
    if results["config_hash"].item() != step.configuration.hash:
        raise HoldoutMissingError(name, "the configuration has changed since")
    if metrics.is_empty():
        raise HoldoutMissingError(name, f"backtests/{name} has run since")
    evidence = {}
    for table, asset in ((OVERFITTING, "overfitting"), (LOOK_AHEAD, "look_ahead")):
        evidence[table] = step.work.read_or_empty(table, rows=rows)
        if evidence[table].is_empty() or evidence[table]["config_hash"][0] != step.configuration.hash:
            raise EvidenceMissingError(name, asset)
    seen = {table: step.work.read(table, rows=rows).filter(split=HOLDOUT) for table in (STRESS, RESAMPLING)}
    return seen | evidence


def head_file(step: Step) -> HeadFile:
    """Where the end of the holdout ledger is kept outside the warehouse."""
    from trading_assets.robustness.holdout.ledger_head import HeadFile

    return HeadFile(step.configuration.home / "ledger.head")


def write(step: Step, asset: str, tables: Mapping[Table, pl.DataFrame]) -> None:
    """Replace the strategy's rows, and note that the asset came to its end."""
    name, own = strategy_of(step), f"{STAGE}/{asset}"
    status = {STATUS: status_row(own, name)}
    step.work.replace_together([(Rows("strategy", name), tables), (Rows("asset", f"{own}/{name}"), status)])


def beside_other_splits(
    step: Step, new: Mapping[Table, pl.DataFrame], splits: tuple[str, ...]
) -> dict[Table, pl.DataFrame]:
    """The strategy's rows as they stand, those of `splits` replaced."""
    from trading_assets.robustness.verdict.statistics import put

    rows = Rows("strategy", strategy_of(step))
    return {table: put(step.work.read_or_empty(table, rows=rows), splits, frame) for table, frame in new.items()}


def remove_development(step: Step, tables: Sequence[Table]) -> None:
    """Remove the strategy's rows on train + validation from tables that the holdout shares."""
    kept = beside_other_splits(step, {table: table.empty() for table in tables}, (DEVELOPMENT,))
    step.work.replace(Rows("strategy", strategy_of(step)), kept)


def remove_holdout(step: Step) -> bool:
    """Remove what an earlier look left in the tables, if there is anything; the ledger keeps the look."""
    from trading_assets.robustness.verdict.statistics import EVALUATED_SPLITS

    rows = Rows("strategy", strategy_of(step))
    seen = any(
        not step.work.read_or_empty(table, rows=rows).filter(split=HOLDOUT).is_empty() for table in HOLDOUT_TABLES
    )
    if seen:  # in every table: `all` may have trades of the holdout where the flat start has none
        kept = beside_other_splits(step, {table: table.empty() for table in HOLDOUT_TABLES}, EVALUATED_SPLITS)
        step.work.replace(rows, {**kept, HOLDOUT_RESULTS: HOLDOUT_RESULTS.empty()})
    return seen
