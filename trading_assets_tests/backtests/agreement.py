"""Many random markets on which two implementations of the same rules must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from hypothesis import HealthCheck, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis.strategies import SearchStrategy

from trading_assets_tests.backtests.random_markets import Case

Cases = SearchStrategy[Case]
#: Raises where the two disagree; returns the branches that the case took.
Compared = Callable[[Case], Counter[str]]


def branches_of(cases: Cases, compared: Compared, examples: int, *, number: int) -> Counter[str]:
    """How often each branch was taken over all cases of a search; `number` is its seed."""
    seen: Counter[str] = Counter()

    @seed(number)
    @hypothesis_settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def agree(case: Case) -> None:
        seen.update(compared(case))

    agree()
    return seen


def never_taken(
    cases: Cases, compared: Compared, branches: Collection[str], *, examples: int, searches: int
) -> set[str]:
    """Branches that no search took. There is more than one search only while a branch is missing.

    What hypothesis draws depends on the modules that are loaded, even with a seed, and some branches are rare.
    """
    seen: Counter[str] = Counter()
    for number in range(searches):
        seen += branches_of(cases, compared, examples, number=number)
        if all(seen[name] for name in branches):
            break
    return {name for name in branches if not seen[name]}
