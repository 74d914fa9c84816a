"""The pipeline from Python: one configuration, its data folder and its warehouse. The command line uses it, too."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, Configuration, ConfigurationError, load_configuration
from trading_assets.config.chosen_paths import chosen_paths
from trading_assets.config.configuration import STAGES
from trading_assets.garbage import rare_collections
from trading_assets.run_outcome import LookAheadAudit, RunError, RunOutcome, RunProgress, own_errors

if TYPE_CHECKING:
    import datetime as dt

    import polars as pl
    from plotly.graph_objects import Figure

    from trading_assets.robustness.exploration import StrategyBacktest
    from trading_assets.robustness.verdict.current import CurrentVerdict
    from trading_assets.warehouse import Warehouse

_TABLE = re.compile(r"[a-z_]\w*\.[a-z_]\w*")


@dataclass(frozen=True)
class Project:
    """One configuration and all that it leaves behind. Made by `open_project`.

    Every method reads the warehouse as it is then. What it returns is a value: nothing that is done to it changes the
    project. `ConfigurationError` is raised for what cannot be asked for, `WarehouseError` for a warehouse that cannot
    answer, `RunError` for a computation that failed; `str()` of each is one block for people.

    Attributes
    ----------
    configuration
        As it was read from the file.
    file
        The YAML file.

    Examples
    --------
    >>> from trading_assets import open_project
    >>> project = open_project(data="data")
    >>> project.configuration.name, project.strategies[:2]
    ('demo', ('equity_momentum', 'crypto_momentum'))
    """

    configuration: Configuration
    file: Path

    @property
    def strategies(self) -> tuple[str, ...]:
        """Names of the strategies, in the order of the file."""
        return tuple(self.configuration.strategies)

    @property
    def warehouse(self) -> Warehouse:
        """The DuckDB file of all tables."""
        from trading_assets.warehouse import Warehouse

        return Warehouse(self.configuration.warehouse_path)

    def check_inputs(self) -> None:
        """Find what a run would fail on in the files that the configuration names, without reading the bars.

        Raises
        ------
        ConfigurationError
            Every fault with its place in the file.
        """
        from trading_assets.cli_check import refuse_faulty

        refuse_faulty(self.file, self.configuration, bars_too=False)

    def run(
        self,
        select: str | None = None,
        *,
        first: str | None = None,
        last: str | None = None,
        progress: Callable[[RunProgress], object] | None = None,
        log_level: str | None = None,
        recompute: bool = False,
    ) -> RunOutcome:
        """Materialise every stage, or a part: the same run as `trading-assets run`, in this process.

        Parameters
        ----------
        select
            A stage or a strategy; None for everything.
        first, last
            Months as ``YYYY-MM``; None for the first and the newest.
        progress
            Told of each step that begins and ends, see `progress_bar`.
        log_level
            Level of Dagster's own log on stderr, such as ``WARNING``; None: warnings of steps alone, a line each.
        recompute
            Compute every step, whatever is there; default those that something has changed for.

        Raises
        ------
        ConfigurationError
            The project's inputs cannot be used, the file was edited since the project was opened, or there is no such
            stage, strategy or month; nothing was touched.
        RunError
            A step or a check of severity ERROR failed; `outcome` says which. What other steps made is there.
        """
        self._refuse_changed()
        self.check_inputs()
        return run_checked(
            self, select, first=first, last=last, progress=progress, log_level=log_level, recompute=recompute
        )

    def tables(self) -> pl.DataFrame:
        """Return the tables and views of the warehouse: table, kind (``table`` or ``view``), by name."""
        return self.query(
            "SELECT table_schema || '.' || table_name AS \"table\", "
            "CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind "
            "FROM information_schema.tables WHERE table_schema <> 'main' "
            "AND table_catalog = current_database() ORDER BY 1"
        )

    def read(self, table: str) -> pl.DataFrame:
        """Return a table such as ``backtests.equity``, by its key.

        Raises
        ------
        ConfigurationError
            It is no name of a table.
        WarehouseError
            It has not been written.
        """
        if not _TABLE.fullmatch(table):
            raise ConfigurationError(f"{table!r} is no table\n  expected: schema.table, such as backtests.equity")
        declared = _declared(table)
        if declared is not None:
            return self.warehouse.read(declared)
        return self.query(f"SELECT * FROM {table} ORDER BY ALL")

    def query(self, sql: str, *, seconds: float | None = None) -> pl.DataFrame:
        """Return the result of a SELECT; read-only, without access to files or network; given up after `seconds`.

        One that takes long goes on with a copy of the warehouse, and holds up no run (`warehouse/long_query.py`). With
        `warehouse: {lake: true}`, or without room for a copy, runs wait until it ends: name `seconds` there.
        """
        from trading_assets.warehouse.long_query import query_aside

        return query_aside(self.warehouse, sql, seconds)

    def prepare(self, strategy: str, **parameters: object) -> StrategyBacktest:
        """Make a strategy ready to be run and swept on train and validation.

        Parameters
        ----------
        parameters
            Parameters that differ from the configuration's.

        Raises
        ------
        ConfigurationError
            There is no such strategy or parameter, or it does not take the value.
        RunError
            The strategy failed when it was last run, or its code fails now.
        WarehouseError
            A stage before it was not run yet.
        """
        self._require(strategy)
        from trading_assets.robustness.exploration import prepare_strategy

        with own_errors():
            return prepare_strategy(self.warehouse, self.configuration, strategy, parameters)

    def audit(self, strategy: str) -> LookAheadAudit:
        """Compute everything from bars to fills again from what was known at past closes, and compare.

        No bar of the holdout is read, registered or not: nothing would put on record that it was seen. The holdout is
        audited by the asset `robustness/look_ahead`, once a strategy is registered.

        Raises
        ------
        RunError
            The strategy's code fails.
        """
        self._require(strategy)
        from trading_assets.protocol.decisions import decisions_behind
        from trading_assets.robustness.look_ahead.audit import differing, look_ahead
        from trading_assets.robustness.look_ahead.point_in_time import development_snapshot

        with own_errors():
            whole = development_snapshot(self.warehouse, self.configuration, strategy)
            by_hand = decisions_behind(self.configuration, strategy)
            cuts = self.configuration.robustness.look_ahead_cuts
            found = look_ahead(self.configuration, strategy, whole, cuts, by_hand=by_hand)
        cuts, subjects = found["cut"].n_unique(), found["subject"].n_unique()
        until: dt.date = whole.days.max()  # type: ignore[assignment]
        return LookAheadAudit(strategy, cuts, subjects, differing(found).drop("config_hash"), until)

    def verdict(self, strategy: str) -> CurrentVerdict:
        """Return the verdict on a strategy: every criterion, the result, and the result in words.

        Raises
        ------
        WarehouseError
            None was made under this configuration, or what is on record is not what was written.
        """
        self._require(strategy)
        from trading_assets.robustness.verdict.current import current_verdict

        with own_errors():
            return current_verdict(self.warehouse, self.configuration, strategy)

    def figures(self, strategy: str) -> dict[str, Figure]:
        """Return the charts of a strategy's page by their titles, as Plotly figures, in the order of the page."""
        self._require(strategy)
        from trading_assets.charts.titled import FiguresByTitle
        from trading_assets.reports.strategy_page.data import strategy_content
        from trading_assets.reports.strategy_page.sections import sections

        with own_errors():
            parts = sections(strategy_content(self.warehouse, self.configuration, strategy))
        found = FiguresByTitle()
        for figure in (each for part in parts for each in (*part.charts, *part.folded_charts)):
            title = str(figure.layout.title.text)
            again = sum(name == title or name.startswith(f"{title} (") for name in found)
            found[f"{title} ({again + 1})" if again else title] = figure
        return found

    def report(self, strategies: Sequence[str] | None = None) -> list[Path]:
        """Write the pages of some strategies, by default of all, and the index; return their paths, the index first."""
        for strategy in strategies or ():
            self._require(strategy)
        from trading_assets.reports import build_reports

        with own_errors():
            return build_reports(self.configuration, self.warehouse, list(strategies or self.strategies))

    def single_files(self, strategies: Sequence[str] | None = None) -> list[Path]:
        """Write the pages of some strategies as files that need no other one, to be sent; return their paths.

        They take the place of the pages of `report`, until that or a run writes them again.
        """
        for strategy in strategies or ():
            self._require(strategy)
        from trading_assets.reports import build_single_files

        with own_errors():
            return build_single_files(self.configuration, self.warehouse, list(strategies or self.strategies))

    def pdf(self, pages: Sequence[Path]) -> list[Path]:
        """Print pages of strategies that `report` or `single_files` has written; return the paths of the PDFs.

        Raises
        ------
        RunError
            The machine has no Chromium or Chrome, or it printed nothing.
        """
        from trading_assets.reports.pdf import write_pdf

        with own_errors():
            return [write_pdf(page) for page in pages if page.stem != "index"]

    def _refuse_changed(self) -> None:
        """Steps read the file as it is now: what was checked here, and is read from the warehouse, would be another."""
        if load_configuration(self.file, self.configuration.data).hash != self.configuration.hash:
            raise ConfigurationError(
                f"the configuration changed since the project was opened\n  file: {self.file}\n"
                "  what to do: call open_project again"
            )

    def _require(self, strategy: str) -> None:
        if strategy not in self.configuration.strategies:
            raise ConfigurationError(f"no strategy {strategy!r}\n  expected: one of {', '.join(self.strategies)}")


