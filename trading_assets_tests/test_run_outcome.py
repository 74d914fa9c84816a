"""How a run ended."""

from __future__ import annotations

from trading_assets.run_outcome import RunError, RunOutcome


def test_a_run_without_a_problem_is_a_success() -> None:
    assert RunOutcome("a").success
    assert not RunOutcome("a", ("features/daily: no bars",)).success


def test_an_error_carries_its_outcome() -> None:
    outcome = RunOutcome("a", ("features/daily: no bars",))
    assert RunError("no bars", outcome).outcome is outcome
    assert str(RunError("no bars")) == "no bars" and RunError("no bars").outcome is None
