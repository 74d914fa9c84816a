"""The commands `trading-assets backup`, `restore` and `verify`: copies of all that a configuration leaves behind."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, load
from trading_assets.cli_output import console, errors, escaped
from trading_assets.config.chosen_paths import chosen_paths

if TYPE_CHECKING:
    from trading_assets.config import Configuration

backup_app = typer.Typer()


@backup_app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Folder to make, best on another disk.")],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Copy warehouse, protocol, models, accounts, audit trail and configuration, as of one moment, while runs go on."""
    configuration = load(config, data)
    from trading_assets.backups.copying import make_copy

    manifest = make_copy(configuration, chosen_paths(config, data).config.resolve(), folder, _now())
    console.print(
        f"copied {len(manifest.tables)} tables, {len(manifest.files)} files and {manifest.records} records to {folder}",
        highlight=False,
        soft_wrap=True,
    )


@backup_app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="Folder that backup made.")],
    config: ConfigOption = None,
    data: DataOption = None,
    lose_records: Annotated[
        bool,
        typer.Option("--lose-records", help="Restore although a newer protocol, which cannot be read, is lost by it."),
    ] = False,
) -> None:
    """Put a copy in place of what is there, whole or not at all, and verify it; what is newer on record stays."""
    configuration, began = load(config, data), time.monotonic()
    from trading_assets.backups.restoring import restore_copy

    done = restore_copy(configuration, folder, _now(), lose_records=lose_records)
    records = "there is none" if not done.manifest.records else done.choice.cause
    for line in (
        f"restored the copy of {done.manifest.made_at[:16].replace('T', ' ')} UTC",
        f"protocol: {records}{_lost(done.choice.lost)}",
        *(f"not as in the copy, and kept: {name}" for name in done.kept),
        *(f"replaced by that of the copy: {name}" for name in done.replaced),
        *([] if done.before is None else [f"what was there before is in {done.before}: remove it once all is well"]),
    ):
        console.print(escaped(line), highlight=False, soft_wrap=True)
    if done.halted is not None:
        errors.print(
            f"[red]trading is halted[/red]: orders that were sent after the copy may not be on record "
            f"({escaped(done.halted)})\n  what to do: hold what each broker has to trading-assets account, then "
            "trading-assets trading resume",
            highlight=False,
            soft_wrap=True,
        )
    faults = _faults(configuration)
    minutes = (time.monotonic() - began) / 60
    if faults:
        raise typer.Exit(FAILED)
    console.print(f"from damaged to verified: {minutes:.2f} minutes", highlight=False)


@backup_app.command()
def verify(
    folder: Annotated[
        Path | None, typer.Argument(help="A copy, to verify too, and to compare with what is there.")
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    copy_only: Annotated[bool, typer.Option("--copy-only", help="Look at the copy alone, by its manifest.")] = False,
) -> None:
    """Hold all that is there to its records, and to a copy; name what is damaged or differs, and exit 1."""
    from trading_assets.config import ConfigurationError

    if copy_only and folder is None:
        raise ConfigurationError("--copy-only needs a copy\n  what to do: trading-assets verify DIR --copy-only")
    configuration = load(config, data)
    from trading_assets.backups.manifest import read_manifest
    from trading_assets.backups.verification import differences_to_copy, faults_of_copy

    found = []
    manifest = None if folder is None else read_manifest(folder)
    if folder is not None and manifest is not None:
        found = faults_of_copy(folder, manifest)
        _tell("the copy: ", found)
    if not copy_only:
        own = _faults(configuration)
        found = [*found, *own]
        if folder is not None and manifest is not None and not found:
            found = differences_to_copy(configuration, folder, manifest)
            _tell("differs: ", found)
    if found:
        raise typer.Exit(FAILED)
    what = "the copy is whole" if copy_only else "all is as it was written"
    same = " and as in the copy" if folder is not None and not copy_only else ""
    console.print(f"{what}{same}", highlight=False)


def _faults(configuration: Configuration) -> list[str]:
    from trading_assets.backups.verification import faults_of_home

    found = faults_of_home(configuration)
    _tell("damaged: ", found)
    return found


def _tell(what: str, lines: list[str]) -> None:
    for line in lines:
        errors.print(f"[red]{what}[/red]{escaped(line)}", highlight=False, soft_wrap=True)


def _lost(records: int | None) -> str:
    if records == 0:
        return ""
    lost = (
        "records after the copy are lost, and nothing says how many" if records is None else f"{records} records lost"
    )
    return f"; {lost}: this is on record, and verdicts of markets that were there are at best conditional"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)
