"""The verdict criterion by criterion: what was measured, what is needed, and what has to be read beside it."""

from __future__ import annotations

import polars as pl

from trading_assets.reports.html_table import Cell, Head, HtmlTable
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.section import Section
from trading_assets.reports.strategy_page.words import KINDS, criterion_format, criterion_words


def criteria_section(content: StrategyContent) -> Section:
    """Return every criterion, the verdict in full and what has to be read beside it."""
    note = content.verdicts.filter(kind="result")["note"].drop_nulls()
    return Section(
        anchor="criteria",
        title="Criterion by criterion",
        stage="robustness",
        text=note[0] if note.len() else "",
        notes=content.notes,
        tables=[criteria_table(content.verdicts)] if not content.verdicts.is_empty() else [],
    )


def criteria_table(verdicts: pl.DataFrame) -> HtmlTable:
    """Return every criterion in the verdict's order: its value, what is needed, and whether it passed."""
    heads = [Head("what was measured"), Head("value", number=True), Head("needed"), Head("passed"), Head("counts as")]
    rows = []
    for row in verdicts.filter(pl.col("kind") != "result").sort("position").iter_rows(named=True):
        passed, value, name = row["passed"], row["value"], row["criterion"]
        state = Cell("–", "unknown") if passed is None else Cell("yes", "yes") if passed else Cell("no", "no")
        form = criterion_format(name)
        rows.append(
            [
                Cell(": ".join(filter(None, (criterion_words(name), row["note"])))),
                Cell("–" if value is None else form(value), "number"),
                Cell("–" if row["side"] is None else f"{row['side']} {form(row['threshold'])}"),
                state,
                Cell(KINDS.get(row["kind"], row["kind"])),
            ]
        )
    return HtmlTable(heads, rows)
