"""What every command of the terminal takes: the configuration and the data folder, and how they are found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trading_assets.cli_output import errors, escaped
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, ConfigurationError, shipped
from trading_assets.config.chosen_paths import ChosenPaths, chosen_paths
from trading_assets.config.remembered import FILE, remember

if TYPE_CHECKING:
    from trading_assets.config import Configuration
    from trading_assets.project import Project

#: The last as a shell reports a process that Ctrl-C ended.
FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file; default the shipped demo.", envvar=CONFIG_VARIABLE)
]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder; default ./data.", envvar=DATA_VARIABLE)]
FormatOption = Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="Of what is printed.")]


def was_typed(context: typer.Context, parameter: str) -> bool:
    """Whether an option stands on the command line, rather than in the environment or nowhere."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def one_of(context: typer.Context, file: Path | None, config: Path | None) -> Path | None:
    """Return the configuration that is meant where a command takes it as FILE and as `--config`.

    Parameters
    ----------
    context
        Call of the command, which knows what was typed.
    file, config
        Configuration as the argument FILE and as the option `--config`.

    Raises
    ------
    ConfigurationError
        Both are typed, and are not the same file.
    """
    if file is not None and config is not None and was_typed(context, "config") and file.resolve() != config.resolve():
        raise ConfigurationError(
            f"two configurations are named\n  FILE: {file}\n  --config: {config}\n"
            "  what to do: name one of them; both ways mean the same"
        )
    return file or config


def load(config: Path | None, data: Path | None, announce: Callable[[str], object] | None = None) -> Configuration:
    """Load, say what was found without having been told, and hand the choice on to step processes.

    Parameters
    ----------
    config, data
        Configuration and data folder as they were given; None: they are found.
    announce
        Is told of each module of the user's own before it runs; None: nothing is told.
    """
    chosen = chosen_paths(config, data)
    said = _found_untold(chosen)
    if said:
        errors.print(escaped(said), highlight=False, soft_wrap=True)
    from trading_assets.config.loading import load_configuration

    configuration = load_configuration(chosen.config, chosen.data, announce=announce)
    os.environ[CONFIG_VARIABLE] = str(chosen.config.resolve())
    os.environ[DATA_VARIABLE] = str(configuration.data)
    return configuration


def opened(config: Path | None, data: Path | None) -> Project:
    """As `load`, the configuration with all that it leaves behind."""
    from trading_assets.project import Project

    return Project(load(config, data), chosen_paths(config, data).config.resolve())


def _found_untold(chosen: ChosenPaths) -> str | None:
    if chosen.remembered:
        return f"{FILE}: configuration {chosen.config}, data {chosen.data}"
    if chosen.config == shipped("demo.yaml"):
        return f"the shipped demo, data {chosen.data}: --config F and --data D choose others"
    return None


def remember_choice(context: typer.Context, chosen: ChosenPaths) -> None:
    """Note in the working folder what a run was told to work with, for the commands that follow."""
    if not any(was_typed(context, name) for name in ("config", "data")):
        return
    config = None if chosen.config.resolve() == shipped("demo.yaml").resolve() else chosen.config
    if remember(Path.cwd(), config, chosen.data):
        errors.print(f"this folder works with these from now on: {FILE}", highlight=False, soft_wrap=True)
