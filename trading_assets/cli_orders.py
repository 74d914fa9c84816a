"""The command `trading-assets orders`: the sheets of running accounts for the next open."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from trading_assets.cli_options import ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import errors, escaped, paper_of, print_frame, printers

orders_app = typer.Typer()
_SHOWN = ["account", "for_session", "symbol", "side", "quantity", "type", "limit", "stop", "reason", "urgency"]
_SHOWN += ["expected_cost", "status", "blocked_by"]


@orders_app.command()
def orders(
    for_session: Annotated[
        dt.datetime | None,
        typer.Option("--for", formats=["%Y-%m-%d"], help="Session that orders are for; default the newest sheets."),
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="One strategy; default all with an account.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print what running accounts order for the next open, and what stands against each order."""
    configuration = load(config, data)
    from trading_assets.trading.freshness import freshness
    from trading_assets.trading.rollout.status import stages_below_full
    from trading_assets.trading.status import sheets
    from trading_assets.warehouse import Warehouse

    day = None if for_session is None else for_session.date()
    found = sheets(Warehouse(configuration.warehouse_path), configuration, strategy, day)
    if format == "table":
        print_frame(found.select(_SHOWN), paper_of(width=180))
    else:
        printers()[format](found)
    if found.is_empty():
        _note("nothing is ordered: no account that was asked for is open, or none has decided for this session")
    for label in found["label"].unique(maintain_order=True):
        _note(label)
    for name, stage, share in stages_below_full(configuration, strategy):
        _note(f"rollout: {name} is at {stage}, {share:.0%} of its positions are sent")
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    for line in freshness(configuration, found, now):
        _note(line)
    today = now.date()
    if (found["for_session"] < today).any():
        _note(f"these orders are for sessions before today, {today}: no later bars are there")


def _note(text: str) -> None:
    errors.print(escaped(text), highlight=False, soft_wrap=True)
