"""What `trading-assets protocol` does and prints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl
from rich.console import Console

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.protocol.anchors import assert_anchored, export_anchor, read_anchors, write_anchor
from trading_assets.protocol.folder_state import folder_state
from trading_assets.robustness.holdout.protocol_status import protocol_status
from trading_assets.warehouse import Warehouse


def export(configuration: Configuration, file: Path | None, console: Console) -> None:
    """Put an export on record, and add its line to a file, or print it.

    Parameters
    ----------
    configuration, file
        Configuration whose protocol it is, and the file that gets a line more; None: the line is printed.
    console
        Where what was done is said.
    """
    anchor = export_anchor(Protocol.of(configuration), dt.datetime.now(dt.UTC).replace(tzinfo=None))
    if file is None:
        print(anchor.line)
        return
    write_anchor(file, anchor)
    console.print(f"added a line for {anchor.count} records to {file}", highlight=False, soft_wrap=True)


def verify(configuration: Configuration, file: Path, console: Console) -> None:
    """Compare each exported line of a file with the protocol, and say what it stands for.

    Parameters
    ----------
    configuration, file
        Configuration whose protocol it is, and the file of exported lines.
    console
        Where the result of each line is said.
    """
    anchors = read_anchors(file)
    protocol = Protocol.of(configuration)
    records = protocol.read()
    for anchor in anchors:
        assert_anchored(records, anchor)
        said = f"the first {anchor.count} of {len(records)} records are as exported on {anchor.date:%Y-%m-%d %H:%M} UTC"
        console.print(said, highlight=False)
    protocol.verify_contents(records)


def status(configuration: Configuration, show: Callable[[pl.DataFrame], None], console: Console | None) -> None:
    """Show a row a strategy, then, on a console, where the protocol of the data folder stands.

    Parameters
    ----------
    configuration
        Configuration whose protocol it is.
    show, console
        Shows a frame, and where the state of the folder is said; None: it is not.
    """
    protocol = Protocol.of(configuration)
    records = protocol.read()
    protocol.verify_contents(records)
    show(protocol_status(Warehouse(configuration.warehouse_path), configuration))
    if console is not None:
        for line in ("The ledger of looks is as it was written.", *folder_state(records)):
            console.print(line, highlight=False, soft_wrap=True, markup=False)
