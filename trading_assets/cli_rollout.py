"""The commands `trading-assets rollout ...`: what is switched on how far, one step forward, or back at once."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated, Literal

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, errors, escaped, paper_of, print_frame, printers

rollout_app = typer.Typer(
    help="Switch strategies, models and providers of features on in steps, and back at once.", no_args_is_help=True
)

SubjectArgument = Annotated[str, typer.Argument(help="strategy/<name>, model/<name> or feature/<provider>.")]
ReasonOption = Annotated[str, typer.Option(help="Why; it goes on record.")]
ByOption = Annotated[str | None, typer.Option(help="Who says so; default the user of this machine.")]


@rollout_app.command("status")
def status(config: ConfigOption = None, data: DataOption = None, format: FormatOption = "table") -> None:
    """Print the stage of each subject, since when and why, and what stands against the next one."""
    configuration = load(config, data)
    from trading_assets.trading.rollout.status import rollout_status
    from trading_assets.warehouse import Warehouse

    found = rollout_status(Warehouse(configuration.warehouse_path), configuration)
    if format != "table":
        printers()[format](found)
    elif found.is_empty():
        _say("nothing is rolled out: no account is open, and no model competes")
    else:
        print_frame(found, paper_of(width=180))


@rollout_app.command("advance")
def advance_one(
    subject: SubjectArgument,
    reason: ReasonOption,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Go one stage forward if its gate is open; exit 1 if it is not."""
    configuration = load(config, data)
    from trading_assets.trading.rollout.moves import GateRefusedError, advance
    from trading_assets.warehouse import Warehouse

    warehouse, who = Warehouse(configuration.warehouse_path), by or getpass.getuser()
    try:
        made = advance(warehouse, configuration, subject, by=who, reason=reason, now=_now())
    except GateRefusedError as error:
        errors.print(escaped(str(error)), highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from None
    for each in made.gate:
        _say(f"{each['criterion']}: {each['detail']}")
    _say(f"{subject} goes from {made.before} to {made.stage}; on record")


@rollout_app.command("back")
def back_one(
    subject: SubjectArgument,
    reason: ReasonOption,
    to: Annotated[
        Literal["off", "shadow", "canary", "partial", "majority"] | None,
        typer.Option(help="Stage to go back to; default the one before."),
    ] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Go back at once, without a gate: every process knows it before its next order; exits go on."""
    configuration = load(config, data)
    from trading_assets.trading.rollout.moves import back
    from trading_assets.warehouse import Warehouse

    warehouse, who = Warehouse(configuration.warehouse_path), by or getpass.getuser()
    made = back(warehouse, configuration, subject, to=to, by=who, reason=reason, now=_now())
    _say(f"{subject} goes back from {made.before} to {made.stage}; on record")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _say(text: str) -> None:
    console.print(escaped(text), highlight=False, soft_wrap=True)
