"""What a run says while it goes on, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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
    """

    step: str
    done: int
    total: int
    begins: bool
    seconds: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes
    ----------
    run_id
        As in `backtests.runs`, and in the Dagster UI.
    problems
        Texts for people, one a failed step or check; none if everything was materialised.
    """

    run_id: str
    problems: tuple[str, ...] = ()

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
