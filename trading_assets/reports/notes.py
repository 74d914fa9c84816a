"""What has to be read beside a strategy's numbers: the same sentences in the terminal, on the pages and in metadata."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from trading_assets.backtests.tables import DECISIONS, DEVELOPMENT, EQUITY, FILLS, METRICS, RUNS, TRADES
from trading_assets.config import Configuration
from trading_assets.config.strategies import members_of
from trading_assets.config.universe import DynamicUniverse
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import BARS, INSTRUMENTS, RISK_FREE, UNIVERSE
from trading_assets.models.tables import PREDICTIONS, REGIMES
from trading_assets.robustness.tables import VERDICTS
from trading_assets.robustness.verdict.bets import count_bets
from trading_assets.robustness.verdict.caps import without_departures
from trading_assets.robustness.verdict.current import trials_are_counted
from trading_assets.strategies.evaluation.failure import cause_of_failure
from trading_assets.strategies.interface.resolved import NoSymbolsError, ResolvedStrategy, resolve_strategy
from trading_assets.strategies.tables import REFUSED, SIGNALS, STATUS
from trading_assets.warehouse import Rows, Table, Warehouse
from trading_assets.warehouse.computed import confirmed_commit

#: Days without a rate at the end of a monthly series, published late.
_RATES_LATE = 62
#: How a note begins that makes all numbers void.
OUT_OF_DATE = "Out of date"
REFUSED_LOOK = (
    "A further look at its holdout was refused: what is shown of the holdout, the verdict too, is of an earlier "
    "registration."
)
SIMULATED = (
    "Every number comes from a synthetic market: simulated prices in which no edge is planted. It shows how the "
    "pipeline works, not what any market did."
)


def notes_of(warehouse: Warehouse, configuration: Configuration, name: str) -> list[str]:
    """Return sentences on a strategy's numbers, what makes them void first.

    Of what there is: nothing of a strategy that has not run. What the verdict says itself, a failure too, is not
    repeated.

    Parameters
    ----------
    warehouse, configuration
        Warehouse, and the configuration of today.
    name
        Name of the strategy.
    """
    with warehouse.held_open() as held:
        return _notes(held, configuration, name)


def _notes(warehouse: Warehouse, configuration: Configuration, name: str) -> list[str]:
    status = warehouse.read_or_empty(STATUS, rows=Rows("strategy", name))
    has_failed, is_refused = cause_of_failure(status) is not None, REFUSED in status["status"]
    old = outdated(warehouse, configuration, name)
    strategy = resolved_from(warehouse, configuration, name)
    return [
        *([f"{OUT_OF_DATE}: {old}."] if old else []),
        *([REFUSED_LOOK] if is_refused else []),
        *(_on_evidence(warehouse, configuration, strategy) if strategy is not None and not has_failed else ()),
        *(_on_limits(warehouse, name) if not has_failed else ()),
        *(_on_rates(warehouse, name) if not has_failed else ()),
    ]


def resolved_from(warehouse: Warehouse, configuration: Configuration, name: str) -> ResolvedStrategy | None:
    """Return a strategy with what it trades; None before the bars are there.

    Parameters
    ----------
    warehouse, configuration
        Warehouse, and the configuration that the strategy is of.
    name
        Name of the strategy.
    """
    instruments = warehouse.read_or_empty(INSTRUMENTS)
    try:
        return resolve_strategy(configuration, name, instruments)
    except NoSymbolsError:
        return None


def outdated(warehouse: Warehouse, configuration: Configuration, name: str) -> str | None:
    """Return why what is on record of a strategy is older than what it rests on; None if it is not, or nothing is.

    A part of the pipeline may run alone: what follows from it is then as it was before.

    Parameters
    ----------
    warehouse, configuration
        Warehouse, and the configuration of today.
    name
        Name of the strategy.
    """
    runs = warehouse.read_or_empty(RUNS, where="strategy = ?", parameters=[name])
    if runs.is_empty():
        return None
    last = runs.sort("finished_at").row(-1, named=True)
    if not configuration.is_current(last["config_hash"], name):
        return f"its last backtest, of {last['finished_at']:%Y-%m-%d %H:%M} UTC, was made under another configuration"
    inputs = _inputs(warehouse, configuration, name)
    steps = [
        (_last_commit(warehouse, SIGNALS, name), f"strategies/{name}", "its signals have been computed"),
        (_last_commit(warehouse, METRICS, name), f"backtests/{name}", "its backtest has run"),
        (_last_commit(warehouse, VERDICTS, name), f"robustness/verdict/{name}", ""),
    ]
    what = ("its signals were computed", "its backtest ran", "its verdict was made")
    for place, (own, step, _) in enumerate(steps):
        newest, event = max([*inputs, *((number, said) for number, _, said in steps[:place])])
        # A step may have looked at what was written since, and found itself to be of it.
        if 0 < own < newest and confirmed_commit(warehouse, step) < newest:
            return f"{event} since {what[place]}"
    if not trials_are_counted(warehouse, configuration, name):
        return "other strategies or grids have changed since its trials were counted"
    return None


def _inputs(warehouse: Warehouse, configuration: Configuration, name: str) -> list[tuple[int, str]]:
    """Return the last commit of everything that the signals of a strategy are computed from, with what to say of it."""
    settings = configuration.strategies[name]
    model, members = getattr(settings.parameters, "model", None), members_of(settings)
    return [
        (max(_last_commit(warehouse, BARS), _last_commit(warehouse, DAILY)), "bars or features have been written"),
        *((_last_commit(warehouse, SIGNALS, each), f"signals of {each} have been computed") for each in members),
        *([(_last_commit(warehouse, REGIMES), "regimes have been computed")] if members else []),
        *([(_last_commit(warehouse, PREDICTIONS, model), f"scores of {model} have been written")] if model else []),
    ]


def _last_commit(warehouse: Warehouse, table: Table, name: str | None = None) -> int:
    """Number of the last commit that replaced a table, or what is of a strategy or a model in it; 0 for none."""
    commits = warehouse.commits(table)
    return max((number for (_, lower, _), number in commits.items() if name is None or lower in ("", name)), default=0)


def _on_evidence(warehouse: Warehouse, configuration: Configuration, strategy: ResolvedStrategy) -> Iterator[str]:
    """Yield what a newcomer takes numbers for that they are not: simulated prices, survivors, few bets."""
    own = Rows("strategy", strategy.name)
    if strategy.instruments["synthetic"].any():
        yield SIMULATED
    sessions = warehouse.read_or_empty(EQUITY, rows=own).filter(split=DEVELOPMENT)["session"]
    start, end = sessions.min(), sessions.max()
    if not isinstance(start, dt.date) or not isinstance(end, dt.date) or strategy.instruments["synthetic"].all():
        return
    yield from _on_survivors(warehouse, configuration, strategy, start, end)
    fills = warehouse.read_or_empty(FILLS, rows=own).filter(split=DEVELOPMENT)
    trades = warehouse.read_or_empty(TRADES, rows=own).filter(split=DEVELOPMENT)
    bars = warehouse.read_or_empty(
        BARS,
        columns=["symbol", "session", "close", "split_ratio"],
        where="list_contains(?, symbol) AND session BETWEEN ? AND ?",
        parameters=[fills["symbol"].unique().sort().to_list(), start, end],
    )
    bets, least = count_bets(fills, trades, bars), configuration.robustness.verdict.min_bets
    if bets < least:
        yield (
            f"Few bets: {bets:.3g} independent ones in {DEVELOPMENT}, {start} to {end}; "
            f"a verdict needs {least} in the holdout alone, and fewer tell luck from skill badly."
        )


def _on_survivors(
    warehouse: Warehouse, configuration: Configuration, strategy: ResolvedStrategy, start: dt.date, end: dt.date
) -> Iterator[str]:
    by_rules = {name for name, each in configuration.universe.items() if isinstance(each, DynamicUniverse)}
    listed = strategy.instruments.filter(~pl.col("asset_class").is_in(list(by_rules)))
    memberships = warehouse.read_or_empty(
        UNIVERSE, where="list_contains(?, symbol)", parameters=[sorted(listed["symbol"])]
    )
    for _ in without_departures(strategy.instruments, memberships, start, end):
        yield (
            "Survivorship: hardly any symbol of its universe has gone before the end of the data, as they do in a real "
            "market. Names that are known today leave out those that failed, so the result is better than it could "
            "have been; memberships (`universe`) or delistings on record would tell."
        )
    named = {
        asset_class
        for asset_class, each in configuration.universe.items()
        if isinstance(each, list) and asset_class in strategy.instruments["asset_class"]
    }
    if named or isinstance(strategy.universe, list):
        yield "Its universe is a list of names that somebody chose, knowing today how they fared."


def _on_limits(warehouse: Warehouse, name: str) -> Iterator[str]:
    """Yield how often a limit gave less than was asked for, or nothing: what was tested is then not what was meant."""
    asked = warehouse.read_or_empty(
        DECISIONS,
        columns=["decision", "limited_by", "target_weight", "granted_weight", "risk_multiplier"],
        where="strategy = ? AND split = ? AND (decision = 'enter' OR decision = 'reject' AND limited_by IS NOT NULL)",
        parameters=[name, DEVELOPMENT],
    )
    by_limit = asked["limited_by"].drop_nulls().value_counts().sort(["count", "limited_by"], descending=[True, False])
    if by_limit.is_empty():
        return
    named = {"capacity": "its capacity", "cash": "cash"}
    limits = ", ".join(f"{named.get(limit, f'risk.{limit}')} {count:,}" for limit, count in by_limit.iter_rows())
    # What volatility scaling takes is no limit.
    wanted = pl.col("target_weight").abs() * pl.col("risk_multiplier").fill_null(1.0)
    given = pl.when(decision="enter").then(pl.col("granted_weight").abs())
    weights = asked.select(wanted=wanted.sum(), given=given.sum()).row(0)
    granted = f" It was granted {weights[1] / weights[0]:.0%} of the weight that it asked for." if weights[0] else ""
    yield (
        f"Limits cut {by_limit['count'].sum():,} of its {asked.height:,} entries in {DEVELOPMENT}, in part or whole "
        f"({limits}).{granted} Column `limited_by` of backtests.decisions has each."
    )


def _on_rates(warehouse: Warehouse, name: str) -> Iterator[str]:
    """Yield where a file of risk-free rates does not reach as far as the results."""
    published = warehouse.read_or_empty(RISK_FREE)["session"].sort()
    sessions = warehouse.read_or_empty(EQUITY, rows=Rows("strategy", name))["session"]
    start, end = sessions.min(), sessions.max()
    if published.len() < 2 or not isinstance(start, dt.date) or not isinstance(end, dt.date):
        return  # none, or a constant
    if published[0] > start:
        yield f"Risk-free rates begin on {published[0]}: from {start} to then cash earns nothing."
    if (end - published[-1]).days > _RATES_LATE:
        yield f"Risk-free rates end on {published[-1]}: cash earns the last of them until {end}."
