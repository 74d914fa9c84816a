"""The page says what was measured, and what was measured is what a verdict is for."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_assets.config.verdict import ALPHA, VerdictThresholds
from trading_assets.robustness.resampling.random_runs import PERMUTATION
from trading_assets.robustness.resampling.resample import BOOTSTRAP, sharpe_quantile_name, statistic_of
from trading_assets.robustness.verdict.criteria import judge
from trading_assets_tests.backtests.frames import frames
from trading_assets_tests.benchmarks.go_rate import (
    LEVELS,
    MARKS,
    PAGE,
    TRENDS,
    level_of,
    markdown,
    read,
    sharpe_of,
    stored,
    summarised,
    trend_of,
)
from trading_assets_tests.benchmarks.planted import flawless_resampling, flawless_selection, with_departures
from trading_assets_tests.benchmarks.table import replaced
from trading_assets_tests.robustness.verdict.test_criteria import GOOD


def test_the_page_has_the_table_of_the_last_measurement() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert replaced(page, *MARKS, markdown(stored())) == page


def test_go_is_rare_without_an_edge_and_never_without_departures_on_record() -> None:
    *levels, _ = stored()
    names = [level["level"] for level in levels]
    assert names[0] == "0" and set(names) <= {level.name for level in LEVELS}
    assert levels[0]["markets"] >= 400 and levels[0]["results"]["1"].get("go", 0) / levels[0]["markets"] <= 0.01
    rates = [each["results"]["1"].get("go", 0) / each["markets"] for each in levels if "/" not in each["level"]]
    assert rates == sorted(rates), "a larger edge is no less often found"
    assert all(each["results"]["1"].get("go", 0) == 0 for each in levels if each["level"].endswith("/0"))
    assert all(sum(count.values()) == each["markets"] for each in levels for count in each["results"].values())


def test_draws_are_counted_once_by_level_and_code(tmp_path: Path) -> None:
    """A file of lines: seed 1 twice (of a run that was stopped and went on), one of other code, one level more."""
    lines = [
        {"code": "new", "level": "2/0", "seed": 0, "trend": 0.6, "results": dict.fromkeys("1", "conditional")},
        {"code": "new", "level": "0", "seed": 1, "trend": 0.0, "results": {"1": "reject"}},
        {"code": "old", "level": "0", "seed": 2, "trend": 0.0, "results": {"1": "go"}},
        {"code": "new", "level": "0", "seed": 1, "trend": 0.0, "results": {"1": "reject"}},
    ]
    for line in lines:
        line["results"] = dict.fromkeys(("1", "5", "20", "50"), line["results"]["1"])  # type: ignore[index]
    file = tmp_path / "draws.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    zero, two, leaky = summarised(read(file, "new"))
    assert (zero["level"], zero["markets"], zero["results"]["50"]) == ("0", 1, {"reject": 1})
    assert (two["level"], two["results"]["1"]) == ("2/0", {"conditional": 1})
    assert leaky["markets"] == 0
    assert "| 2, without departures on record | 1 | 0.0% | 0.0% | 100.0% | 0.0% |" in markdown([zero, two, leaky])
    assert read(tmp_path / "none.jsonl", "new") == []
    assert (level_of("2/0=30").name, level_of("0.5=7").name, level_of("0.5=7").draws) == ("2/0", "0.5", 7)


@given(
    changes=st.dictionaries(st.sampled_from(sorted(GOOD)), st.floats(-5, 100), max_size=6),
    dsr=st.floats(0, 1),
    percentile=st.floats(0, 100),
    pbo=st.floats(0, 1),
)
def test_who_is_rejected_with_flawless_tests_is_rejected_with_any(
    changes: dict[str, float], dsr: float, percentile: float, pbo: float
) -> None:
    """What `results` leaves out could only have made the result worse."""
    known = {**GOOD, **changes}
    flawless = {
        "bootstrap_sharpe_5": math.inf,
        "permutation_percentile": 100.0,
        "dsr": 1.0,
        "pbo": 0.0,
        "pbo_loss": 0.0,
    }
    best = judge("s", {**known, **flawless, "pbo_loss": 0.0}, VerdictThresholds()).result
    worse = {"dsr": dsr, "permutation_percentile": percentile, "pbo": pbo, "pbo_loss": 1.0}
    actual = judge("s", {**known, "bootstrap_sharpe_5": 0.0, **worse}, VerdictThresholds()).result
    if best in ("insufficient_evidence", "reject"):
        assert actual == best


def test_what_is_not_computed_yet_is_taken_for_flawless() -> None:
    rows = flawless_resampling([ALPHA, ALPHA / 50])
    assert statistic_of(rows, BOOTSTRAP, sharpe_quantile_name(ALPHA / 50)) == math.inf
    assert (statistic_of(rows, PERMUTATION, "percentile"), statistic_of(rows, PERMUTATION, "p_normal")) == (100.0, 0.0)
    assert dict(flawless_selection().select("statistic", "value").iter_rows()) == {"dsr": 1, "pbo": 0, "pbo_loss": 0}


def test_symbols_leave_the_universe_and_every_other_one_is_delisted() -> None:
    market = frames(200)
    changed = with_departures(market, 2)
    first, second = sorted(market.universe["symbol"])[:2]
    ends = dict(changed.universe.drop_nulls("end").select("symbol", "end").iter_rows())
    assert sorted(ends) == [first, second] and ends[first] < ends[second]
    last = dict(changed.bars.group_by("symbol").agg(pl.col("session").max()).iter_rows())
    assert last[second] == ends[second] and last[first] == market.bars["session"].max()
    gone = changed.instruments.drop_nulls("delisted").select("symbol", "delisted", "delisting_reason").rows()
    assert gone == [(second, ends[second], None)]
    assert with_departures(market, 0).universe["end"].null_count() == market.universe.height


def test_a_trend_is_looked_up_between_those_measured() -> None:
    sharpes = [number / 2 for number in range(len(TRENDS))]
    assert trend_of(0.0, sharpes) == 0.0
    assert trend_of(0.75, sharpes) == pytest.approx((TRENDS[1] + TRENDS[2]) / 2)
    with pytest.raises(ValueError, match="no trend for a Sharpe ratio of 9"):
        trend_of(9, sharpes)
    with pytest.raises(ValueError, match="no trend"):
        trend_of(1, [0.0, 0.5, 0.4, *sharpes[3:]])


def test_the_sharpe_ratio_of_all_days_together() -> None:
    runs = [np.array([0.01, 0.03]), np.array([0.02])]
    assert sharpe_of(runs) == pytest.approx(0.02 / 0.01 * 252**0.5)
