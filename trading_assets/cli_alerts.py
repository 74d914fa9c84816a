"""The commands `trading-assets alerts ...`: which are open, what was told, and that somebody works on one."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, escaped, paper_of, print_frame, printers

alerts_app = typer.Typer(help="What is wrong, who was told, who works on it.", no_args_is_help=True)


@alerts_app.command("list")
def list_alerts(
    config: ConfigOption = None,
    data: DataOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All that was told, not only what is open.")] = False,
    format: FormatOption = "table",
) -> None:
    """Print the alerts that are open, the oldest first."""
    configuration = load(config, data)
    from trading_assets.monitoring.look import listed
    from trading_assets.monitoring.tables import ALERTS
    from trading_assets.warehouse import Warehouse

    rows = Warehouse(configuration.warehouse_path).read_or_empty(ALERTS)
    found = rows.sort("raised_at", maintain_order=True) if everything else listed(configuration, rows)
    if format != "table":
        printers()[format](found)
    elif found.is_empty():
        console.print("no alert is open" if not everything else "nobody was told anything", highlight=False)
    else:
        print_frame(found if everything else found.drop("subject", "rule"), paper_of(width=160))


@alerts_app.command("check")
def check(config: ConfigOption = None, data: DataOption = None) -> None:
    """Ask every rule now, as the daemon does, and tell who is to be told; exit 1 if an alert is open."""
    configuration = load(config, data)
    from trading_assets.health_now import look_now
    from trading_assets.monitoring.look import listed
    from trading_assets.monitoring.tables import ALERTS
    from trading_assets.warehouse import Warehouse

    looked = look_now(configuration, dt.datetime.now(dt.UTC).replace(tzinfo=None))
    for row in looked.events.filter(severity="info").iter_rows(named=True):  # the log has said what is worse
        console.print(escaped(f"{row['state']}: {row['message']}"), highlight=False, soft_wrap=True)
    if not looked.delivered:
        console.print("the notifier could not be reached: the next look tells again", highlight=False)
    opened = listed(configuration, Warehouse(configuration.warehouse_path).read_or_empty(ALERTS))
    console.print(f"{opened.height} alerts are open" if opened.height else "no alert is open", highlight=False)
    if opened.height:
        raise typer.Exit(FAILED)


@alerts_app.command("acknowledge")
def acknowledge_one(
    alert_id: Annotated[str, typer.Argument(help="Its id, as the alert and the list say it.")],
    reason: Annotated[str, typer.Option(help="What is done about it; it goes on record.")],
    by: Annotated[str | None, typer.Option(help="Who says so; default the user of this machine.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Say that somebody works on an alert: it is not told again until it is over."""
    configuration = load(config, data)
    from trading_assets.monitoring.look import acknowledge

    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    seen = acknowledge(configuration, alert_id, by=by or getpass.getuser(), reason=reason, now=now)
    console.print(escaped(f"{seen.rule}, {seen.subject}: on record"), highlight=False)
