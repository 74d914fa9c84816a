"""What a configuration asks of itself, and a run would fail on: found when it is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets.config.consistency import faults_of_warm_up
from trading_assets_tests.end_to_end.experiments import changed

EQUITY = {"source": "synthetic", "asset_class": "equity", "symbols": ["AAA", "BBB"]}
#: 2015-01-01 (a Thursday) to 2017-03-31 are 821 days: 117 weeks of five weekdays, a Thursday and a Friday: 587.
SPLITS = {"train": ["2016-01-04", "2016-10-31"], "validation": ["2016-11-01", "2017-03-31"]}
HOLDOUT = {"holdout": ["2017-04-01", "2017-12-29"]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"models": {}},
            ["no model 'forward_return'", "key: strategies.ml.model", "what to do: write it under `models`"],
        ),
        ({"cross_validation": {"plan": {}}}, ["no model 'plan'", "key: cross_validation.plan"]),
        ({"universe": {"equity": []}}, ["a universe without symbols", "key: universe.equity"]),
        (
            {"market_data": [EQUITY], "benchmarks": {"equity": "SPX"}},
            ["no source has symbols of crypto", "key: strategies.crypto_momentum.universe"],
        ),
        ({"market_data": [EQUITY], "universe": {"crypto": "all"}}, ["key: universe.crypto"]),
        (
            {"strategies": {"one": {"type": "factor", "universe": []}}, "registration": {}},
            ["a universe without symbols", "key: strategies.one.universe"],
        ),
        ({"workers": 2}, ["executor in_process has no workers", "key: workers", "`executor: dask` beside it"]),
        (
            {"executor": "dask", "workers": 2, "scheduler": "tcp://localhost:8786"},
            ["a scheduler has workers of its own", "key: workers"],
        ),
        (
            {"strategies": {"one": {"type": "factor", "universe": ["ZZZ"]}}, "registration": {}},
            ["none of its symbols is in the universe", "AAA, BBB"],
        ),
        (
            {"splits": {**SPLITS, **HOLDOUT, "train": ["2014-12-31", "2016-10-31"]}},
            ["train begins on 2014-12-31, before the data: start is 2015-01-01", "key: splits.train"],
        ),
        (
            {"splits": {**SPLITS, **HOLDOUT}, "as_of": "2017-03-30"},
            ["validation ends on 2017-03-31, after the data: as_of is 2017-03-30", "key: splits.validation"],
        ),
        (
            {"strategies": {"one": {"type": "pairs", "formation_sessions": 588}}, "registration": {}},
            ["formation_sessions looks back 588 sessions; start to the end of validation has at most 587"],
        ),
        (
            {"models": {"forward_return": {"train_sessions": 587}}},
            [
                "no test fold: 587 sessions are trained on first, and start to the end of validation has at most 587",
                "key: models.forward_return.train_sessions",
                "expected: less than 587",
            ],
        ),
        (  # the last fold starts at 250 + 2 x 126 = 502: a label of 496 + 1 sessions, the embargo of 5, and the open
            {"models": {"forward_return": {"train_sessions": 250, "horizon": 496}}},
            ["take 503 sessions, and no fold trains on more than 502", "key: models.forward_return.horizon"],
        ),
        (
            {"models": {"forward_return": {"train_sessions": 250, "embargo_sessions": 244, "expanding": False}}},
            ["take 251 sessions", "more than 250", "key: models.forward_return.embargo_sessions"],
        ),
    ],
)
def test_what_a_run_would_fail_on_is_named(tmp_path: Path, changes: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_configuration(changed(tmp_path, **changes), tmp_path / "data")
    for text in said:
        assert text in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"as_of": "2017-06-30"},  # the holdout is waited for
        {"as_of": None},
        {"models": {"forward_return": {"train_sessions": 250, "horizon": 495}}},
        {"models": {"forward_return": {"train_sessions": 586}}},
        {"splits": {"train": 0.6, "validation": 0.2, "holdout": 0.2, "warm_up_sessions": 1092}},
        {"strategies": {"one": {"type": "factor", "universe": ["AAA", "ZZZ"]}}, "registration": {}},
        {"strategies": {"one": {"type": "factor", "universe": "all"}}, "registration": {}},
    ],
)
def test_what_it_can_do_is_left_alone(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert load_configuration(changed(tmp_path, **changes), tmp_path / "data").name == "tiny"


@pytest.mark.parametrize(("sessions", "faults"), [(1091, 0), (1092, 1)])
def test_a_warm_up_that_leaves_nothing_to_split_is_named(tmp_path: Path, sessions: int, faults: int) -> None:
    """365 + 366 + 363 days until 2017-12-29, on which coins trade; each of three splits needs one."""
    splits = {"train": 0.6, "validation": 0.2, "holdout": 0.2, "warm_up_sessions": sessions}
    configuration = load_configuration(changed(tmp_path, splits=splits), tmp_path / "data")
    found = list(faults_of_warm_up(configuration))
    assert len(found) == faults
    if found:
        assert found[0].where == ("splits", "warm_up_sessions")
        assert "1092 sessions are warm-up, and start to as_of has at most 1094" in found[0].what
