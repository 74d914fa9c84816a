"""The commands `trading-assets trading trail` and `trading-assets trading verify`: the audit trail."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, errors, escaped, paper_of, print_frame, printers

trail_app = typer.Typer()

FromOption = Annotated[
    dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of entries; default the first.")
]
ToOption = Annotated[
    dt.datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of entries; default the last.")
]


@trail_app.command()
def trail(
    strategy: Annotated[
        str | None, typer.Option(help="One strategy, with what concerns all; default every one.")
    ] = None,
    first: FromOption = None,
    last: ToOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print the audit trail: every decision, order, answer, fill, difference and word of a person, as entered."""
    configuration = load(config, data)
    from trading_assets.trading.audit_trail.trail import read_trail

    found = read_trail(configuration, strategy=strategy, first=_day(first), last=_day(last))
    if format != "table":
        printers()[format](found)
        return
    print_frame(found.drop("previous_hash", "entry_hash"), paper_of(width=200))


@trail_app.command()
def verify(
    first: FromOption = None, last: ToOption = None, config: ConfigOption = None, data: DataOption = None
) -> None:
    """Verify the audit trail; exit 1 and name the first entry that is not as it was entered."""
    configuration = load(config, data)
    from trading_assets.trading.audit_trail.verification import verify_trail
    from trading_assets.warehouse import Warehouse

    found = verify_trail(Warehouse(configuration.warehouse_path), configuration, first=_day(first), last=_day(last))
    for said in [*([] if found.broken is None else [found.broken]), *found.lost]:
        errors.print(escaped(said), highlight=False, soft_wrap=True)
    if not found.is_sound:
        raise typer.Exit(FAILED)
    console.print(f"{found.entries:,} entries of {found.months} months are as they were entered", highlight=False)


def _day(moment: dt.datetime | None) -> dt.date | None:
    return None if moment is None else moment.date()
