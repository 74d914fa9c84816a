"""An editor's schema takes what a run takes, and marks what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from trading_assets.config import load_configuration, shipped
from trading_assets.config.configuration import Configuration
from trading_assets.config.overlays import read_merged
from trading_assets.config.schema import json_schema
from trading_assets_tests.config.test_loading import MINIMAL
from trading_assets_tests.conftest import REPOSITORY, TINY

ENVIRONMENTS = sorted(shipped("examples/environments").glob("*.yaml"))
SHIPPED = [
    shipped("demo.yaml"),
    shipped("template.yaml"),
    TINY,
    *sorted(shipped("examples").glob("*.yaml")),
    *ENVIRONMENTS,
]


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))


def written(text: str) -> Any:
    """Values as an editor has them: dates are text."""
    return json.loads(json.dumps(yaml.safe_load(text), default=str))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_configuration_that_is_shipped_fits(path: Path, validator: Any) -> None:
    assert [each.message for each in validator.iter_errors(written(path.read_text()))] == []


def test_every_configuration_of_the_documentation_fits(validator: Any) -> None:
    """Whole ones: those with a name, bars and strategies, which other tests run."""
    number = 0
    for page in sorted((REPOSITORY / "docs").glob("*.md")):
        for block in page.read_text().split("```yaml\n")[1:]:
            values = written(block.split("```")[0])
            if isinstance(values, dict) and {"name", "start", "market_data", "strategies"} <= {*values}:
                assert [each.message for each in validator.iter_errors(values)] == [], page.name
                number += 1
    assert number >= 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (MINIMAL + "strategys: {}\n", []),
        (MINIMAL.replace("name: mine\n", ""), []),
        (MINIMAL + "seed: many\n", ["seed"]),
        (MINIMAL + "seed: -1\n", ["seed"]),
        (MINIMAL + "costs: {equity: {fe_bps: 1}}\n", ["costs", "equity"]),
        (MINIMAL + "executor: threads\n", ["executor"]),
        (MINIMAL.replace("equity_momentum}", "equity_momentum, stop_atm: 2}"), ["strategies", "momentum"]),
        (MINIMAL.replace("equity_momentum}", "equity_momentum, stop_atr: -2}"), ["strategies", "momentum", "stop_atr"]),
        (MINIMAL + "notifier: {token: x}\n", ["notifier"]),
        (MINIMAL + "splits: {train: [2001-01-01]}\n", ["splits", "train"]),
        ("extends: base.yaml\nseed: many\n", ["seed"]),
        ("extends: base.yaml\nstrategys: {}\n", []),
        (
            "extends: base.yaml\nstrategies: {momentum: {type: equity_momentum, stop_atm: 2}}\n",
            ["strategies", "momentum"],
        ),
        ("extends: 3\n", ["extends"]),
    ],
)
def test_what_a_run_refuses_is_marked_where_it_stands(text: str, place: list[str], validator: Any) -> None:
    assert place in [list(each.absolute_path) for each in validator.iter_errors(written(text))]


def test_an_overlay_may_say_a_part_of_anything(validator: Any) -> None:
    text = (
        "extends: base.yaml\nmodels: {m: {horizon: 5}}\nstrategies: {momentum: {stop_atr: 3}}\n"
        "registration: {momentum: {hypothesis: it goes on as it went}}\n"
    )
    assert [each.message for each in validator.iter_errors(written(text))] == []


def test_each_key_of_the_file_has_its_meaning() -> None:
    properties = json_schema()["$defs"]["Configuration"]["properties"]
    fields = {name: each for name, each in Configuration.model_fields.items() if not each.exclude}
    assert {name: each.get("description") for name, each in properties.items()} == {
        name: each.description for name, each in fields.items()
    }


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_that_is_shipped_can_be_used(path: Path, tmp_path: Path) -> None:
    configuration = load_configuration(path, tmp_path)
    assert path.read_text().startswith("# ")
    assert configuration.strategies


def test_production_is_the_research_that_was_registered_and_the_others_have_folders_of_their_own(
    tmp_path: Path,
) -> None:
    found = {path.stem: load_configuration(path, tmp_path) for path in ENVIRONMENTS}
    assert sorted(found) == ["base", "development", "production", "staging", "testing"]
    assert found["production"].hash == found["base"].hash
    assert found["production"].home == found["base"].home
    assert len({each.home for each in found.values()}) == len(found) - 1
    assert [each.name for each in read_merged(shipped("examples/environments/staging.yaml")).files] == [
        "staging.yaml",
        "production.yaml",
        "base.yaml",
    ]
