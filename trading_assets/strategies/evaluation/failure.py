"""A strategy that fails is recorded and leaves its neighbours alone."""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import polars as pl

from trading_assets.asset_factories.failures import UpstreamFailedError
from trading_assets.models.champions import score_asset
from trading_assets.models.tables import OUTCOMES
from trading_assets.protocol.looks import LookRefusedError
from trading_assets.strategies.tables import FAILED, OK, REFUSED, STATUS
from trading_assets.warehouse import Rows, Table

if TYPE_CHECKING:
    from trading_assets.asset_factories.table_asset import Step


#: Steps of a strategy in the order in which a failure of one is the cause of the next.
STEPS = (
    "strategies",
    "backtests",
    *(
        f"robustness/{asset}"
        for asset in ("look_ahead", "sensitivity", "overfitting", "stress", "resampling", "holdout", "verdict")
    ),
)


class LooksAheadError(Exception):
    """A strategy knows the future; `str()` says what of it does, in words. The rows that show it stay."""


class LockedSignalsError(Exception):
    """A registered strategy, or a member of it, has no signals of the holdout yet."""


class StrategyError(Exception):
    """A strategy's own code failed; `str()` has its exception and where, as far as that can be told."""

    def __init__(self, cause: Exception, session: dt.date | None = None, symbol: str | None = None) -> None:
        self.session, self.symbol = session, symbol
        places = {"session": session, "symbol": symbol}
        at = ", ".join(f"{name} {place}" for name, place in places.items() if place is not None)
        super().__init__(f"{type(cause).__name__}: {cause}" + (f" (at {at})" if at else ""))

    def __reduce__(self) -> tuple[object, ...]:
        """Send it with its text, which says the cause already."""
        return _sent_error, (str(self), self.session, self.symbol)


def _sent_error(text: str, session: dt.date | None, symbol: str | None) -> StrategyError:
    error = StrategyError.__new__(StrategyError, text)
    error.session, error.symbol = session, symbol
    return error


