"""What a run says while it goes on, and what runs and audits come back with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from trading_assets.config import ConfigurationError

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl


class RunProgress(NamedTuple):
    """A step of a run that begins, or has ended.

    Attributes
    ----------
    step
        Asset of the step, such as ``features/daily``; before the first one ``compile <part>``, where no machine code is
        kept.
    done, total
        Steps that have ended, and all of them.
    begins
        Whether the step begins; otherwise it has ended.
    seconds
        How long a step took that has ended; None if nobody saw it begin.
    failed
        Whether it ended without its rows.
    unchanged
        Whether what it would have computed was there.
    """

    step: str
    done: int
    total: int
    begins: bool
    seconds: float | None = None
    failed: bool = False
    unchanged: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes
    ----------
    run_id
        As in `backtests.runs`, and in the Dagster UI.
    problems
        Texts for people, one a failed step or check; none if everything was materialised.
    unchanged
        Assets of the run, such as ``backtests/equity_momentum``, that are what they would be if computed again.
    """

    run_id: str
    problems: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        """Whether everything was materialised and every check of severity ERROR passed."""
        return not self.problems


class RunError(Exception):
    """A run, or a computation of a strategy, did not come to its end; `str()` says what is wrong, for people.

    Attributes
    ----------
    outcome
        How the run ended; None where there was none.
    """

    def __init__(self, message: str, outcome: RunOutcome | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome


@dataclass(frozen=True)
class LookAheadAudit:
    """Whether a strategy knows the future.

    Attributes
    ----------
    cuts, subjects
        Past closes at which everything was computed again, and what was compared: features, fills, equity, ...
    differences
        What changed when a drawn future took the place of what came after a close: rows of `robustness.look_ahead`;
        none if nothing looks ahead.
    until
        Last session that was looked at: none is after the end of validation.
    """

    strategy: str
    cuts: int
    subjects: int
    differences: pl.DataFrame
    until: dt.date

    @property
    def clean(self) -> bool:
        """Whether nothing looks ahead."""
        return self.differences.is_empty()


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise what the product says of a computation as a `RunError`; other exceptions stay what they are."""
    from trading_assets.sandbox.process import StoppedError
    from trading_assets.warehouse import WarehouseError

    try:
        yield
    except (ConfigurationError, WarehouseError, RunError):
        raise
    except Exception as error:
        if not type(error).__module__.startswith("trading_assets.") and not isinstance(error, StoppedError):
            raise
        raise RunError(str(error)) from error
