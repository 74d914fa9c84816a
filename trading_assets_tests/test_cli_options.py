"""Every command takes the two options."""

from __future__ import annotations

import typer

from trading_assets.cli import app


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
    assert {name for name, options in seen.items() if not {"--config", "--data"} <= options} == set()
    assert {"--version", "--install-completion"} <= {option for each in group.params for option in each.opts}
