"""The commands `trading-assets trading ...`: stop all sending of orders, and let it go on."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated

import typer

from trading_assets.cli_options import ConfigOption, DataOption, load
from trading_assets.cli_output import console
from trading_assets.cli_trail import trail_app

trading_app = typer.Typer(help="Stop all sending of orders, let it go on; the audit trail.", no_args_is_help=True)
trading_app.add_typer(trail_app)

ReasonOption = Annotated[str, typer.Option(help="Why; it goes on record.")]
ByOption = Annotated[str | None, typer.Option(help="Who says so; default the user of this machine.")]


@trading_app.command("halt")
def halt_all(reason: ReasonOption, by: ByOption = None, config: ConfigOption = None, data: DataOption = None) -> None:
    """Stop every process before its next order, until `resume`."""
    configuration = load(config, data)
    from trading_assets.trading.halt import halt

    halt(configuration, by=by or getpass.getuser(), reason=reason, now=dt.datetime.now(dt.UTC).replace(tzinfo=None))
    console.print("trading is halted: no order is sent before trading-assets trading resume", highlight=False)


@trading_app.command("resume")
def resume_all(reason: ReasonOption, by: ByOption = None, config: ConfigOption = None, data: DataOption = None) -> None:
    """Let orders be sent again."""
    configuration = load(config, data)
    from trading_assets.trading.halt import resume

    resume(configuration, by=by or getpass.getuser(), reason=reason, now=dt.datetime.now(dt.UTC).replace(tzinfo=None))
    console.print("orders are sent again", highlight=False)
