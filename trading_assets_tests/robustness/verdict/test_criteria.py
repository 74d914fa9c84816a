from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.config.verdict import VerdictThresholds
from trading_assets.robustness.tables import VERDICTS
from trading_assets.robustness.verdict.criteria import MAY_BE_ABSENT, judge, rows
from trading_assets.robustness.verdict.no_evidence import unregistered

# Passes everything, each number on the good side of its limit by a little.
GOOD: dict[str, float | None] = {
    "bets": 50.0,
    "sessions": 250.0,
    "drawdown": 0.149,
    "sharpe": 1.01,
    "calmar": 1.51,
    "expectancy_r_without_best": 0.01,
    "slippage_2x_expectancy_r": 0.01,
    "bootstrap_sharpe_5": 0.4,
    "permutation_percentile": 95.0,
    "dsr": 0.95,
    "pbo": 0.5,
    "look_ahead_violations": 0.0,
    "expectancy_r": 0.31,
    "profit_factor": 1.41,
    "correlation": 0.79,
    "daily_loss_99": 0.049,
    "slippage_2x_sharpe": 0.76,
    "slippage_3x_calmar": 1.01,
    "bear_months_expectancy_r": 0.01,
    "bear_months_drawdown": 0.5,
}
ORDER = {"reject": 0, "conditional": 1, "go": 2}
#: A larger value is worse.
LOWER_IS_BETTER = {
    "drawdown",
    "pbo",
    "look_ahead_violations",
    "correlation",
    "daily_loss_99",
    "bear_months_drawdown",
}


def result(**changes: float | None) -> str:
    return judge("s", {**GOOD, **changes}, VerdictThresholds()).result


def test_every_limit_met_is_go() -> None:
    assert result() == "go"


# The first value that fails, by trading-rules 7: "holdout has < 30 trades or < 250 sessions".
@pytest.mark.parametrize("change", [{"bets": 29.0}, {"sessions": 249.0}, {"bets": None}, {"sessions": None}])
def test_insufficient_evidence(change: dict[str, float | None]) -> None:
    assert result(**change) == "insufficient_evidence"


@pytest.mark.parametrize(
    "change",
    [
        {"drawdown": 0.2001},
        {"sharpe": 0.7499},
        {"calmar": 0.9999},
        {"expectancy_r_without_best": 0.0},
        {"slippage_2x_expectancy_r": 0.0},
        {"bootstrap_sharpe_5": 0.3999},
        {"permutation_percentile": 94.9},
        {"dsr": 0.9499},
        {"pbo": 0.5001},
        {"look_ahead_violations": 1.0},
    ],
)
def test_any_rejection_criterion_rejects(change: dict[str, float | None]) -> None:
    assert result(**change) == "reject"


# On the limit itself: "> 20 %", "< 0.75" and so on do not hold there.
@pytest.mark.parametrize("change", [{"drawdown": 0.20}, {"sharpe": 0.75}, {"calmar": 1.0}])
def test_the_limit_itself_does_not_reject(change: dict[str, float | None]) -> None:
    assert result(**change) == "conditional"


@pytest.mark.parametrize("change", [{"sharpe": 1.0}, {"drawdown": 0.15}, {"calmar": 1.5}, {"bets": 49.0}])
def test_a_missed_primary_criterion_is_conditional(change: dict[str, float | None]) -> None:
    assert result(**change) == "conditional"


SECONDARY = {"expectancy_r": 0.3, "profit_factor": 1.4, "correlation": 0.8, "daily_loss_99": 0.05}
STRESS = {
    "slippage_2x_sharpe": 0.75,
    "slippage_3x_calmar": 1.0,
    "bear_months_expectancy_r": 0.0,
}


@pytest.mark.parametrize("missed", SECONDARY)
def test_three_of_four_secondary_criteria_are_enough(missed: str) -> None:
    assert result(**{missed: SECONDARY[missed]}) == "go"
    for other in SECONDARY.keys() - {missed}:
        assert result(**{missed: SECONDARY[missed], other: SECONDARY[other]}) == "conditional"


