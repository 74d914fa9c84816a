"""The repository keeps its own rules: names of commands, one version, files of a readable length."""

from __future__ import annotations

import re
import tomllib

import yaml

import trading_assets
from trading_assets_tests.conftest import REPOSITORY

LONGEST_FILE = 400
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def recipe(target: str) -> list[str]:
    """Commands of a target of the Makefile, without `@` and the folder of the environment."""
    found = re.search(rf"^{re.escape(target)}:[^=].*\n((?:\t.*\n)*)", MAKEFILE, flags=re.MULTILINE)
    assert found, target
    return [line.strip().lstrip("@").replace("$(BIN)/", "") for line in found[1].splitlines()]


def test_phony_names_are_the_targets_that_make_no_file() -> None:
    """A name in .PHONY that no rule has is a command that does nothing; a rule that is not there may be skipped."""
    phony = [name for line in re.findall(r"^\.PHONY:(.*)$", MAKEFILE, flags=re.MULTILINE) for name in line.split()]
    rules = set(re.findall(r"^([a-z][a-z0-9-]*):(?!=)", MAKEFILE, flags=re.MULTILINE))
    assert len(phony) == len(set(phony))
    assert set(phony) == rules
    assert {"test", "lint", "format", "help"} <= rules


def test_every_command_of_the_makefile_says_what_it_does() -> None:
    rules = re.findall(r"^([a-z][a-z0-9-]*):(?!=)", MAKEFILE, flags=re.MULTILINE)
    described = re.findall(r"^([a-z-]+):.*## .+", MAKEFILE, flags=re.MULTILINE)
    assert set(rules) - set(described) == {"help"} - set(described)


def test_hooks_before_a_commit_are_the_checks_of_make_lint() -> None:
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [each["repo"] for each in hooks] == ["local"]
    commands = [hook["entry"].removeprefix(".venv/bin/").replace(" --force-exclude", "") for hook in hooks[0]["hooks"]]
    assert commands == [command.removesuffix(" .") for command in recipe("lint")]


def test_version_is_that_of_the_project_the_lock_and_the_changelog() -> None:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text(encoding="utf-8"))
    locked = next(each["version"] for each in lock["package"] if each["name"] == PROJECT["project"]["name"])
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+)", changelog, flags=re.MULTILINE)
    assert newest
    assert {trading_assets.__version__, locked, newest[1]} == {PROJECT["project"]["version"]}


def test_no_file_of_the_package_is_longer_than_one_can_read() -> None:
    lines = {
        str(path.relative_to(REPOSITORY)): len(path.read_text(encoding="utf-8").splitlines())
        for path in (REPOSITORY / "trading_assets").rglob("*.py")
    }
    assert len(lines) > 100
    assert not {path: count for path, count in lines.items() if count > LONGEST_FILE}
