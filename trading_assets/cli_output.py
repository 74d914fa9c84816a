"""How `trading-assets` prints: tables, verdicts, and frames in the formats that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    import polars as pl

    from trading_assets.config import Configuration
    from trading_assets.run_outcome import RunOutcome

console = Console()
errors = Console(stderr=True)


def paper_of(width: int) -> Console:
    """Return the terminal, or where output is none, paper of a width that lets logs hold whole words."""
    return console if console.is_terminal else Console(width=width)


def escaped(text: str) -> str:
    """Return text whose brackets are no markup."""
    from rich.markup import escape

    return escape(text)


def print_verdicts(configuration: Configuration, outcome: RunOutcome) -> None:
    """Print a row a strategy, what has to be read beside it as on the pages, and where the report is.

    A row that another run made is marked; where this one made none there is no table, which would look like its own.
    """
    from rich.table import Table as RichTable

    from trading_assets.backtests.tables import RUNS
    from trading_assets.reports import remarks_on, verdict_summary
    from trading_assets.warehouse import Warehouse

    warehouse = Warehouse(configuration.warehouse_path)
    runs = warehouse.read_or_empty(RUNS).sort("finished_at").group_by("strategy", maintain_order=True).last()
    last = {row["strategy"]: row for row in runs.iter_rows(named=True)}
    made_here = [
        name
        for name in configuration.strategies
        if name in last and (last[name]["run_id"] == outcome.run_id or f"backtests/{name}" in outcome.unchanged)
    ]
    if not made_here:
        console.print(
            "This run made no backtest, so it has no verdicts; trading-assets verdict NAME prints one on record.",
            highlight=False,
            soft_wrap=True,
        )
        return
    with warehouse.held_open():
        summary = verdict_summary(configuration, warehouse)
        remarks = {name: remarks_on(configuration, warehouse, name) for name in configuration.strategies}
    table = RichTable(title="Verdicts", title_justify="left")
    for head in ("strategy", "market", "verdict", "numbers of", "return p.a.", "Sharpe", "max drawdown", "trades"):
        table.add_column(head, no_wrap=True, justify="left" if len(table.columns) < 4 else "right")
    for row in summary.iter_rows(named=True):
        table.add_row(
            row["strategy"] + ("" if row["strategy"] in made_here else " *"),
            row["market"],
            row["result"].replace("_", " "),
            row["split"],
            _formatted(row["annual_return"], "+.1%"),
            _formatted(row["sharpe"], ".2f"),
            _formatted(row["max_drawdown"], ".1%"),
            _formatted(row["trades"], ".0f"),
        )
    paper = paper_of(width=120)
    paper.print(table)
    for name, (explanation, notes) in remarks.items():
        paper.print(f"{escaped(name)}: {escaped(explanation)}", highlight=False)
        if name not in made_here:
            when = f"{last[name]['finished_at']:%Y-%m-%d %H:%M} UTC" if name in last else "no run"
            notes = [f"* Not of this run: its last backtest is of {when}.", *notes]
        for note in notes:
            paper.print(f"  - {escaped(note)}", highlight=False)
    index = configuration.home / "reports" / "index.html"
    if index.exists():
        console.print(f"report: {index}", highlight=False, soft_wrap=True)


def _formatted(value: float | None, specification: str) -> str:
    return "–" if value is None else format(value, specification)


def print_frame(frame: pl.DataFrame, paper: Console = console) -> None:
    """Print a frame as a table, or one row below the other where it has more columns than fit."""
    from rich.table import Table as RichTable

    table = RichTable()
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*[_cell(value) for value in row])
    # A table folds words to fit: with this many columns a number would be a column of digits.
    widths = [max(map(_longest_word, [name, *map(_cell, frame[name])])) for name in frame.columns]
    if sum(widths) + 3 * frame.width + 1 <= paper.width or frame.width < 2:
        paper.print(table)
    else:
        _print_records(frame, paper)


def _longest_word(text: str) -> int:
    """Characters that a column should not fold; what is longer, such as a hash, may be."""
    return min(max(map(len, text.split()), default=1), 16)


def _print_records(frame: pl.DataFrame, paper: Console) -> None:
    """Print a block a row: the name of each column and the value."""
    longest = max(map(len, frame.columns))
    for number, row in enumerate(frame.iter_rows(), start=1):
        paper.print(f"row {number}", style="bold", highlight=False)
        for name, value in zip(frame.columns, row, strict=True):
            paper.print(f"  {escaped(name.ljust(longest))}  {_cell(value)}", highlight=False, soft_wrap=True)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return escaped(str(value))


def printers() -> dict[str, Callable[[pl.DataFrame], None]]:
    """Return what prints a frame, by format."""
    return {
        "table": print_frame,
        "csv": _write_csv,
        "json": lambda rows: print(rows.write_json()),
        "parquet": lambda rows: rows.write_parquet(sys.stdout.buffer),
    }


def _write_csv(frame: pl.DataFrame) -> None:
    from trading_assets.reports.exports import csv_text

    print(csv_text(frame), end="")
