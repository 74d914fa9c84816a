"""The Python interface on a finished run: it says what the pipeline says, and keeps its own rules."""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import trading_assets
from trading_assets import ConfigurationError, Project, RunError, RunProgress, WarehouseError, open_project
from trading_assets.backtests.tables import EQUITY
from trading_assets.config import CONFIG_VARIABLE
from trading_assets_tests.conftest import REPOSITORY, TINY
from trading_assets_tests.heavy import libraries_of
from trading_assets_tests.robustness.pipeline import Experiment

#: Modules whose docstrings show examples, found by what is written in them.
MODULES_WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in (REPOSITORY / "trading_assets").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def project_of(experiment: Experiment) -> Project:
    return open_project(experiment.folder / "config.yaml", experiment.folder / "data")


def test_importing_the_package_loads_none_of_its_libraries() -> None:
    program = "import sys, trading_assets; print([m for m in ('polars', 'pydantic', 'dagster') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_opening_a_project_loads_neither_dagster_nor_duckdb_by_the_source() -> None:
    assert libraries_of({"trading_assets.project"}) & {"dagster", "duckdb", "numba", "plotly", "sklearn"} == set()


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in set(trading_assets.__all__) - {"__version__"}:
        assert getattr(trading_assets, name).__doc__, name
    assert set(trading_assets.__all__) <= set(dir(trading_assets))
    homes = {name for names in trading_assets._HOMES.values() for name in names}
    assert homes == set(trading_assets.__all__) - {"__version__"}
    modules = {path.stem for path in (REPOSITORY / "trading_assets").iterdir()}
    assert modules & set(trading_assets.__all__) == set(), "importing the module would take the place of the name"
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = trading_assets.no_such_name
    assert (REPOSITORY / "trading_assets" / "py.typed").exists()


