"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from trading_assets import cli, terminal_run
from trading_assets.config import load_configuration
from trading_assets.definitions import STAGES, build_definitions
from trading_assets_tests.conftest import REPOSITORY, TINY, Experiment, command_line
from trading_assets_tests.end_to_end.readme import README, blocks, demo_verdicts, readme_strategies


def test_make_targets_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"demo", "test", "ui", "help"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_commands_exist() -> None:
    named = re.findall(r"trading-assets ([a-z]+(?: (?:init|check|show))?)", "\n".join(blocks("sh")))
    assert len(named) >= 4
    for command in named:
        assert CliRunner().invoke(cli.app, [*command.split(), "--help"]).exit_code == 0, command


def test_yaml_blocks_are_valid_keys(tmp_path: Path) -> None:
    values = yaml.safe_load(TINY.read_text())
    others = [source for source in values["market_data"] if source["asset_class"] != "equity"]
    for block in blocks("yaml"):
        values |= yaml.safe_load(block.replace("dip:", "ml:"))
    values["market_data"] += others  # whose symbols strategies of TINY trade
    path = tmp_path / "readme.yaml"
    path.write_text(yaml.safe_dump(values))
    assert load_configuration(path, tmp_path).market_data[0].source == "files"


def test_the_strategies_are_as_short_as_promised() -> None:
    lengths = [len(module.strip().splitlines()) for module in readme_strategies()]
    assert (lengths[0] < 30, lengths[1] < 15) == (True, True), lengths


def test_the_queries_of_the_pages_run(tiny: Experiment) -> None:
    pages = [README, *(page.read_text(encoding="utf-8") for page in sorted((REPOSITORY / "docs").glob("*.md")))]
    queries = [query for page in pages for query in re.findall(r'trading-assets sql "(.+)"', page)]
    queries = [query for query in queries if "trading." not in query]  # there where an account is open
    assert len(queries) >= 2
    for query in queries:
        assert tiny.warehouse.query(query).height >= 5, query


def test_the_strategies_of_the_how_to_are_those_of_the_readme() -> None:
    """The README's are run by other tests, and the module of features with the strategy that names one by theirs."""
    how_to = (REPOSITORY / "docs" / "how-to.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", how_to, flags=re.DOTALL)
    assert blocks[: len(readme_strategies())] == list(readme_strategies())


def test_the_configurations_of_the_guide_are_accepted(tmp_path: Path) -> None:
    """That of the first hour, with the strategy and the scenario of the how-to beside it."""
    hour, how_to = ((REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("first-hour.md", "how-to.md"))
    found = re.findall(r"```yaml\n(.*?)```", hour + how_to, flags=re.DOTALL)
    first, registration, strategy, scenario = (yaml.safe_load(text) for text in found[:4])
    (tmp_path / "my_strategies").mkdir()
    (tmp_path / "my_strategies" / "dip.py").write_text(readme_strategies()[0])
    first["strategies"] |= strategy["strategies"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(first | registration | scenario))
    loaded = load_configuration(tmp_path / "mine.yaml", tmp_path / "data")
    assert list(loaded.strategies) == ["breakouts", "dip"]
    assert loaded.robustness.stress["monday"].shock is not None


def test_automation_is_named_as_it_is(tmp_path: Path) -> None:
    definitions = build_definitions(load_configuration(TINY, tmp_path))
    names = {item.name for item in [*(definitions.schedules or []), *(definitions.sensors or [])]}
    assert names == {
        "daily_update",
        "weekly_retrain",
        "lifecycle",
        "feature_drift",
        "loss_drift",
        "run_failed",
        "gone_runs",
        "old_runs",
        "alert_rules",
    }
    assert all(f"`{name}`" in README for name in names)


def test_stages_are_the_stages() -> None:
    table = re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE)
    assert table == [stage.__name__.split(".")[-1] for stage in STAGES]


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (REPOSITORY / target).exists(), target


def test_partition_range_is_that_of_the_demo(tmp_path: Path) -> None:
    first, last = re.findall(r"--partition-range (\S+)\.\.\.(\S+)", README)[0]
    demo = load_configuration(REPOSITORY / "trading_assets" / "config" / "demo.yaml", tmp_path)
    assert terminal_run.partition_range(demo, None, None) == {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


@pytest.mark.acceptance
def test_demo_verdicts(tmp_path: Path) -> None:
    demo = REPOSITORY / "trading_assets" / "config" / "demo.yaml"
    done = command_line(demo, tmp_path, "run")
    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("┏") : done.stdout.index("┘") + 1]
    lines = [line.rstrip() for line in table.splitlines()]
    assert demo_verdicts() == "```text\n" + "\n".join(lines) + "\n```"
