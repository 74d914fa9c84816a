"""Equal models pass at the stated rate however long labels overlap, and better ones are found as often as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.stats import t, ttest_1samp

from trading_assets.models.paired_test import LEVEL, cosines, paired_test

Floats = NDArray[np.float64]
SESSIONS = 750


def overlapping(generator: np.random.Generator, span: int, sessions: int = SESSIONS) -> Floats:
    """Differences of which each is a mean over `span` independent sessions, of standard deviation 1."""
    shocks = generator.standard_normal(sessions + span - 1)
    return np.convolve(shocks, np.ones(span), mode="valid") / math.sqrt(span)


def test_the_error_is_that_of_the_discrete_cosine_transform() -> None:
    """SciPy's orthonormal transform of type II has the same projections in its places 1 to B."""
    difference = overlapping(np.random.default_rng(1), 5) + 0.1
    found = paired_test(np.zeros(SESSIONS), difference)
    assert found is not None
    spectrum = dct(difference, type=2, norm="ortho")
    error = math.sqrt(np.mean(spectrum[1:34] ** 2) / SESSIONS)
    assert cosines(SESSIONS) == 33
    assert found.error == pytest.approx(error, rel=1e-12)
    assert found.statistic == pytest.approx(difference.mean() / error, rel=1e-12)
    assert found.p == pytest.approx(t.sf(difference.mean() / error, 33), rel=1e-9)
    assert found.critical == pytest.approx(2.0345, abs=1e-4)  # Student's t, 33 degrees of freedom, 97.5 %


@pytest.mark.slow
@pytest.mark.parametrize(("span", "sessions"), [(1, 750), (5, 126), (20, 250), (60, 750)])
def test_equal_models_pass_at_the_stated_rate(span: int, sessions: int) -> None:
    """2.5 % of 2,000 pairs, three standard errors of which are 1.05 points; a plain t-test lets far more through."""
    generator = np.random.default_rng(span)
    passed = plain = 0
    for _ in range(2_000):
        difference = overlapping(generator, span, sessions)
        found = paired_test(np.zeros(sessions), difference, span)
        assert found is not None
        passed += found.is_better
        plain += bool(ttest_1samp(difference, 0.0, alternative="greater").pvalue < LEVEL)
    assert passed / 2_000 <= 0.04
    assert passed / 2_000 >= LEVEL - 0.0105
    assert (plain / 2_000 > 0.15) == (span > 1)


def test_a_model_better_by_a_quarter_of_a_deviation_is_found_four_times_out_of_five() -> None:
    """0.24 deviations of a session's difference over 750 sessions, labels of five sessions."""
    generator, found, promised = np.random.default_rng(2), 0, []
    for _ in range(1_000):
        test = paired_test(np.zeros(SESSIONS), overlapping(generator, 5) + 0.24, 5)
        assert test is not None
        found += test.is_better
        promised.append(test.power(0.24))
    assert found / 1_000 >= 0.8
    assert np.mean(promised) == pytest.approx(found / 1_000, abs=0.05)  # the error itself is estimated


def test_what_is_detectable_has_a_power_of_four_fifths() -> None:
    test = paired_test(np.zeros(SESSIONS), overlapping(np.random.default_rng(3), 5))
    assert test is not None
    assert test.power(test.detectable()) == pytest.approx(0.8, abs=1e-9)
    assert test.power(0.0) == pytest.approx(LEVEL, abs=1e-9)
    assert test.power(10.0) == pytest.approx(1.0)


def test_order_of_the_two_is_the_sign_and_a_common_part_says_nothing() -> None:
    generator = np.random.default_rng(4)
    one, other, common = (generator.standard_normal(200) for _ in range(3))
    first, second = paired_test(one, other), paired_test(other, one)
    moved = paired_test(one + common, other + common)
    assert first is not None and second is not None and moved is not None
    assert first.statistic == pytest.approx(-second.statistic)
    assert first.p == pytest.approx(1 - second.p)
    assert first.statistic == pytest.approx(moved.statistic)


@pytest.mark.parametrize(("sessions", "overlap"), [(0, 1), (1, 1), (40, 1), (126, 20), (250, 60)])
def test_too_few_sessions_are_no_test(sessions: int, overlap: int) -> None:
    values = np.random.default_rng(5).standard_normal(sessions)
    assert paired_test(np.zeros(sessions), values, overlap) is None


def test_models_that_never_differ_are_no_test() -> None:
    losses = np.random.default_rng(6).random(300)
    assert paired_test(losses, losses) is None
    assert paired_test(losses, losses + 0.25) is None
