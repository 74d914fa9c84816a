"""The commands `trading-assets config ...`: check, show, compare, start or mend a configuration; what files are."""

from __future__ import annotations

import json
from glob import glob
from pathlib import Path
from typing import Annotated, Literal

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, load, one_of, was_typed
from trading_assets.cli_output import console, errors, escaped
from trading_assets.config import ConfigurationError, shipped
from trading_assets.config.chosen_paths import chosen_paths

config_app = typer.Typer(help="Check, show, compare, start or mend a configuration.", no_args_is_help=True)


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
    from trading_assets.config.schema import EDITOR_LINE

    _write_new(target, EDITOR_LINE + shipped("template.yaml").read_text(encoding="utf-8"))
    more = f" --data {data}" if data is not None and was_typed(context, "data") else ""
    said = f"wrote {target}; edit it, then: trading-assets run --config {target}{more}"
    console.print(escaped(said), highlight=False, soft_wrap=True)


def _write_new(target: Path, text: str) -> None:
    """Write a configuration that is not there yet, and the schema for editors beside it, unless there is one."""
    from trading_assets.config.schema import SCHEMA_FILE, json_schema

    try:
        with target.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError:
        raise ConfigurationError(f"{target} exists\n  what to do: give another name") from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {target}\n  cause: {error.strerror}") from None
    schema = target.with_name(SCHEMA_FILE)
    content = json.dumps(json_schema(), indent=1) + "\n"
    renew = "`trading-assets config schema` prints that of this version"
    try:
        with schema.open("x", encoding="utf-8") as written:
            written.write(content)
    except FileExistsError:
        if not _reads(schema, content):
            errors.print(escaped(f"{schema} is there, and stays: {renew}"), highlight=False, soft_wrap=True)
    except OSError as error:
        said = f"cannot write {schema}, which editors alone read ({error.strerror}): {renew}"
        errors.print(escaped(said), highlight=False, soft_wrap=True)


def _reads(path: Path, content: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == content
    except (OSError, UnicodeDecodeError):
        return False


@config_app.command("wizard")
def config_wizard(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A folder of files of bars, a file, or a glob in quotes.")],
    name: Annotated[str | None, typer.Option("--name", help="Name of the experiment.")] = None,
    asset_class: Annotated[
        Literal["equity", "crypto"] | None, typer.Option("--asset-class", help="Default: by bars at weekends.")
    ] = None,
    calendar: Annotated[str | None, typer.Option("--calendar", help="Default: the exchange whose days fit.")] = None,
    layout: Annotated[str | None, typer.Option("--layout", help="Where more than one fits.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the guesses; ask nothing.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Look at your files, write a commented configuration for them and check it; never overwrites.

    It is written where --config says, else to trading_assets.yaml. Asks at a terminal; elsewhere, or with --yes,
    guesses are taken and said.
    """
    from trading_assets.cli_check import refuse_faulty
    from trading_assets.cli_wizard import Answers, drafted, questions

    output = config if config is not None and was_typed(context, "config") else Path("trading_assets.yaml")
    if output.exists():
        raise ConfigurationError(f"{output} exists\n  what to do: give another name with --config")
    draft = drafted(
        path, output.resolve().parent, Answers(name, asset_class, calendar, layout), None if yes else questions()
    )
    for line in draft.guesses:
        console.print(escaped(line), highlight=False, soft_wrap=True)
    _write_new(output, draft.text)
    console.print(escaped(f"wrote {output}"), highlight=False, soft_wrap=True)
    for line in refuse_faulty(output, load(output, data), bars_too=True):
        console.print(escaped(line), highlight=False, soft_wrap=True)
    console.print(escaped(f"then: trading-assets run --config {output}"), highlight=False, soft_wrap=True)


@config_app.command("diff")
def config_diff(
    left: Annotated[Path, typer.Argument(help="A YAML file, with what it extends.")],
    right: Annotated[
        Path | None, typer.Argument(help="Another one; without it, that of --config is compared with the first.")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Print the keys that two configurations differ in, each with both values and places; exit 1 if there are any.

    Both are compared as a run sees them: what they extend merged in, defaults filled in. None of your code runs.
    """
    from trading_assets.config.differences import differences

    found = differences(left, right) if right else differences(chosen_paths(config, data).config, left)
    for each in found:
        console.print(escaped(each.key), highlight=False, soft_wrap=True)
        for mark, side in (("-", each.left), ("+", each.right)):
            place = f"   ({side.place})" if side.place else ""
            console.print(escaped(f"  {mark} {side.value}{place}"), highlight=False, soft_wrap=True)
    said = (
        f"{len(found)} key{'s' if len(found) > 1 else ''} differ{'' if len(found) > 1 else 's'}"
        if found
        else "no difference"
    )
    console.print(said, highlight=False)
    if found:
        raise typer.Exit(FAILED)


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON schema of a configuration, for editors."""
    from trading_assets.config.schema import json_schema

    print(json.dumps(json_schema(), indent=1))


@config_app.command("migrate")
def config_migrate(
    context: typer.Context,
    file: FileArgument = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; exit 1 if anything.")] = False,
) -> None:
    """Rename keys that have another name today, in the file and in what it extends; all else stays as it is."""
    from trading_assets.config.migration import migration_of
    from trading_assets.config.overlays import read_merged

    chosen = chosen_paths(one_of(context, file, config), data).config
    found = [migration_of(each) for each in read_merged(chosen).files]
    changes = [(each.path, change) for each in found for change in each.changes]
    for path, change in changes:
        key, today = ".".join(map(str, change.where)), change.rename.today
        said = f"{path}, line {change.line}: {key} is {today} since {change.rename.version}"
        console.print(escaped(said), highlight=False, soft_wrap=True)
    if not changes:
        console.print(escaped(f"{chosen}: nothing to rename"), highlight=False, soft_wrap=True)
    elif dry_run:
        raise typer.Exit(FAILED)
    for each in found:
        if each.changes:
            each.write()


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
