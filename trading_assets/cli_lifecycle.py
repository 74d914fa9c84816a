"""The command `trading-assets lifecycle`: what is old goes where it belongs; `--dry-run` says what would."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, printers

lifecycle_app = typer.Typer()


@lifecycle_app.command("lifecycle")
def lifecycle(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and leave it.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Move cold months to files, remove what is old and may go, give space back; exit 1 if something failed.

    The protocol, ledgers, the audit trail, books of brokers and versions of models stay, whatever is configured.
    """
    configuration = load(config, data)
    from trading_assets.lifecycle.automation import carry_out_everywhere, look_everywhere
    from trading_assets.lifecycle.items import as_rows
    from trading_assets.lifecycle.plan import failures
    from trading_assets.terminal_run import dagster_instance

    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    with dagster_instance(configuration) as instance:
        if dry_run:
            done = [(each, "not done: dry run") for each in look_everywhere(configuration, instance, now)]
        else:
            done = carry_out_everywhere(configuration, instance, now)
    if not done and format == "table":
        console.print("nothing is old", highlight=False)
        return
    printers()[format](as_rows(done))
    if failures(done):
        raise typer.Exit(FAILED)