def located(cause: Exception, run: Callable[[pl.DataFrame], object], panel: pl.DataFrame) -> StrategyError:
    """Find the session and the symbol at which a strategy's code fails.

    The code sees the panel up to a session, by bisection over the sessions: it fails on what the first such panel
    ends with. Then halves of the symbols up to that session, until one alone fails. A failure is of the same type as
    `cause`. Code that fails on no rows at all fails whatever the data, and what fails only with several symbols is of
    none of them.

    Parameters
    ----------
    run
        The strategy's code, which fails with `cause` on the whole `panel`.
    """

    def fails(rows: pl.DataFrame) -> bool:
        try:
            run(rows)
        except Exception as error:
            return type(error) is type(cause)
        return False

    if fails(panel.clear()):
        return StrategyError(cause)
    sessions = panel["session"].unique().sort().to_list()
    index = bisect.bisect_left(sessions, True, key=lambda last: fails(panel.filter(pl.col("session") <= last)))
    if index == len(sessions):
        return StrategyError(cause)
    known = panel.filter(pl.col("session") <= sessions[index])
    symbols = known["symbol"].unique().sort().to_list()
    while len(symbols) > 1:
        halves = symbols[: len(symbols) // 2], symbols[len(symbols) // 2 :]
        failing = [half for half in halves if fails(known.filter(pl.col("symbol").is_in(half)))]
        if not failing:
            return StrategyError(cause, sessions[index])
        symbols = failing[0]
    return StrategyError(cause, sessions[index], symbols[0])


def failure_recorder(stage: str, tables: Sequence[Table]) -> Callable[[Step, Exception], None]:
    """Return what a strategy's asset does with an exception: a failed row in `strategies.status`, no rows elsewhere.

    A look that was refused takes nothing away: its row says so, and all others stay. Nor does an audit that found
    something, whose rows say what.

    Parameters
    ----------
    stage
        Stage, or ``stage/asset``, that the row names.
    tables
        Tables in which the strategy's rows belong to this asset.
    """

    def record_failure(step: Step, error: Exception) -> None:
        name = strategy_of(step)
        gone = (
            {} if isinstance(error, LookRefusedError | LooksAheadError) else {table: table.empty() for table in tables}
        )
        step.work.replace_together(
            [
                (Rows("strategy", name), gone),
                (Rows("asset", f"{stage}/{name}"), {STATUS: status_row(stage, name, error)}),
            ]
        )

    return record_failure


def status_row(
    stage: str, strategy: str, error: Exception | None = None, *, until: dt.date | None = None
) -> pl.DataFrame:
    """Return one row of `strategies.status`; without an error it is ok.

    Parameters
    ----------
    stage, strategy
        Asset of the step without the strategy's name, and that name.
    error
        What the step failed with; None: it came to its end.
    until
        Last session that it may say anything of; None: any.
    """
    refused = isinstance(error, LookRefusedError)
    own = refused or isinstance(error, StrategyError | LooksAheadError)
    row = {
        "asset": f"{stage}/{strategy}",
        "strategy": strategy,
        "stage": stage,
        "status": OK if error is None else REFUSED if refused else FAILED,
        "error": None if error is None else str(error) if own else f"{type(error).__name__}: {error}",
        "session": getattr(error, "session", None) if own else None,
        "symbol": getattr(error, "symbol", None) if own else None,
        "until": until,
    }
    return pl.DataFrame([row], schema=STATUS.empty().schema)


def cause_of_failure(status: pl.DataFrame) -> str | None:
    """Return why a strategy failed, in one text: that of its first step that did; None if none did.

    Parameters
    ----------
    status
        Rows of the strategy in `strategies.status`.
    """
    failed = {row["stage"]: row["error"] for row in status.filter(status=FAILED).iter_rows(named=True)}
    first = min(failed, key=lambda stage: (STEPS.index(stage) if stage in STEPS else len(STEPS), stage), default=None)
    return None if first is None else f"{first}: {failed[first]}"


def refused_look(step: Step, strategy: str) -> str | None:
    """Return why the last look at a strategy's holdout was refused; None if it was not."""
    status = step.work.aside().read_or_empty(STATUS, rows=Rows("strategy", strategy))
    return next(iter(status.filter(status=REFUSED)["error"]), None)


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
    """Stop here if a strategy that this one is made of, or whose entries it gates, has failed to say what it wants.

    Raises
    ------
    UpstreamFailedError
        With the first recorded error.
    """
    for member in members:
        _require(step, member, ("strategies",))


def require_unlocked(step: Step, strategies: Sequence[str]) -> None:
    """Stop here if a strategy last said what it wants while the holdout was locked: what it has ends before.

    Raises
    ------
    LockedSignalsError
        Naming it, and the session that it ends with.
    """
    for strategy in strategies:
        status = step.work.unwatched().read_or_empty(STATUS, rows=Rows("asset", f"strategies/{strategy}"))
        for until in status["until"].drop_nulls():
            raise LockedSignalsError(
                f"the signals of {strategy} end on {until}: they were made before the registration\n"
                f"  expected: rows of a run of strategies/{strategy} under this configuration\n"
                f"  what to do: materialise strategies/{strategy}, then backtests/{strategy}"
            )


def require_scores(step: Step, model: str | None) -> None:
    """Stop here if a model was last trained while its scores of the holdout were locked.

    Raises
    ------
    LockedSignalsError
        Naming it, and the session that its scores end before.
    """
    if model is None:
        return
    asset = score_asset(step.configuration, model)
    outcome = step.work.unwatched().read_or_empty(OUTCOMES, rows=Rows("model", model))
    for until in outcome["until"].drop_nulls():
        raise LockedSignalsError(
            f"the scores of {model} end before {until}: they were made before the registration\n"
            f"  expected: rows of a run of {asset} under this configuration\n"
            f"  what to do: materialise {asset}, then strategies/{strategy_of(step)}"
        )


def _require(step: Step, strategy: str, stages: Sequence[str]) -> None:
    failed: dict[str, str] = {}
    with step.work.unwatched().held_open() as held:
        for stage in stages:  # no others: the rows of later steps say nothing here
            rows = held.read_or_empty(STATUS, rows=Rows("asset", f"{stage}/{strategy}"))
            failed |= {row["stage"]: row["error"] for row in rows.filter(status=FAILED).iter_rows(named=True)}
    for stage in stages:
        if stage in failed:
            raise UpstreamFailedError(f"{stage}/{strategy} failed: {failed[stage]}")


def strategy_of(step: Step) -> str:
    """Return the strategy of a step of one strategy.

    Raises
    ------
    ValueError
        The step is not one.
    """
    if step.strategy is None:
        raise ValueError("this asset belongs to no strategy")
    return step.strategy
