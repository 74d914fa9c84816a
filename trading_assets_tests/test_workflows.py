"""The workflow for a CI asks for what the Makefile has, and fits the schemas of those who read it."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import resources
from typing import Any

import jsonschema
import pytest
import yaml

from trading_assets_tests.conftest import REPOSITORY

WORKFLOW, UPDATES = REPOSITORY / ".github/workflows/tests.yaml", REPOSITORY / ".github/dependabot.yml"


def jobs() -> dict[str, Any]:
    return dict(yaml.safe_load(WORKFLOW.read_text())["jobs"])


def steps() -> list[dict[str, Any]]:
    return [step for job in jobs().values() for step in job["steps"]]


@pytest.mark.parametrize(
    ("path", "name"), [(WORKFLOW, "github-workflows"), (UPDATES, "dependabot")], ids=["workflow", "updates"]
)
def test_the_files_fit_their_schemas(path: Any, name: str) -> None:
    schema = json.loads((resources.files("check_jsonschema") / f"builtin_schemas/vendor/{name}.json").read_text())
    values = {"on" if key is True else key: each for key, each in yaml.safe_load(path.read_text()).items()}
    assert [each.message for each in jsonschema.validators.validator_for(schema)(schema).iter_errors(values)] == []


def test_every_target_is_one_of_the_makefile_and_all_of_the_own_run_are_asked_for() -> None:
    targets = {*re.findall(r"(?m)^([a-z-]+):", (REPOSITORY / "Makefile").read_text())}
    asked = {name for step in steps() for name in re.findall(r"make ([a-z-]+)", step.get("run", ""))}
    assert asked <= targets
    own = {*re.findall(r"(?m)^make ([a-z-]+)$", (REPOSITORY / ".ci/run").read_text())}
    assert own - asked == {"test", "test-slow"}  # `coverage-report` runs both
    assert "bench-gate" in asked


def test_what_the_tests_leave_is_kept_also_when_they_fail() -> None:
    kept = next(step for step in steps() if "upload-artifact" in step.get("uses", ""))
    assert kept["if"] == "always()"
    done = subprocess.run(["make", "-n", "coverage-report"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for file in ("junit.xml", "coverage.xml"):
        assert f"{kept['with']['path']}/{file}" in done.stdout
    assert "fail_under = " in (REPOSITORY / "pyproject.toml").read_text()


def test_nothing_may_be_written_and_nothing_runs_for_ever() -> None:
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {"contents": "read"}
    assert all(0 < job["timeout-minutes"] <= 90 for job in jobs().values())
    assert "secrets." not in WORKFLOW.read_text()
