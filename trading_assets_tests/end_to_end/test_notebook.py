"""The notebook from CSV files to a verdict: it is what it says when it is run, and its names are those of the API."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest

from trading_assets import CurrentVerdict, LookAheadAudit, Project, StrategyBacktest
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, load_configuration
from trading_assets.robustness.exploration import BacktestRun
from trading_assets.robustness.tables import RESULTS
from trading_assets_tests.conftest import REPOSITORY

NOTEBOOK = REPOSITORY / "docs" / "first-verdict.ipynb"
#: Classes of the API by the name that annotations have for them.
CLASSES: dict[str, Any] = {
    **dict.fromkeys(("pl.DataFrame", "DataFrame"), pl.DataFrame),
    **{each.__name__: each for each in (Project, StrategyBacktest, BacktestRun, LookAheadAudit, CurrentVerdict)},
}


def code_cells() -> dict[str, str]:
    """The code of the notebook by the identifiers of its cells."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}


def constant(name: str) -> str:
    """The text that a cell assigns to a name."""
    for code in code_cells().values():
        for node in ast.parse(code).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                [target] = node.targets
                if isinstance(target, ast.Name) and target.id == name:
                    return str(node.value.value)
    raise LookupError(name)


class Names:
    """What the names of a program are, as far as imports and annotations of the API tell."""

    def __init__(self) -> None:
        self.functions: dict[str, Callable[..., Any]] = {}
        self.classes: dict[str, Any] = {}

    def read(self, program: ast.AST) -> Iterator[str]:
        """Go through a program in its order, and yield what is not there."""
        for node in ast.walk(program):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        yield f"{node.module}.{alias.name}"
                    elif inspect.isfunction(found := getattr(module, alias.name)):
                        self.functions[alias.asname or alias.name] = found
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                kind = self.class_of(node.value)
                if kind is not None:
                    self.classes[node.targets[0].id] = kind
            if isinstance(node, ast.Attribute):
                owner = self.class_of(node.value)
                if owner is not None and node.attr not in {*dir(owner), *inspect.get_annotations(owner)}:
                    yield f"{owner.__name__}.{node.attr}"
            if isinstance(node, ast.Call) and (function := self.function_of(node)) is not None:
                taken = inspect.signature(function).parameters
                if not any(each.kind is each.VAR_KEYWORD for each in taken.values()):
                    yield from (f"{function.__name__}({word.arg}=)" for word in node.keywords if word.arg not in taken)

    def function_of(self, call: ast.Call) -> Callable[..., Any] | None:
        """What a call calls."""
        if isinstance(call.func, ast.Name):
            return self.functions.get(call.func.id)
        if isinstance(call.func, ast.Attribute):
            found = getattr(self.class_of(call.func.value), call.func.attr, None)
            return found if inspect.isfunction(found) else None
        return None

    def class_of(self, node: ast.AST) -> Any:
        """The class of what an expression is; None if that is not of the API."""
        if isinstance(node, ast.Name):
            return self.classes.get(node.id)
        if isinstance(node, ast.Call) and (function := self.function_of(node)) is not None:
            return CLASSES.get(str(inspect.signature(function).return_annotation))
        if isinstance(node, ast.Attribute) and (owner := self.class_of(node.value)) is not None:
            return CLASSES.get(str(inspect.get_annotations(owner).get(node.attr)))
        return None


def missing_names(programs: list[str]) -> list[str]:
    names = Names()
    return [each for program in programs for each in names.read(ast.parse(program))]


def test_it_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) > 10
    assert [cell.id for cell in code if cell.outputs or cell.execution_count is not None] == []


def test_its_names_are_those_of_the_api() -> None:
    programs = list(code_cells().values())
    names = Names()
    assert [list(names.read(ast.parse(program))) for program in programs] == [[] for _ in programs]
    assert names.classes == {
        "bars": pl.DataFrame,
        "one": pl.DataFrame,
        "project": Project,
        "trades": pl.DataFrame,
        "ready": StrategyBacktest,
        "swept": pl.DataFrame,
        "audit": LookAheadAudit,
        "verdict": CurrentVerdict,
    }


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("from trading_assets import open_projects", "trading_assets.open_projects"),
        ("project.tabels()", "Project.tabels"),
        ("project.run(bar=None)", "run(bar=)"),
        ("project.prepare('s').run().metric", "BacktestRun.metric"),
        ("project.verdict('s').criteria.filtr()", "DataFrame.filtr"),
    ],
)
def test_a_name_that_is_gone_is_found(line: str, missing: str) -> None:
    first = "from trading_assets import open_project\nproject = open_project()"
    assert missing_names([first, line]) == [missing]


def test_its_configuration_is_accepted_with_and_without_a_registration(tmp_path: Path) -> None:
    for registration, registered in (("", []), (constant("REGISTRATION"), ["breakouts"])):
        (tmp_path / "mine.yaml").write_text(constant("CONFIGURATION") + registration)
        loaded = load_configuration(tmp_path / "mine.yaml", tmp_path / "data")
        assert (list(loaded.strategies), list(loaded.registration)) == (["breakouts"], registered)


@pytest.mark.acceptance
def test_it_leads_from_files_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell in a kernel of its own: what it shows is what is in the warehouse that it leaves."""
    from nbclient import NotebookClient

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in (CONFIG_VARIABLE, DATA_VARIABLE, "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert [name for name, shown in outputs.items() for each in shown if each.get("name") == "stderr"] == []

    [folder] = tmp_path.glob("first_verdict_*")
    project = Project(load_configuration(folder / "first_verdict.yaml", folder / "data"), folder / "first_verdict.yaml")
    verdict = project.verdict("breakouts")
    assert verdict.result in RESULTS
    printed, result = outputs["verdict"]
    assert (printed.text, result.data["text/plain"]) == (f"{verdict.explanation}\n", repr(verdict.result))
    assert "holdout was not looked at" in outputs["before"][0].data["text/plain"]
    assert "application/vnd.plotly.v1+json" in outputs["figures"][0].data
    steps = "".join(each.get("data", {}).get("text/plain", "") for each in outputs["run"])
    assert "market_data/raw_bars" in steps and "reports/index" in steps
    # Of the sweep only 3.5 is not on the configured grid, whose points were trials before.
    [parameters] = project.read("robustness.trials").filter(pl.col("source").str.starts_with("python/"))["params"]
    assert json.loads(parameters)["stop_atr"] == 3.5
