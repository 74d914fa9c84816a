"""What stands against a step forward: each criterion with its number, on record with the step.

All of it is judged by what nobody edits: records of the protocol, and rows that are as they were published.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from trading_assets.backtests.results.settled_curve import excess_return
from trading_assets.config import Configuration
from trading_assets.market_data import calendars
from trading_assets.market_data.alternative.publications import read_provider
from trading_assets.market_data.sources.errors import SourceError
from trading_assets.protocol import Record
from trading_assets.protocol.switches import switched_off_on
from trading_assets.robustness.verdict.current import VerdictMissingError, current_verdict
from trading_assets.trading.brokers.deadlines import next_deadline
from trading_assets.trading.differences_on_record import differences_on_record, not_accepted
from trading_assets.trading.divergence.alarms_on_record import alarms_on_record
from trading_assets.trading.divergence.slippage_on_record import judged_through
from trading_assets.trading.opening import LIVE, SIMULATED, Opening, openings_on
from trading_assets.trading.published import possible_on_record, runs_that_fit
from trading_assets.trading.rollout.non_inferiority import sharpe_non_inferiority
from trading_assets.trading.rollout.stages import STRATEGY, broker_of, moves_on, sheet_stages, strategy_stage
from trading_assets.trading.rollout.tables import FULL, OFF, SHADOW
from trading_assets.trading.tables import EQUITY
from trading_assets.warehouse import Rows, Warehouse

#: What alarms begin with that are raised by single fills: others compare the whole account, which no share is.
_OF_FILLS = "slippage"
_A_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Criterion:
    """What a step forward asks for, and what was found.

    Attributes
    ----------
    criterion
        Its name.
    value, threshold
        What was found and what is asked for; None where it is no number.
    passed
        Whether the step may be taken as far as this goes.
    detail
        In words.
    """

    criterion: str
    value: float | None
    threshold: float | None
    passed: bool
    detail: str

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


class EditedAccountError(Exception):
    """Rows of an account are not those that were published."""


def strategy_gate(
    warehouse: Warehouse, configuration: Configuration, records: Sequence[Record], strategy: str
) -> list[Criterion]:
    """Return what the next step forward of a strategy asks for.

    Parameters
    ----------
    warehouse, configuration
        Warehouse and configuration of the account.
    records
        Records of the protocol.
    strategy
        Name of the strategy.
    """
    openings = openings_on(records, configuration.name, strategy)
    if not openings:
        said = f"no account is open: trading-assets account open {strategy}"
        return [Criterion("account", None, None, passed=False, detail=said)]
    opening, broker = openings[-1], broker_of(openings[-1])
    stage = strategy_stage(records, configuration.name, strategy, broker)
    found = [
        Criterion("account", None, None, passed=True, detail=f"{opening.account}, {opening.label}, at {broker}"),
        _verdict(warehouse, configuration, opening),
    ]
    if stage == OFF:  # nothing is sent in shadow
        return found
    found += [
        _sessions(configuration, records, opening, stage),
        _differences(configuration, records, opening),
        _alarms(configuration, records, opening, stage),
        _sharpe(warehouse, configuration, records, opening),
    ]
    return found


def feature_gate(configuration: Configuration, records: Sequence[Record], provider: str) -> list[Criterion]:
    """Return what is asked for before a provider of alternative data is used again.

    Parameters
    ----------
    configuration, records
        Configuration, and records of the protocol.
    provider
        Its key in `alternative_data`.
    """
    times = [each for each in switched_off_on(records, configuration.name) if each.provider == provider]
    since = times[-1].start if times else dt.datetime.min
    try:
        settings = configuration.alternative_data[provider]
        if settings.alfred is not None:  # nobody is asked: what a run has kept
            kept = settings.alfred.model_copy(update={"ask": False})
            settings = settings.model_copy(update={"alfred": kept})
        rows = read_provider(provider, settings, configuration.directory).publications
        count, said = rows.filter(pl.col("published_at") >= since).height, f"since {since} UTC"
    except SourceError as error:
        count, said = 0, str(error).splitlines()[0]
    found = [Criterion("publications", float(count), 1.0, passed=count >= 1, detail=said)]
    openings = (openings_on(records, configuration.name, name)[-1:] for name in configuration.strategies)
    return found + [_differences(configuration, records, each[0]) for each in openings if each]


def _verdict(warehouse: Warehouse, configuration: Configuration, opening: Opening) -> Criterion:
    try:
        current = current_verdict(warehouse, configuration, opening.strategy)
        result = current.result if current.refused is None else "of an earlier registration"
    except VerdictMissingError:
        result = "none"
    if result == "go":
        return Criterion("verdict", None, None, passed=True, detail="go")
    if opening.mode == LIVE:
        return Criterion("verdict", None, None, passed=False, detail=f"{result}: money follows a standing go alone")
    return Criterion("verdict", None, None, passed=True, detail=f"{result}, no go: on paper it may go on")


def _sessions(configuration: Configuration, records: Sequence[Record], opening: Opening, stage: str) -> Criterion:
    """Sheets that were made at the stage since it was reached: at a real broker before the open that they are for."""
    strategy = opening.strategy
    moves = [each for each in moves_on(records, configuration.name) if each.subject == f"{STRATEGY}/{strategy}"]
    since = max([opening.recorded_at, *(each.at for each in moves[-1:])])
    sheets = sheet_stages(records, configuration.name, strategy, opening.account)
    own = [each for each in sheets if each.stage == stage and each.at >= since]
    first = {each.session: each.at for each in reversed(own)}
    ahead = sum(at < _opens(opening, session) for session, at in first.items())
    is_simulated = opening.broker == SIMULATED
    value = len(first) if is_simulated else ahead
    asked = configuration.rollout.shadow_sessions if stage == SHADOW else configuration.rollout.stage_sessions
    said = f"{len(first)} sheets at {stage}, {ahead} of them on record before their open"
    return Criterion("sessions", float(value), float(asked), passed=value >= asked, detail=said)


def _opens(opening: Opening, session: dt.date) -> dt.datetime:
    """When the first market of an account opens after a session, UTC; of one that opens as it closes a day later."""
    of_calendars = {said[1] for said in opening.universe.values()}
    opens = [next_deadline(calendar, session, _A_DAY) for calendar in of_calendars]
    return min(opens, default=dt.datetime.combine(session, dt.time()))


def _differences(configuration: Configuration, records: Sequence[Record], opening: Opening) -> Criterion:
    rows = differences_on_record(records, configuration.name, opening.strategy).filter(account=opening.account)
    standing = not_accepted(rows)
    kinds = ", ".join(standing["kind"].unique().sort()) or "none"
    return Criterion(
        "differences", float(standing.height), 0.0, passed=standing.is_empty(), detail=f"standing: {kinds}"
    )


def _alarms(configuration: Configuration, records: Sequence[Record], opening: Opening, stage: str) -> Criterion:
    """Alarms on record of the accounts of the same plan; below `full` the whole account is no measure of what is sent.

    Where `trading.divergence` has not looked up to the last sheet on record, that no alarm is there says nothing.
    """
    name, strategy = configuration.name, opening.strategy
    same_plan = [each.account for each in openings_on(records, name, strategy) if each.plan_hash == opening.plan_hash]
    alarms = alarms_on_record(records, name, strategy).filter(pl.col("account").is_in(same_plan))
    if stage != FULL:
        alarms = alarms.filter(pl.col("statistic").str.starts_with(_OF_FILLS))
    said = sorted(set(alarms["statistic"]))
    settled = max((each.session for each in sheet_stages(records, name, strategy, opening.account)), default=None)
    judged = judged_through(records, name, opening)
    has_looked = settled is None or (judged is not None and judged >= settled)
    detail = ", ".join(said) or "no alarm of its fills is on record"
    if not has_looked:
        detail += f"; fills are judged up to {judged or 'no session'}, not {settled}: trading-assets run"
    return Criterion("divergence", float(alarms.height), 0.0, passed=not said and has_looked, detail=detail)


def _sharpe(
    warehouse: Warehouse, configuration: Configuration, records: Sequence[Record], opening: Opening
) -> Criterion:
    settings, strategy = configuration.rollout, opening.strategy
    replaced = settings.replaces.get(strategy)
    if replaced is None:
        return Criterion("sharpe", None, None, passed=True, detail=f"rollout.replaces names nothing for {strategy}")
    other = openings_on(records, configuration.name, replaced)
    if not other:
        return Criterion("sharpe", None, None, passed=False, detail=f"{replaced} has no account to be compared with")
    try:
        own, others = (
            _excess_returns(published_equity(warehouse, records, configuration.name, each))
            for each in (opening, other[-1])
        )
    except EditedAccountError as error:
        return Criterion("sharpe", None, None, passed=False, detail=str(error))
    both = own.join(others, on="session", suffix="_other").drop_nulls(["excess", "excess_other"])
    if opening.broker != SIMULATED:
        both = both.filter(~pl.col("replayed"))
    both, fewest = both.sort("session"), settings.sharpe_sessions
    if both.height < fewest:
        said = f"{both.height} sessions with {replaced} in common"
        return Criterion("sharpe", float(both.height), float(fewest), passed=False, detail=said)
    of_calendars = {said[1] for each in (opening, other[-1]) for said in each.universe.values()}
    test = sharpe_non_inferiority(
        both["excess"].to_numpy(),
        both["excess_other"].to_numpy(),
        periods=calendars.periods_per_year(*sorted(of_calendars)),
        margin=settings.sharpe_margin,
        level=settings.sharpe_level,
    )
    if test is None:
        return Criterion("sharpe", None, None, passed=False, detail="an account has not moved yet")
    said = (
        f"Sharpe ratio {test.difference:+.2f} a year against {replaced} (error {test.error:.2f}, margin "
        f"{test.margin:g}, {test.sessions} sessions); an equal one passes with probability {test.power:.2f}"
    )
    return Criterion("sharpe", test.p, test.level, passed=test.passed, detail=said)


def _excess_returns(equity: pl.DataFrame) -> pl.DataFrame:
    ordered = equity.sort("session")
    return ordered.select("session", "replayed", excess=excess_return(ordered))


def published_equity(
    warehouse: Warehouse, records: Sequence[Record], configuration: str, opening: Opening
) -> pl.DataFrame:
    """Return the rows of `trading.equity` of an account, as they were published.

    Parameters
    ----------
    warehouse, records
        Warehouse, and records of the protocol.
    configuration, opening
        Name of the configuration, and the account.

    Raises
    ------
    EditedAccountError
        The rows are not what is on record of them.
    """
    rows = warehouse.read_or_empty(EQUITY, rows=Rows("strategy", opening.strategy))
    possible = possible_on_record(records, configuration, opening.strategy)
    if not rows.is_empty() and not runs_that_fit({EQUITY: rows}, opening.strategy, possible):
        raise EditedAccountError(f"rows of {EQUITY.name} of {opening.strategy} are not as they were published")
    return rows.filter(account=opening.account)
