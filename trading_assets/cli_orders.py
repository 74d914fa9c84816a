"""The command `trading-assets orders`: the sheets of running accounts for the next open."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli_options import ConfigOption, DataOption, FormatOption, load, opened
from trading_assets.cli_output import console, errors, escaped, paper_of, print_frame, printers

if TYPE_CHECKING:
    from trading_assets.config import Configuration

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
    update: Annotated[
        bool, typer.Option("--update", help="Make the sheets from the newest bars first, and send what is ready.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print what running accounts order for the next open, and what stands against each order."""
    configuration = _updated(config, data, strategy) if update else load(config, data)
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
    if update:
        for line in _ages_of_verdicts(configuration, found["strategy"].unique().sort().to_list(), now):
            _note(line)
    today = now.date()
    if (found["for_session"] < today).any():
        _note(f"these orders are for sessions before today, {today}: no later bars are there")


def _updated(config: Path | None, data: Path | None, strategy: str | None) -> Configuration:
    """Run what the sheets follow from and nothing else, as the job after a close does."""
    project = opened(config, data)
    project.check_inputs()
    from trading_assets.project import run_checked
    from trading_assets.run_progress import progress_bar

    with progress_bar(console) as bar:
        run_checked(project, "trading/orders" if strategy is None else f"trading/orders/{strategy}", progress=bar)
    return project.configuration


def _ages_of_verdicts(configuration: Configuration, strategies: list[str], now: dt.datetime) -> list[str]:
    """A line for each strategy of a sheet: its verdict is not made anew with it."""
    from trading_assets.monitoring.tables import RUN_METRICS
    from trading_assets.warehouse import Warehouse

    columns = ["step", "outcome", "started_at"]
    steps = Warehouse(configuration.warehouse_path).read_or_empty(RUN_METRICS).select(columns)
    found = []
    for name in strategies:
        own = steps.filter(step=f"robustness/verdict/{name}").sort("started_at").to_dicts()
        if own:
            last = own[-1]
            days = (now - last["started_at"]).days
            when = f"{last['started_at']:%Y-%m-%d %H:%M} UTC, {days} days ago ({last['outcome']})"
        else:
            when = "nobody knows when"
        found.append(f"{name}: verdict and backtests are of the last whole run, {when}")
    return found


def _note(text: str) -> None:
    errors.print(escaped(text), highlight=False, soft_wrap=True)