@pytest.mark.parametrize("missed", STRESS)
def test_two_of_three_stress_criteria_are_enough(missed: str) -> None:
    assert result(**{missed: STRESS[missed]}) == "go"
    for other in STRESS.keys() - {missed}:
        assert result(**{missed: STRESS[missed], other: STRESS[other]}) == "conditional"


def test_bear_months_pass_by_a_small_drawdown_alone() -> None:
    both = {"slippage_2x_sharpe": 0.0, "bear_months_expectancy_r": -1.0}
    assert result(**both, bear_months_drawdown=0.2) == "conditional"
    assert result(**both, bear_months_drawdown=0.1999) == "go"


@pytest.mark.parametrize("absent", sorted(MAY_BE_ABSENT))
def test_what_was_not_evaluated_caps_the_result(absent: str) -> None:
    known = {name: value for name, value in GOOD.items() if name != absent}
    judgement = judge("s", known, VerdictThresholds())
    assert judgement.result == "conditional"
    line = next(c for c in judgement.criteria if c.name == absent)
    assert (line.passed, line.note) == (None, "not evaluated")
    assert absent.replace("_", " ") in judgement.explanation
    assert judge("s", {**known, "calmar": 0.5}, VerdictThresholds()).result == "reject"


@pytest.mark.parametrize("name", sorted(GOOD.keys() - MAY_BE_ABSENT))
def test_a_statistic_that_exists_by_now_may_not_be_left_out(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        judge("s", {key: value for key, value in GOOD.items() if key != name}, VerdictThresholds())


@pytest.mark.parametrize("name", ["sharpe", "calmar", "dsr", "expectancy_r_without_best"])
def test_an_undefined_rejection_criterion_fails(name: str) -> None:
    assert result(**{name: None}) == "reject"


def test_precedence() -> None:
    hopeless = {"bets": 5.0, "drawdown": 0.9, "sharpe": -1.0}
    assert result(**hopeless) == "insufficient_evidence"
    assert result(**{**hopeless, "bets": 50.0}) == "reject"


def test_no_trades_is_insufficient_evidence_with_nulls() -> None:
    nothing: dict[str, float | None] = dict.fromkeys(GOOD.keys() - MAY_BE_ABSENT)
    judgement = judge("s", {**nothing, "bets": 0.0, "sessions": 800.0}, VerdictThresholds())
    assert judgement.result == "insufficient_evidence"
    VERDICTS.validate(VERDICTS.conform(rows(judgement)))


def test_thresholds_are_configuration() -> None:
    strict = VerdictThresholds(go_sharpe=2.0, min_bets=51)
    assert judge("s", GOOD, strict).result == "insufficient_evidence"
    assert judge("s", {**GOOD, "bets": 51.0}, strict).result == "conditional"


def test_rows_and_explanation() -> None:
    judgement = judge(
        "breakout", {**GOOD, "calmar": 0.5}, VerdictThresholds(), history="The holdout has been looked at once."
    )
    assert judgement.explanation == (
        "breakout: reject. The holdout has 50 bets in 250 sessions. "
        "It is rejected because of calmar 0.5 (needs at least 1). The holdout has been looked at once."
    )
    table = VERDICTS.conform(rows(judgement))
    VERDICTS.validate(table)
    assert table["position"].to_list() == list(range(table.height))
    calmar = table.filter(criterion="calmar").select("kind", "value", "threshold", "passed").rows()
    assert calmar == [("rejection", 0.5, 1.0, False), ("primary", 0.5, 1.5, False)]
    last = table.row(-1, named=True)
    assert (last["kind"], last["result"], last["passed"]) == ("result", "reject", False)
    assert table["result"].null_count() == table.height - 1


def test_explanation_of_a_conditional_result_names_what_is_missing() -> None:
    text = judge("s", {**GOOD, "sharpe": 0.9, "profit_factor": None}, VerdictThresholds()).explanation
    assert "3 of 4 primary criteria" in text and "sharpe 0.9 (needs above 1)" in text
    assert "3 of 4 secondary criteria, 3 needed for a go (missing: profit factor undefined" in text


def test_unregistered_strategy() -> None:
    judgement = unregistered("s", VerdictThresholds())
    assert judgement.result == "insufficient_evidence"
    assert {c.value for c in judgement.criteria} == {None}
    VERDICTS.validate(VERDICTS.conform(rows(judgement)))


NUMBERS = {
    name: st.one_of(st.none(), st.floats(min_value=-3, max_value=100 if name.endswith("percentile") else 3))
    for name in GOOD
    if name not in ("bets", "sessions")
}
COUNTS = {"bets": st.integers(0, 80).map(float), "sessions": st.integers(200, 300).map(float)}
STATISTICS = st.fixed_dictionaries(
    {name: st.one_of(st.just(GOOD[name]), numbers) for name, numbers in (NUMBERS | COUNTS).items()}
)


@settings(max_examples=300)
@given(statistics=STATISTICS, name=st.sampled_from(sorted(NUMBERS)), step=st.floats(min_value=0, max_value=5))
def test_worsening_a_metric_never_improves_the_verdict(
    statistics: dict[str, float | None], name: str, step: float
) -> None:
    before = judge("s", statistics, VerdictThresholds()).result
    value = statistics[name]
    worse = None if value is None else value + (step if name in LOWER_IS_BETTER else -step)
    for changed in (worse, None):
        after = judge("s", {**statistics, name: changed}, VerdictThresholds()).result
        if before == "insufficient_evidence":
            assert after == before
        else:
            assert ORDER[after] <= ORDER[before]


@settings(max_examples=200)
@given(statistics=STATISTICS, fewer=st.integers(1, 60), name=st.sampled_from(["bets", "sessions"]))
def test_less_evidence_never_makes_a_go(statistics: dict[str, float | None], fewer: int, name: str) -> None:
    before = judge("s", statistics, VerdictThresholds()).result
    count = statistics[name]
    assert count is not None
    after = judge("s", {**statistics, name: max(count - fewer, 0.0)}, VerdictThresholds()).result
    assert after in (before, "insufficient_evidence") or (before, after) == ("go", "conditional")


@settings(max_examples=200)
@given(statistics=STATISTICS, absent=st.sampled_from(sorted(MAY_BE_ABSENT)))
def test_leaving_out_a_statistic_never_makes_a_go(statistics: dict[str, float | None], absent: str) -> None:
    known = {name: value for name, value in statistics.items() if name != absent}
    assert judge("s", known, VerdictThresholds()).result != "go"


ENDINGS: dict[str, float | None] = {
    "unexplained_delistings_positions": 2.0,
    "unexplained_delistings_sharpe": 0.8,
    "unexplained_delistings_expectancy_r": 0.1,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "go"),
        ({"unexplained_delistings_sharpe": 0.74}, "reject"),
        ({"unexplained_delistings_expectancy_r": 0.0}, "reject"),
        ({"unexplained_delistings_positions": 0.0, "unexplained_delistings_sharpe": 0.1}, "go"),
    ],
)
def test_endings_without_a_reason_face_the_reject_thresholds_where_a_position_met_one(
    change: dict[str, float | None], expected: str
) -> None:
    found = judge("s", {**GOOD, **ENDINGS, **change}, VerdictThresholds())
    assert found.result == expected
    met = change.get("unexplained_delistings_positions", 2.0)
    assert ("met 2 positions" if met else "No position met an ending") in found.explanation
    assert ("unexplained_delistings_sharpe" in {line.name for line in found.criteria}) == bool(met)


