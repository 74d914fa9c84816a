"""A strategy that fails is recorded and leaves its neighbours alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import polars as pl

from trading_assets.strategies.tables import FAILED, OK, STATUS
from trading_assets.warehouse import Rows, Table

if TYPE_CHECKING:
    from trading_assets.warehouse.table_asset import Step


class UpstreamFailedError(Exception):
    """The strategy failed in an earlier stage, so there is nothing to go on with."""


def failure_recorder(stage: str, tables: Sequence[Table]) -> Callable[[Step, Exception], None]:
    """What a strategy's asset does with an exception: a failed row in `strategies.status`, no rows elsewhere.

    Parameters
    ----------
    stage
        Stage, or ``stage/asset``, that the row names.
    tables
        Those in which the strategy's rows belong to this asset.
    """

    def record_failure(step: Step, error: Exception) -> None:
        name = strategy_of(step)
        text = f"{type(error).__name__}: {error}"
        step.work.replace_together(
            [
                (Rows("strategy", name), {table: table.empty() for table in tables}),
                (Rows("asset", f"{stage}/{name}"), {STATUS: status_row(stage, name, text)}),
            ]
        )

    return record_failure


def status_row(stage: str, strategy: str, error: str | None = None) -> pl.DataFrame:
    """One row of `strategies.status`; without an error it is ok."""
    row = {
        "asset": f"{stage}/{strategy}",
        "strategy": strategy,
        "stage": stage,
        "status": OK if error is None else FAILED,
        "error": error,
    }
    return pl.DataFrame([row], schema=STATUS.empty().schema)


def require_ok(step: Step, stages: Sequence[str] = ("strategies", "backtests")) -> None:
    """Stop here if the strategy failed in one of `stages`.

    The status is read apart from the step's unit of work: another strategy's row does not make a step stale.

    Raises
    ------
    UpstreamFailedError
        With the first recorded error.
    """
    _require(step, strategy_of(step), stages)


def require_members(step: Step, members: Sequence[str]) -> None:
    """Stop here if a strategy that this one is made of has failed to say what it wants.

    Raises
    ------
    UpstreamFailedError
        With the first recorded error.
    """
    for member in members:
        _require(step, member, ("strategies",))


def _require(step: Step, strategy: str, stages: Sequence[str]) -> None:
    status = step.work.aside().read_or_empty(STATUS, rows=Rows("strategy", strategy))
    failed = {row["stage"]: row["error"] for row in status.filter(status=FAILED).iter_rows(named=True)}
    for stage in stages:
        if stage in failed:
            raise UpstreamFailedError(f"{stage}/{strategy} failed: {failed[stage]}")


def strategy_of(step: Step) -> str:
    """The strategy of a step of one strategy.

    Raises
    ------
    ValueError
        The step is not one.
    """
    if step.strategy is None:
        raise ValueError("this asset belongs to no strategy")
    return step.strategy
