"""The configurations that are shipped as examples can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import load_configuration, shipped
from trading_assets.config.differences import differences

EXAMPLES = sorted(shipped("examples").glob("*.yaml"))
ENVIRONMENTS = sorted(shipped("examples").glob("environments/*.yaml"))


@pytest.mark.parametrize("path", [*EXAMPLES, *ENVIRONMENTS], ids=lambda path: path.stem)
def test_an_example_is_valid_and_says_what_it_is_for(path: Path, tmp_path: Path) -> None:
    configuration = load_configuration(path, tmp_path)
    assert path.read_text().startswith("# ")
    assert configuration.strategies


def test_names_do_not_clash(tmp_path: Path) -> None:
    names = [load_configuration(path, tmp_path).name for path in EXAMPLES]
    assert len(set(names)) == len(names) >= 6


def test_environments_differ_from_their_base_in_what_they_say_alone() -> None:
    """Made bars are compared with no index of the world; production decides as the base does."""
    base = shipped("examples") / "environments/base.yaml"
    found = {
        path.stem: {each.key: each.right.value for each in differences(base, path)}
        for path in ENVIRONMENTS
        if path != base
    }
    assert {*found} == {"development", "production", "staging", "testing"}
    assert found["development"] == {
        "name": "research_development",
        "robustness.resamples": "200",
        "reports.data_docs": "false",
    }
    assert found["production"] == {"trading.broker": "alpaca", "warehouse.lake": "true"}
    assert found["staging"] == {"name": "research_staging", "warehouse.lake": "true"}
    testing = load_configuration(base.with_name("testing.yaml"), base.parent)
    assert testing.benchmarks == {}
    assert [each.source for each in testing.market_data] == ["synthetic"]