@pytest.mark.parametrize(
    ("sharpe", "own", "expected", "words"),
    [
        (1.01, 1.01, "go", "the verdict is the same without what was gained there"),
        (0.9, 1.01, "conditional", "would be conditional, so it cannot be better than conditional"),
        (0.5, 1.01, "conditional", "would be reject, so it cannot be better than conditional"),
        (0.5, 0.9, "conditional", "would be reject."),
        (0.5, 0.5, "reject", "the verdict is the same without"),
    ],
)
def test_gains_across_unexplained_moves_cap_a_verdict_that_hangs_on_them(
    sharpe: float, own: float, expected: str, words: str
) -> None:
    statistics = {**GOOD, "sharpe": own, "unexplained_moves": 3.0, "without_unexplained_gains_sharpe": sharpe}
    found = judge("s", statistics, VerdictThresholds())
    assert found.result == expected
    assert "Positions crossed 3 extreme moves that no corporate action on record explains" in found.explanation
    assert words in found.explanation


def test_without_unexplained_moves_nothing_is_said_of_them() -> None:
    found = judge("s", {**GOOD, "unexplained_moves": 0.0}, VerdictThresholds())
    assert (found.result, "extreme move" in found.explanation) == ("go", False)


def test_a_cap_keeps_a_go_from_being_more_than_conditional_and_says_why() -> None:
    caps = ("the fees are 0.1 bp, below half of 1 bp", "the universe has no departures on record")
    found = judge("s", GOOD, VerdictThresholds(), caps)
    assert judge("s", GOOD, VerdictThresholds()).result == "go"
    assert found.result == "conditional"
    assert "At best conditional: the fees are 0.1 bp, below half of 1 bp." in found.explanation
    table = VERDICTS.conform(rows(found))
    VERDICTS.validate(table)
    assert table.filter(kind="cap")["note"].to_list() == list(caps)
    assert table.filter(kind="cap")["criterion"].to_list() == ["at_best_conditional", "at_best_conditional_2"]
    assert table.filter(kind="cap")["passed"].to_list() == [False, False]
    assert judge("s", {**GOOD, "calmar": 0.5}, VerdictThresholds(), caps).result == "reject", "a cap lifts nothing"


