"""An archived run, opened again: its rows by table, and its page."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.backtests.archive.frames import FrameStore
from trading_assets.backtests.archive.kept import OPEN, Kept, kept_of, restored
from trading_assets.backtests.archive.record import configuration_text
from trading_assets.backtests.tables import RUN_ARCHIVE
from trading_assets.config import Configuration
from trading_assets.config.plugins import is_plugin
from trading_assets.config.strategies import BUILT_IN, StrategySettings, import_strategy
from trading_assets.reports.build import EXPORTED, write_files
from trading_assets.reports.comparison.keeping import BARS_BY_MONTH, KEPT_TABLES, NOTES
from trading_assets.reports.comparison.lock import Shown, may_be_shown, put_on_record
from trading_assets.reports.exports import csv_text
from trading_assets.reports.strategy_page.data import StrategyContent, strategy_content
from trading_assets.reports.strategy_page.drawing import shared_script
from trading_assets.reports.strategy_page.page import single_file_page, strategy_page
from trading_assets.warehouse import Rows, Table, Warehouse, Whole

#: Folder of the pages of archived runs, within that of the pages.
FOLDER = "runs"
_SHOWN_OF_AN_ID = 8
_BARS = {"symbol": pl.String, "month": pl.Date, "bars": pl.Int64, "content": pl.Int64}


@dataclass(frozen=True)
class OpenedRun:
    """A strategy of an archived run.

    Attributes
    ----------
    row
        Its row of `backtests.run_archive`.
    shown
        What of it may be shown.
    kept, store
        Where its rows are.
    """

    row: Mapping[str, Any]
    shown: Shown
    kept: Kept
    store: FrameStore

    @property
    def label(self) -> str:
        """The run, as short as a heading."""
        return f"{self.row['run_id'][:_SHOWN_OF_AN_ID]} of {self.row['archived_at']:%Y-%m-%d %H:%M}"

    def rows(self, table: Table) -> pl.DataFrame:
        """Return what it left in a table, as far as it may be shown."""
        if not self.shown.development:
            return table.empty()
        return restored(self.store, self.kept, table, with_locked=self.shown.holdout)

    def bars_by_month(self) -> pl.DataFrame:
        """Return symbol, month, bars (how many), content (a hash of them) of what the strategy may trade."""
        rows = self._beside_tables(BARS_BY_MONTH)
        if rows is None:
            return pl.DataFrame(schema=_BARS)
        return rows.filter(pl.col("symbol").is_in(list(self.row["symbols"])))

    def notes(self) -> list[str]:
        """Return what had to be read beside its numbers."""
        rows = self._beside_tables(NOTES)
        return [] if rows is None else rows["note"].to_list()

    def _beside_tables(self, name: str) -> pl.DataFrame | None:
        files = self.kept[name].files if name in self.kept and self.shown.development else {}
        return self.store.get(name, files[OPEN]) if OPEN in files else None


def open_run(
    warehouse: Warehouse, configuration: Configuration, run_id: str, strategy: str, now: dt.datetime
) -> OpenedRun | None:
    """Return a strategy as a run left it; None if the run had no such strategy.

    What it shows of a holdout is put on record first.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with the archive, and the configuration of today.
    run_id, strategy
        Run and strategy.
    now
        Time, UTC.
    """
    found = warehouse.read_or_empty(RUN_ARCHIVE, where="run_id = ? AND strategy = ?", parameters=[run_id, strategy])
    if found.is_empty():
        return None
    row = found.row(0, named=True)
    shown = may_be_shown(warehouse, configuration, row)
    if shown.holdout:
        put_on_record(warehouse, configuration, row, now)
    return OpenedRun(row, shown, kept_of(row["tables"]), FrameStore(warehouse.path))


def write_page(
    warehouse: Warehouse, configuration: Configuration, opened: OpenedRun, *, single_file: bool = False
) -> Path:
    """Write the page of a strategy as a run left it, and return its path.

    The page is drawn by today's version, from the tables of then alone.

    Parameters
    ----------
    warehouse, configuration
        Warehouse with the archive, and the configuration of today.
    opened
        Strategy of the run.
    single_file
        Whether the page needs no file beside it.
    """
    row, name = opened.row, str(opened.row["strategy"])
    then = _as_then(warehouse, configuration, opened)
    with tempfile.TemporaryDirectory() as place:
        copy = Warehouse(Path(place) / "warehouse.duckdb")
        for kept in KEPT_TABLES:
            slice_ = Rows("strategy", name) if kept.by_strategy else Whole()
            copy.replace(slice_, {kept.table: opened.rows(kept.table)})
        content = strategy_content(copy, then, name)
    commit = f", commit {row['commit'][:12]}" if row["commit"] else ""
    notes = [
        f"As run {row['run_id']} of {row['archived_at']:%Y-%m-%d %H:%M} UTC left it: version {row['product_version']}"
        f"{commit}, configuration {row['config_hash']}. What is said of the protocol is of today.",
        *([f"Left out: {opened.shown.why}."] if opened.shown.why else []),
    ]
    named = f"{name}-{row['run_id'][:_SHOWN_OF_AN_ID]}"
    content = replace(content, name=named, notes=[*notes, *opened.notes()])
    return _written(configuration.home / "reports", content, single_file=single_file)


def _written(reports: Path, content: StrategyContent, *, single_file: bool) -> Path:
    """Write a page and its tables to the folder of runs, which draws with the file of the folder above."""
    script, plotly = shared_script()
    page = single_file_page(content) if single_file else strategy_page(content)
    page = page.replace('href="index.html"', 'href="../index.html"').replace(f'src="{script}"', f'src="../{script}"')
    if not single_file and not (reports / script).exists():
        write_files(reports, {script: plotly})
    tables = {f"{content.name}_{table}.csv": csv_text(getattr(content, table)) for table in EXPORTED}
    write_files(reports / FOLDER, {**tables, f"{content.name}.html": page})
    return reports / FOLDER / f"{content.name}.html"


def _as_then(warehouse: Warehouse, configuration: Configuration, opened: OpenedRun) -> Configuration:
    """Return today's configuration with what the run's said of the strategy."""
    text: Any = configuration_text(warehouse, opened.row["config"])["configuration"]
    name = str(opened.row["strategy"])
    then = StrategySettings.model_validate(text["strategies"][name])
    if not is_plugin(then.type):
        parameters = import_strategy(f"{BUILT_IN}.{then.type}").Parameters.model_validate(then.parameters)
        then = then.model_copy(update={"parameters": parameters})
    return configuration.model_copy(update={"strategies": {**configuration.strategies, name: then}})
