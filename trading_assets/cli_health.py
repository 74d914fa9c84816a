"""The command `trading-assets health`: whether everything is well, in a table, as JSON, as a page."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, load
from trading_assets.cli_output import console, paper_of, print_frame

health_app = typer.Typer()


@health_app.command("health")
def health(
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Write reports/health.html, too.")] = False,
) -> None:
    """Say how everything is: bars, assets, runs, daemon, disk, locks, record, alerts; exit 1 if anything is wrong."""
    configuration = load(config, data)
    import polars as pl

    from trading_assets.health_now import health_now, write_page
    from trading_assets.monitoring.health import is_well

    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    items = health_now(configuration, now)
    well = is_well(items)
    if as_json:
        rows = [{"item": each.item, "state": each.state, "detail": each.detail} for each in items]
        print(json.dumps({"configuration": configuration.name, "at": now.isoformat(), "well": well, "items": rows}))
    else:
        shown = [(each.item, each.state, each.detail) for each in items]
        print_frame(pl.DataFrame(shown, ["item", "state", "detail"], orient="row"), paper_of(width=140))
    if page:
        path = write_page(configuration, now, items)
        if not as_json:
            console.print(f"page: {path}", highlight=False, soft_wrap=True)
    if not well:
        raise typer.Exit(FAILED)


@health_app.command("metrics")
def metrics(
    config: ConfigOption = None,
    data: DataOption = None,
    file: Annotated[
        Path | None, typer.Option(help="Where to write it, whole or not at all; default stdout.", dir_okay=False)
    ] = None,
) -> None:
    """Print steps, health and alerts in the text format of Prometheus, as for its collector of text files."""
    configuration = load(config, data)
    from trading_assets.health_now import metrics_now

    text = metrics_now(configuration, dt.datetime.now(dt.UTC).replace(tzinfo=None))
    if file is None:
        print(text, end="")
        return
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)