def test_a_batch_of_twenty_pays_with_its_error_rate() -> None:
    """alpha = .05 / 20 = .0025: the quantile .25 % of the Sharpe ratio, and a percentile of 100 (1 - .0025) = 99.75."""
    good = {key: value for key, value in GOOD.items() if key != "bootstrap_sharpe_5"} | {"alpha": 0.0025}
    known = {**good, "bootstrap_sharpe_0.25": 0.4, "permutation_percentile": 99.75}
    assert judge("s", known, VerdictThresholds()).result == "go"
    assert judge("s", {**known, "bootstrap_sharpe_0.25": 0.39}, VerdictThresholds()).result == "reject"
    third = {**good, "alpha": 0.05 / 3, "bootstrap_sharpe_1.6666667": 0.3, "permutation_percentile": 99.0}
    found = judge("s", third, VerdictThresholds())
    [bootstrap] = [each for each in found.criteria if each.name == "bootstrap_sharpe"]
    assert bootstrap.note == "the 1.667 % quantile of the resamples"  # 5 % / 3, which is no part of its name
    assert "bootstrap sharpe 0.3 (needs at least 0.4)" in found.explanation
    failed = judge("s", {**known, "permutation_percentile": 99.7}, VerdictThresholds())
    assert failed.result == "reject"
    assert "permutation percentile 99.7 (needs at least 99.75)" in failed.explanation
    assert "error rate of 0.250%" in failed.explanation
    with pytest.raises(KeyError, match=r"bootstrap_sharpe_0\.25"):
        judge("s", {**GOOD, "alpha": 0.0025}, VerdictThresholds())
    # Who asks for the 99th percentile asks for a fifth of the error rate, in a batch, too: 100 - 1 / 20 = 99.95.
    strict = judge("s", known, VerdictThresholds(reject_permutation=99.0))
    assert strict.result == "reject" and "99.95" in strict.explanation