@pytest.mark.parametrize("module", MODULES_WITH_EXAMPLES)
def test_examples_of_the_docstrings_run(module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each sees the names of its own module, and leaves no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    shown = importlib.import_module(module)
    found = doctest.testmod(shown, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    source = inspect.getsource(shown)
    written = source.count(">>> ") - source.count("# doctest: +SKIP")
    assert (found.attempted, found.failed) == (written, 0), "an example that nobody ran is no example"
    assert not list(tmp_path.iterdir())


def test_examples_are_found_wherever_they_are_written() -> None:
    assert {"trading_assets.project", "trading_assets.run_progress"} <= set(MODULES_WITH_EXAMPLES)
    assert "trading_assets.robustness.overfitting.cscv" in MODULES_WITH_EXAMPLES


def test_tables_are_those_of_the_warehouse(finished: Experiment) -> None:
    opened = project_of(finished)
    assert opened.read("backtests.equity").equals(finished.warehouse.read(EQUITY))
    kinds = dict(opened.tables().iter_rows())
    assert kinds["backtests.equity"] == "table" and "models.splits" in kinds
    assert opened.query("SELECT count(*) AS n FROM backtests.equity").item() == opened.read("backtests.equity").height


@pytest.mark.parametrize("name", ["equity", "backtests.equity; DROP TABLE x", "", "a.b.c"])
def test_what_is_no_name_of_a_table_is_refused(finished: Experiment, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"expected: schema\.table"):
        project_of(finished).read(name)
    with pytest.raises(WarehouseError, match="nope"):
        project_of(finished).read("backtests.nope")


def test_what_a_strategy_is_asked_for_exists(finished: Experiment) -> None:
    opened = project_of(finished)
    for call in (opened.prepare, opened.audit, opened.verdict, opened.figures, lambda name: opened.report([name])):
        with pytest.raises(ConfigurationError, match="expected: one of known, unknown"):
            call("knwon")


def test_verdict_and_figures_are_those_of_the_page(finished: Experiment) -> None:
    opened = project_of(finished)
    verdict = opened.verdict("known")
    result = opened.read("robustness.verdicts").filter(strategy="known", kind="result")
    assert (verdict.result, verdict.explanation) == (result["result"][0], result["note"][0])
    figures = opened.figures("known")
    assert next(iter(figures)) == "Equity"
    assert [title for title in figures if title in ("Gross exposure", "Monthly returns", "Drawdown")] == [
        "Drawdown", "Gross exposure", "Monthly returns",
    ]  # fmt: skip
    with pytest.raises(KeyError, match="no chart 'equity'; did you mean 'Equity'"):
        figures["equity"]
    curve = next(trace for trace in figures["Equity"].data if trace.name == "strategy")
    longest = opened.read("backtests.equity").filter(strategy="known", split="full")
    assert list(curve.y) == longest["equity"].to_list()


def test_an_audit_by_hand_finds_what_the_run_found(finished: Experiment) -> None:
    audit = project_of(finished).audit("unknown")
    recorded = finished.warehouse.query("SELECT DISTINCT cut FROM robustness.look_ahead WHERE strategy = 'unknown'")
    assert audit.clean and audit.differences.is_empty()
    assert (audit.strategy, audit.cuts) == ("unknown", recorded.height)


@pytest.mark.parametrize("strategy", ["known", "unknown"])
def test_an_audit_by_hand_reads_nothing_of_the_holdout(finished: Experiment, strategy: str) -> None:
    """The holdout begins on 2016-12-16 and has bars until 2017-06-30; `known` is registered and was looked at."""
    assert str(finished.warehouse.query("SELECT max(session) FROM market_data.bars").item()) == "2017-06-30"
    assert str(project_of(finished).audit(strategy).until) == "2016-12-15"


def test_a_run_that_fails_says_so_and_leaves_the_environment(tmp_path: Path) -> None:
    """`features` without bars. It is not the first run of this process: the configuration is read anew."""
    before = dict(os.environ)
    opened = open_project(TINY, tmp_path)
    with pytest.raises(RunError, match=r"market_data\.bars does not exist yet") as caught:
        opened.run("features")
    outcome = caught.value.outcome
    assert outcome is not None and not outcome.success
    assert outcome.problems[0].startswith("features/daily: ")
    assert dict(os.environ) == before


def test_a_run_tells_each_step_twice_and_ends_with_all_done(
    experiment: Experiment, capfd: pytest.CaptureFixture[str]
) -> None:
    """It prints nothing itself: who wants a bar hands one over."""
    told: list[RunProgress] = []
    outcome = project_of(experiment).run("monitoring", progress=told.append)
    assert outcome.success and outcome.run_id
    begun, ended = ([each.step for each in told if each.begins is begins] for begins in (True, False))
    assert "monitoring/drift" in begun and set(begun) == set(ended)
    assert told[0].done == 0 and told[-1].done == len(ended)
    assert capfd.readouterr() == ("", "")
    drift = experiment.warehouse.query("SELECT count(*) FROM monitoring.drift").item()
    assert drift > 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"select": "feature"}, "a stage"), ({"first": "2010-01"}, "from 2015-01"), ({"last": "2016"}, "YYYY-MM")],
)
def test_a_run_of_what_is_not_there_touches_nothing(tmp_path: Path, asked: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_project(TINY, tmp_path / "data").run(**asked)  # type: ignore[arg-type]
    assert not (tmp_path / "data" / "tiny").exists()


def test_the_page_on_python_does_what_it_says(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of the page but of the reference, in its order; the run is of one stage."""
    (experiment.folder / "config.yaml").rename(experiment.folder / "my_research.yaml")
    monkeypatch.chdir(experiment.folder)
    page = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(block.replace("project.run(progress", 'project.run("monitoring", progress'), names)
    assert len(blocks) == 2
    swept, curve = names["swept"], names["curve"]
    assert isinstance(swept, pl.DataFrame) and isinstance(curve, pl.DataFrame)
    assert swept.filter("on_grid").height == 4 and curve.height > 200


def test_a_project_whose_file_was_edited_is_opened_again_before_it_runs(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(TINY.read_text(encoding="utf-8"), encoding="utf-8")
    opened = open_project(file, tmp_path / "data")
    file.write_text(f"# A word.\n{TINY.read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="a stage"):  # a comment changes nothing: only the stage is wrong
        opened.run("feature")
    file.write_text(TINY.read_text(encoding="utf-8").replace("seed: 11", "seed: 12"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"changed since .* was opened\n  file: .*\n.*call open_project"):
        opened.run("feature")
    assert not (tmp_path / "data").exists()


def test_a_project_is_a_value(finished: Experiment) -> None:
    opened = project_of(finished)
    assert opened == project_of(finished) and opened.strategies == ("known", "unknown")
    with pytest.raises(AttributeError):
        opened.file = Path("other.yaml")  # type: ignore[misc]
    frame = opened.read("backtests.metrics")
    frame.insert_column(0, pl.Series("mine", [0] * frame.height))
    assert "mine" not in opened.read("backtests.metrics").columns
