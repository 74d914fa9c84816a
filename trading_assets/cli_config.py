"""The commands `trading-assets config ...`: check, show or start a configuration, and say what files are."""

from __future__ import annotations

from glob import glob
from pathlib import Path
from typing import Annotated, Literal

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, load, one_of, was_typed
from trading_assets.cli_output import console, escaped
from trading_assets.config import ConfigurationError, shipped
from trading_assets.config.chosen_paths import chosen_paths

config_app = typer.Typer(help="Check, show or start a configuration.", no_args_is_help=True)


FileArgument = Annotated[Path | None, typer.Argument(help="The YAML file; default that of --config.")]


@config_app.command("check")
def config_check(
    context: typer.Context, file: FileArgument = None, config: ConfigOption = None, data: DataOption = None
) -> None:
    """Find what a run would fail on, bars included, and say which code of yours it runs; exit 2 with the places."""

    def announce(line: str) -> None:
        console.print(escaped(line), highlight=False, soft_wrap=True)

    chosen = chosen_paths(one_of(context, file, config), data).config
    configuration = load(chosen, data, announce)
    from trading_assets.cli_check import refuse_faulty

    with console.status("reading the bars ..."):
        of_bars = refuse_faulty(chosen, configuration, bars_too=True)
    announce(f"{chosen}: usable, configuration {configuration.name} ({configuration.hash})")
    for line in of_bars:
        announce(line)


@config_app.command("show")
def config_show(
    context: typer.Context, file: FileArgument = None, config: ConfigOption = None, data: DataOption = None
) -> None:
    """Print the effective values, defaults included."""
    import yaml

    configuration = load(one_of(context, file, config), data)
    print(yaml.safe_dump(configuration.model_dump(mode="json"), sort_keys=False), end="")


@config_app.command("init")
def config_init(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Where to write it; default trading_assets.yaml.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write a commented template; never overwrites."""
    typed = config if was_typed(context, "config") else None
    target = one_of(context, file, typed) or Path("trading_assets.yaml")
    try:
        with target.open("x", encoding="utf-8") as written:
            written.write(shipped("template.yaml").read_text(encoding="utf-8"))
    except FileExistsError:
        raise ConfigurationError(f"{target} exists\n  what to do: give another name") from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {target}\n  cause: {error.strerror}") from None
    more = f" --data {data}" if data is not None and was_typed(context, "data") else ""
    said = f"wrote {target}; edit it, then: trading-assets run --config {target}{more}"
    console.print(escaped(said), highlight=False, soft_wrap=True)


@config_app.command("detect")
def config_detect(
    context: typer.Context,
    path: Annotated[
        str | None, typer.Argument(help="A file, or a glob in quotes; default the files of the configuration.")
    ] = None,
    asset_class: Annotated[
        Literal["equity", "crypto"] | None, typer.Option("--asset-class", help="Of files that do not tell.")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say what files are believed to be and why, how they are read, and what to write; exit 1 if that is a question.

    A PATH starts at the working folder; if there is no such file, at that of --config.
    """
    from trading_assets.cli_detect import files_of, print_detections
    from trading_assets.market_data.sources import SourceError
    from trading_assets.market_data.sources.detection import detect

    try:
        if path is None:
            found = [each for source in files_of(load(config, data)) for each in detect(*source)]
        else:
            beside = config is not None and was_typed(context, "config") and not glob(path)  # noqa: PTH207 - as `path` of a source
            found = detect(path, config.resolve().parent if config and beside else Path.cwd(), asset_class)
    except SourceError as error:
        then = "  then: ask `trading-assets config check`, which reads with your keys; `detect` goes by the file alone"
        raise ConfigurationError("\n".join([str(error), *([then] if "\n  file: " in str(error) else [])])) from None
    print_detections(found)
    if any(len(detection.beliefs) > 1 for detection in found):
        raise typer.Exit(FAILED)