def run_checked(
    project: Project,
    select: str | None = None,
    *,
    first: str | None = None,
    last: str | None = None,
    progress: Callable[[RunProgress], object] | None = None,
    log_level: str | None = None,
    recompute: bool = False,
) -> RunOutcome:
    """Run a project as `Project.run` does, whose file was read and whose inputs were checked just now.

    Parameters
    ----------
    project
        Project to run.
    select, first, last, progress, log_level, recompute
        As `Project.run` takes them.

    Raises
    ------
    RunError
        A step failed.
    ConfigurationError
        The selection or a month is none that there is.
    """
    with _handed_on(project.file, project.configuration.data), own_errors():
        fresh = "trading_assets.definitions" not in sys.modules
        with rare_collections():
            from trading_assets.terminal_run import UsageError, run_assets

        try:
            outcome = run_assets(
                project.configuration,
                None if fresh else project.file,
                select=select,
                first=first,
                last=last,
                progress=progress,
                log_level=log_level,
                recompute=recompute,
            )
        except UsageError as error:
            raise ConfigurationError(str(error)) from None
    if not outcome.success:
        raise RunError("\n".join(outcome.problems), outcome)
    return outcome


def open_project(config: Path | str | None = None, data: Path | str | None = None) -> Project:
    """Read and validate a configuration; nothing is written.

    Parameters
    ----------
    config
        The YAML file; default as for the command line: `TRADING_ASSETS_CONFIG`, else what the working folder remembers,
        else the shipped demo.
    data
        The data folder; default `TRADING_ASSETS_DATA`, else what the working folder remembers, else `./data`.

    Raises
    ------
    ConfigurationError
        The file cannot be used: what, where, what was expected.

    Examples
    --------
    >>> from trading_assets import open_project
    >>> open_project("no_such_file.yaml")
    Traceback (most recent call last):
    ...
    trading_assets.config.errors.ConfigurationError: no such file
    ...
    """
    chosen = chosen_paths(None if config is None else Path(config), None if data is None else Path(data))
    return Project(load_configuration(chosen.config, chosen.data), chosen.config.resolve())


@contextmanager
def _handed_on(config: Path, data: Path) -> Iterator[None]:
    """Name the configuration in the environment for the processes of steps, and restore it."""
    names = {CONFIG_VARIABLE: str(config), DATA_VARIABLE: str(data)}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _declared(name: str) -> Any:
    """Return the declaration of a table; None for a SQL model, or what is no table."""
    schema = name.partition(".")[0]
    if schema not in STAGES:
        return None
    module = importlib.import_module(f"trading_assets.{schema}.tables")
    return next((each for each in vars(module).values() if getattr(each, "name", None) == name), None)
