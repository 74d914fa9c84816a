"""What every step of an account asks first: which account, whether it is still the one of its plan, what stands."""

from __future__ import annotations

import polars as pl

from trading_assets.asset_factories.table_asset import Step
from trading_assets.market_data.tables import BARS
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol
from trading_assets.robustness.verdict.current import VerdictMissingError, current_verdict
from trading_assets.strategies.evaluation.failure import strategy_of
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.interface.resolved import ResolvedStrategy, configured_strategy
from trading_assets.trading.brokers.permission import GO
from trading_assets.trading.differences_on_record import differences_of, not_accepted, put_differences_on_record
from trading_assets.trading.opening import (
    PAPER,
    Opening,
    gone_from,
    openings_on,
    universe_of,
)
from trading_assets.trading.tables import (
    DIFFERENCES,
)
from trading_assets.warehouse import Rows


class PlanChangedError(Exception):
    """What is registered is not what an account was opened for; `str()` says what to do."""


def openings_of(step: Step) -> list[Opening]:
    """Return the accounts of the strategy of a step, oldest first."""
    return openings_on(Protocol.of(step.configuration).read(), step.configuration.name, strategy_of(step))


def splits_since(step: Step, opening: Opening) -> pl.DataFrame:
    """Return the splits since the opening of an account: symbol, session, split_ratio."""
    columns, where = ["symbol", "session", "split_ratio"], "split_ratio <> 1 AND session > ?"
    return step.work.read(BARS, columns=columns, where=where, parameters=[opening.session])


def with_new_differences(step: Step, opening: Opening, found: pl.DataFrame) -> pl.DataFrame:
    """Return all differences of a strategy, with those found now, which go on record, and who has accepted them.

    Parameters
    ----------
    step, opening
        Step of the strategy, and the account.
    found
        Rows of `trading.differences` that are found now.
    """
    step.work.read_or_empty(DIFFERENCES, rows=Rows("strategy", opening.strategy))  # another run may be adding to them
    protocol = Protocol.of(step.configuration)
    new = put_differences_on_record(protocol, opening.strategy, found, step.now)
    for row in found.filter(pl.col("difference_id").is_in(new)).iter_rows(named=True):
        of_what = row["kind"] if row["symbol"] is None else f"{row['kind']} of {row['symbol']}"
        step.log.warning(f"{opening.account} {row['session']}: {of_what}: {row['detail']}")
    return differences_of(step.configuration, opening.strategy)


def is_differing(step: Step, strategy: str) -> bool:
    """Return whether a difference stands that nobody has accepted, by what is on record, whatever the table says."""
    return not not_accepted(differences_of(step.configuration, strategy)).is_empty()


def verdict_stands(step: Step, opening: Opening) -> bool:
    """Return whether there is a verdict of what is registered now; for a live account, whether it is a go."""
    try:
        found = current_verdict(step.work.aside(), step.configuration, opening.strategy)
    except VerdictMissingError:
        return False
    return found.refused is None and (opening.mode == PAPER or found.result == GO)


def assert_same_plan(step: Step, opening: Opening) -> None:
    """Stop if the strategy is not registered any more, or as something else than when its account was opened."""
    configuration, name = step.configuration, opening.strategy
    spans = spans_of(step.work.read(SPLITS))
    strategy = configured_strategy(configuration, name)
    if name in configuration.registration and plan_of(configuration, strategy, spans).hash == opening.plan_hash:
        return
    raise PlanChangedError(
        f"what is registered of {name} is not what {opening.account} was opened for\n"
        f"  expected: plan {opening.plan_hash[:16]}\n"
        f"  what to do: go back to it, or open another account: trading-assets account open {name}"
    )


def assert_same_universe(strategy: ResolvedStrategy, opening: Opening) -> None:
    """Stop if a symbol is gone, or comes from elsewhere, since an account was opened; a universe may grow."""
    gone = gone_from(opening.universe, universe_of(strategy))
    if gone:
        raise PlanChangedError(
            f"{', '.join(gone)}: not traded by {opening.strategy} any more as when {opening.account} was opened\n"
            "  expected: the symbols of then, each of the same source, calendar and asset class\n"
            f"  what to do: go back to them, or open another account: trading-assets account open {opening.strategy}"
        )
