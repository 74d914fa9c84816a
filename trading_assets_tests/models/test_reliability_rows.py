"""The interval of a share knows of rows that move together, and the rows are those of the calibration error."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.proportion import proportion_confint

from trading_assets.models.evaluation_tables import RELIABILITY
from trading_assets.models.reliability import reliability
from trading_assets.models.reliability_rows import reliability_rows, share_interval


def predictions(sessions: int, symbols: int, seed: int, *, curved: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.3, 0.7, sessions * symbols)
    return pl.DataFrame(
        {
            "session": [
                dt.date(2020, 1, 1) + dt.timedelta(days=day) for day in range(sessions) for _ in range(symbols)
            ],
            "score": score,
            "uncalibrated": pl.Series(score**2 if curved else [None] * score.size, dtype=pl.Float64),
            "label": pl.Series((rng.random(score.size) < score).astype(int), dtype=pl.Int8),
        }
    )


@pytest.mark.parametrize("curved", [False, True])
def test_rows_are_the_groups_of_the_calibration_error(*, curved: bool) -> None:
    made = predictions(60, 5, 1, curved=curved)
    rows = reliability_rows(made, horizon=2)
    assert rows["kind"].unique(maintain_order=True).to_list() == ["score", "uncalibrated"][: 1 + curved]
    for kind in rows["kind"].unique():
        groups = reliability(made[kind].to_numpy(), made["label"].cast(pl.Float64).to_numpy())
        own = rows.filter(kind=kind)
        assert own["rows"].to_list() == groups.rows.tolist()
        assert own["score"].to_list() == pytest.approx(groups.score.tolist())
        assert own["share"].to_list() == pytest.approx(groups.share.tolist())
        assert own.select((pl.col("low") <= pl.col("share")) & (pl.col("share") <= pl.col("high"))).to_series().all()
    RELIABILITY.validate(RELIABILITY.conform(rows.with_columns(model=pl.lit("m"), version=pl.lit("v"))))


def test_rows_without_a_label_are_left_out_and_none_are_none() -> None:
    made = predictions(20, 3, 2)
    later = made.with_columns(label=pl.lit(None, pl.Int8), session=pl.col("session") + pl.duration(days=20))
    assert reliability_rows(pl.concat([made, later]), 2).equals(reliability_rows(made, 2))
    assert reliability_rows(made.clear(), 2).is_empty()


def covered(together: float, seed: int) -> float:
    """How often the interval has the true share: 40 blocks of 25 rows, part of whose odds all rows of a block share."""
    rng, inside = np.random.default_rng(seed), 0
    block = np.repeat(np.arange(40), 25)
    for _ in range(500):
        chance = np.clip(0.4 + together * rng.standard_normal(40), 0.05, 0.95)[block]
        low, high = share_interval((rng.random(block.size) < chance).astype(float), block)
        inside += low <= 0.4 <= high
    return inside / 500


def test_the_interval_covers_the_share_whether_rows_of_a_block_agree_or_not() -> None:
    """Of 500 draws 95 % give or take three deviations of one percent."""
    assert 0.92 <= covered(0.0, 1) <= 0.98
    assert 0.92 <= covered(0.15, 2) <= 0.98


def test_an_interval_of_rows_as_if_independent_is_too_short_for_blocks() -> None:
    rng, inside = np.random.default_rng(3), 0
    block = np.repeat(np.arange(40), 25)
    for _ in range(300):
        chance = np.clip(0.4 + 0.15 * rng.standard_normal(40), 0.05, 0.95)[block]
        low, high = proportion_confint((rng.random(1_000) < chance).sum(), 1_000, method="wilson")
        inside += low <= 0.4 <= high
    assert inside / 300 < 0.8


def test_many_blocks_of_one_row_have_wilsons_interval() -> None:
    label = np.repeat([1.0, 0.0], [600, 1_400])
    wanted = proportion_confint(600, 2_000, method="wilson")
    assert share_interval(label, np.arange(2_000)) == pytest.approx(wanted, abs=2e-4)


def test_one_block_says_nothing_and_equal_labels_count_by_blocks() -> None:
    assert share_interval(np.ones(100), np.zeros(100, dtype=np.int64)) == (0.0, 1.0)
    low, high = share_interval(np.ones(100), np.repeat(np.arange(10), 10))
    assert low == pytest.approx(10 / (10 + 2.2622**2), abs=1e-4)
    assert high == 1.0


def test_the_interval_of_four_blocks_by_hand() -> None:
    """Ten rows each with shares of 0.2, 0.4, 0.6, 0.8: off by 3, 1, 1, 3 rows.

    The variance is 4/3 x 20 / 1,600 = 1/60, that of 0.25 x 60 = 15 rows. Student's t of 3 is 3.182, its square 10.13:
    0.5 +- 3.182 / (2 x root of 25.13) = 0.5 +- 0.3174.
    """
    label = np.concatenate([np.repeat([1.0, 0.0], [ones, 10 - ones]) for ones in (2, 4, 6, 8)])
    assert share_interval(label, np.repeat(np.arange(4), 10)) == pytest.approx((0.1826, 0.8174), abs=1e-4)
