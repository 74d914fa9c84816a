"""Drift: the statistics against scipy and theory, the alarm against what autocorrelation does to it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trading_assets.config.sections import Monitoring
from trading_assets.monitoring import drift
from trading_assets.monitoring.drift import drift_table, is_drift_event, ks_statistic, psi, scaled_wasserstein
from trading_assets.monitoring.tables import DRIFT
from trading_assets_tests.narrow import as_number

START = dt.date(2015, 1, 1)
NORMAL = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
SETTINGS = Monitoring(window_sessions=63)


def ar(rng: np.random.Generator, sessions: int, columns: int, memory: float = 0.9) -> np.ndarray:
    """(sessions, columns) autoregressive series of unit variance."""
    noise = rng.normal(0, np.sqrt(1 - memory**2), (sessions, columns))
    values = np.empty((sessions, columns))
    values[0] = rng.normal(size=columns)
    for t in range(1, sessions):
        values[t] = memory * values[t - 1] + noise[t]
    return values


def frame(values: np.ndarray, asset_class: str = "equity") -> pl.DataFrame:
    """Features of symbols from (sessions, symbols) or (sessions, symbols, features)."""
    values = values if values.ndim == 3 else values[:, :, None]
    sessions, symbols, features = values.shape
    days = [START + dt.timedelta(days=day) for day in range(sessions)]
    return pl.concat(
        pl.DataFrame({f"f{feature}": values[:, symbol, feature] for feature in range(features)}).with_columns(
            asset_class=pl.lit(asset_class), symbol=pl.lit(f"S{symbol}"), session=pl.Series(days)
        )
        for symbol in range(symbols)
    )


def compare(values: np.ndarray, reference_sessions: int, settings: Monitoring = SETTINGS) -> pl.DataFrame:
    features = frame(values)
    columns = [column for column in features.columns if column.startswith("f")]
    table = drift_table(features, columns, (START, START + dt.timedelta(days=reference_sessions - 1)), settings)
    DRIFT.validate(DRIFT.conform(table))
    return table


@pytest.mark.parametrize("shift", [0.1, 0.25, 0.5])
def test_psi_of_shifted_normals_is_the_square_of_the_shift(shift: float) -> None:
    # Ten bins see a little less than the densities do.
    assert psi(NORMAL, NORMAL + shift) == pytest.approx(shift**2, rel=0.06)


def test_psi_without_drift_is_that_of_chance() -> None:
    rng = np.random.default_rng(1)
    reference, draws = rng.normal(size=20_000), 300
    values = [psi(reference, rng.normal(size=400)) for _ in range(draws)]
    expected = 9 * (1 / 400 + 1 / 20_000)  # of a scaled chi-squared with 9 degrees of freedom
    assert np.mean(values) == pytest.approx(expected, abs=4 * expected * np.sqrt(2 / 9 / draws))


def test_psi_uses_fewer_bins_for_few_values() -> None:
    """Ten bins over 50 values pass 0.1 most of the time without any drift."""
    rng = np.random.default_rng(2)
    reference = rng.normal(size=5_000)
    above = np.mean([psi(reference, rng.normal(size=50)) > 0.1 for _ in range(300)])
    assert above < 0.1


@pytest.mark.parametrize(("reference", "window"), [(0.0, 1.0), (1.0, 0.0)])
def test_psi_sees_a_constant_move(reference: float, window: float) -> None:
    assert psi(np.full(1_000, reference), np.full(300, window)) > 1
    assert psi(np.full(1_000, reference), np.full(300, reference)) < 0.01


def test_psi_of_few_distinct_values() -> None:
    rng = np.random.default_rng(3)
    reference = rng.choice([0.0, 0.5, 1.0], 4_000, p=[0.6, 0.3, 0.1])
    window = rng.choice([0.0, 0.5, 1.0], 4_000, p=[0.3, 0.3, 0.4])
    p, q = (np.array([np.mean(x == value) for value in (0.0, 0.5, 1.0)]) for x in (reference, window))
    assert psi(reference, window) == pytest.approx(np.sum((q - p) * np.log(q / p)), rel=0.01)


values_with_ties = st.lists(st.integers(-4, 4) | st.floats(-5, 5), min_size=1, max_size=60).map(
    lambda values: np.array(values, dtype=float)
)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # scipy's p-value of tiny samples
@given(values_with_ties, values_with_ties)
@settings(max_examples=200)
def test_ks_statistic_is_scipys(reference: np.ndarray, window: np.ndarray) -> None:
    expected = stats.ks_2samp(reference, window, method="asymp").statistic
    assert ks_statistic(reference, window) == pytest.approx(expected, abs=1e-12)


def test_wasserstein_is_in_deviations_of_the_reference() -> None:
    for scale in (1.0, 1e-6):
        assert scaled_wasserstein(NORMAL * scale, (NORMAL + 0.5) * scale) == pytest.approx(0.5, rel=1e-3)
    assert scaled_wasserstein(np.ones(50), np.zeros(50)) is None


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@given(values_with_ties, values_with_ties)
@settings(max_examples=200)
def test_wasserstein_is_scipys(reference: np.ndarray, window: np.ndarray) -> None:
    distance = scaled_wasserstein(reference, window)
    if np.ptp(reference) == 0 or np.std(reference, ddof=1) == 0:  # that of the smallest numbers is
        assert distance is None
    else:
        expected = stats.wasserstein_distance(reference, window) / np.std(reference, ddof=1)
        assert distance == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_is_usual_of_repeated_and_unknown_values_is_that_of_windows_taken_one_by_one(seed: int) -> None:
    """Ties, holes and infinities of three symbols: each window beside a rest of the reference that is built."""
    rng = np.random.default_rng(seed)
    values = np.round(ar(rng, 363, 3), seed)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.random(values.shape) < 0.02] = np.inf
    (row,) = compare(values[:, :, None], 300).iter_rows(named=True)
    whole = values[:300][np.isfinite(values[:300])]
    distances, indices = [], []
    for start in range(0, 300 - 63 + 1, 31):
        inside = np.zeros((300, 3), dtype=bool)
        inside[start : start + 63] = True
        chosen, rest = (values[:300][np.isfinite(values[:300]) & where] for where in (inside, ~inside))
        distances.append(stats.ks_2samp(rest, chosen).statistic)
        edges = drift._edges(np.sort(whole), chosen.size)
        bins = [np.bincount(np.searchsorted(edges, each, "left"), minlength=edges.size + 1) for each in (rest, chosen)]
        p, q = ((count + 0.5) / (count.sum() + 0.5 * count.size) for count in bins)
        indices.append(float(np.sum((q - p) * np.log(q / p))))
    assert row["reference_rows"] == whole.size
    assert row["ks_usual"] == pytest.approx(np.quantile(distances, 0.95), rel=1e-12)
    assert row["psi_usual"] == pytest.approx(np.quantile(indices, 0.95), rel=1e-12)


def test_what_is_usual_is_a_window_against_the_rest() -> None:
    rng = np.random.default_rng(4)
    values = ar(rng, 400, 1)[:, 0]
    windows = [values[start : start + 63] for start in range(0, 400 - 63 + 1, 31)]
    rests = [np.concatenate([values[:start], values[start + 63 :]]) for start in range(0, 400 - 63 + 1, 31)]
    (row,) = compare(np.concatenate([values, ar(rng, 63, 1)[:, 0]])[:, None], 400).iter_rows(named=True)
    distances = [stats.ks_2samp(rest, window).statistic for rest, window in zip(rests, windows, strict=True)]
    assert row["ks_usual"] == pytest.approx(np.quantile(distances, 0.95), rel=1e-12)
    # The index keeps the bins of the whole reference, so it agrees with one of the rest's bins only roughly.
    indices = [psi(rest, window) for rest, window in zip(rests, windows, strict=True)]
    assert row["psi_usual"] == pytest.approx(np.quantile(indices, 0.95), rel=0.35)


@pytest.mark.slow
def test_autocorrelation_alone_rarely_alarms() -> None:
    """One symbol, 63 sessions of AR(.9): a p-value of KS rejects most of the time, effect sizes alone do too."""
    rng = np.random.default_rng(5)
    table = compare(ar(rng, 1_500 + 63, 300)[:, None, :], 1_500)
    series = ar(rng, 1_563, 100)
    rejected = np.mean([stats.ks_2samp(x[:1_500], x[1_500:]).pvalue < 0.05 for x in series.T])
    fixed = table.filter((pl.col("psi") > SETTINGS.psi_alarm) & (pl.col("ks") > SETTINGS.ks_alarm))
    assert rejected > 0.6
    assert fixed.height > 0.2 * table.height
    assert as_number(table["alarm"].mean()) < 0.08
    assert not is_drift_event(table, SETTINGS.alarm_share)


def test_alarm_needs_both_statistics_beyond_both_bounds() -> None:
    values = ar(np.random.default_rng(13), 800 + 63, 300)[:, None, :]
    values[800:] += 1.0
    table = compare(values, 800)
    bounds = {"psi": SETTINGS.psi_alarm, "ks": SETTINGS.ks_alarm}
    beyond = {name: pl.col(name) > pl.max_horizontal(pl.lit(level), f"{name}_usual") for name, level in bounds.items()}
    apart = table.select(only_psi=beyond["psi"] & ~beyond["ks"], only_ks=beyond["ks"] & ~beyond["psi"])
    assert min(apart.sum().row(0)) > 0  # else this shows nothing
    assert table["alarm"].to_list() == table.select(beyond["psi"] & beyond["ks"])["psi"].to_list()


@pytest.mark.parametrize(("symbols", "shift"), [(1, 2.5), (10, 1.0)])
def test_a_shift_alarms_in_spite_of_autocorrelation(symbols: int, shift: float) -> None:
    rng = np.random.default_rng(6)
    values = ar(rng, 1_500 + 63, symbols * 40).reshape(1_563, symbols, 40)
    values[1_500:] += shift
    table = compare(values, 1_500)
    assert as_number(table["alarm"].mean()) > 0.8
    assert is_drift_event(table, SETTINGS.alarm_share)


def test_a_change_of_volatility_alarms() -> None:
    values = np.random.default_rng(7).normal(size=(900, 10, 1))
    values[-63:] *= 3
    assert compare(values, 800)["alarm"].to_list() == [True]


def test_a_small_drift_with_many_rows_does_not() -> None:
    """Significant, and of no consequence."""
    values = np.random.default_rng(8).normal(size=(1_000, 100, 1))
    values[-63:] += 0.1
    (row,) = compare(values, 900).iter_rows(named=True)
    assert stats.ks_2samp(values[:900].ravel(), values[-63:].ravel()).pvalue < 1e-4
    assert not row["alarm"]


def test_spans() -> None:
    values = np.random.default_rng(9).normal(size=(400, 3, 1))
    (row,) = compare(values, 300).iter_rows(named=True)
    assert (row["reference_start"], row["reference_end"]) == (START, START + dt.timedelta(days=299))
    assert row["window_start"] == START + dt.timedelta(days=400 - 63)
    assert row["window_end"] == START + dt.timedelta(days=399)
    assert (row["reference_rows"], row["window_rows"]) == (900, 189)
    (short,) = compare(values, 380).iter_rows(named=True)
    assert short["window_start"] == START + dt.timedelta(days=380)
    assert compare(values, 400).is_empty()
    assert not is_drift_event(compare(values, 400), 0.0)


def test_too_few_values_are_no_alarm() -> None:
    values = np.random.default_rng(10).normal(size=(400, 1, 2))
    values[380:, 0, 0] = 9.0  # 20 sessions of one symbol
    values[:, 0, 1] = np.nan
    table = compare(values, 380)
    assert table["psi"].to_list() == [None, None]
    assert table["alarm"].to_list() == [False, False]
    assert table["window_rows"].to_list() == [20, 0]
    assert not is_drift_event(table, 0.0)


def test_asset_classes_are_compared_apart() -> None:
    rng = np.random.default_rng(11)
    calm, moved = rng.normal(size=(500, 5, 1)), rng.normal(size=(500, 5, 1))
    moved[-63:] += 3
    both = pl.concat([frame(calm, "equity"), frame(moved, "crypto")])
    table = drift_table(both, ["f0"], (START, START + dt.timedelta(days=399)), SETTINGS)
    assert table.select("asset_class", "alarm").rows() == [("crypto", True), ("equity", False)]
    shuffled = both.sample(fraction=1.0, shuffle=True, seed=1)
    assert drift_table(shuffled, ["f0"], (START, START + dt.timedelta(days=399)), SETTINGS).equals(table)


@pytest.mark.parametrize(("alarms", "event"), [(3, False), (4, True)])
def test_drift_event_is_a_share_of_the_features_measured(alarms: int, event: bool) -> None:
    measured = pl.DataFrame({"psi": [0.1] * 10, "alarm": [index < alarms for index in range(10)]})
    unmeasured = pl.DataFrame({"psi": [None] * 5, "alarm": [False] * 5}, schema=measured.schema)
    assert is_drift_event(pl.concat([measured, unmeasured]), 0.3) is event


def test_a_reference_too_short_for_windows_leaves_the_fixed_levels() -> None:
    values = np.random.default_rng(12).normal(size=(163, 20, 1))
    values[-63:] += 2
    (row,) = compare(values, 100).iter_rows(named=True)
    assert (row["psi_usual"], row["ks_usual"], row["alarm"]) == (None, None, True)
    assert drift.USUAL_QUANTILE == 0.95
