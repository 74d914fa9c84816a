"""Every command takes the two options."""

from __future__ import annotations

import sys

import pytest
import typer

from trading_assets.cli import app, main
from trading_assets.project import Project


def test_every_command_takes_configuration_and_data() -> None:
    group = typer.main.get_command(app)
    waiting, seen = [("", group)], {}
    while waiting:
        name, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner is None:
            seen[name] = {option for each in command.params for option in each.opts}
        else:
            waiting += [(f"{name} {each}".strip(), found) for each, found in inner.items()]
    assert {"run", "config check", "config detect", "config init", "sql", "protocol verify"} <= seen.keys()
    # Machine code and the schema of all configurations are of the installation.
    without = {name for name, options in seen.items() if not {"--config", "--data"} <= options}
    assert without == {"compile", "config schema"}
    assert {"--version", "--install-completion"} <= {option for each in group.params for option in each.opts}


def test_the_time_of_a_query_says_where_runs_wait_for_all_of_it() -> None:
    """There is no copy of tables in files (`can_be_copied`), so what is promised elsewhere does not hold."""
    commands = getattr(typer.main.get_command(app), "commands", {})
    [timeout] = [each for each in commands["sql"].params if "--timeout" in each.opts]
    assert "`warehouse: {lake: true}`" in timeout.help
    assert "`warehouse: {lake: true}`" in str(Project.query.__doc__)


def test_ctrl_c_is_told_in_words_with_the_exit_code_of_a_shell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """128 and SIGINT, which is 2."""

    @app.command("wait-for-ctrl-c", hidden=True)
    def wait() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["trading-assets", "wait-for-ctrl-c"])
    try:
        with pytest.raises(SystemExit) as caught:
            main()
    finally:
        app.registered_commands.pop()
    assert caught.value.code == 130
    assert capsys.readouterr().err.startswith("error: stopped by Ctrl-C\n")
