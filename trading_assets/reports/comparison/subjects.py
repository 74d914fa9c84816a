"""What a person names to be compared: a run, a configuration, or a strategy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from trading_assets.backtests.archive.kept import kept_of
from trading_assets.backtests.archive.record import LATEST, configuration_text, find_run, runs_in_order
from trading_assets.backtests.tables import RUN_ARCHIVE
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.canonical import canonical
from trading_assets.config.loading import load_configuration
from trading_assets.reports.comparison.differences import Comparison, compared
from trading_assets.reports.comparison.keeping import HEADLINE
from trading_assets.reports.comparison.lock import may_be_shown
from trading_assets.reports.comparison.opened import OpenedRun, open_run
from trading_assets.reports.notes import REFUSED_LOOK
from trading_assets.robustness.tables import HOLDOUT_RESULTS
from trading_assets.warehouse import Warehouse

_OF_A_FILE = (".yaml", ".yml")
_SHORT, _LEAST_OF_A_HASH = 8, 4


class Subject(NamedTuple):
    """One side of a comparison.

    Attributes
    ----------
    label
        What it is called.
    configuration, warehouse
        Today's configuration of the folder that it is in, and the warehouse with its archive.
    run_id
        Run that is meant.
    strategy
        Strategy of it; None: all of them.
    """

    label: str
    configuration: Configuration
    warehouse: Warehouse
    run_id: str
    strategy: str | None


def find_subject(configuration: Configuration, name: str) -> Subject:
    """Return what a person means.

    Parameters
    ----------
    configuration
        Configuration of the command.
    name
        A strategy, of which the latest run is meant, or ``RUN:STRATEGY``; a file of a configuration, or the beginning
        of its hash, of which the latest run is meant; or a run: ``latest``, ``previous``, a day, the beginning of its
        id.

    Raises
    ------
    ConfigurationError
        Nothing of the sort was kept, or it could be several.
    """
    if Path(name).suffix in _OF_A_FILE:
        return _of_file(configuration, Path(name))
    warehouse = Warehouse(configuration.warehouse_path)
    rows = warehouse.read_or_empty(RUN_ARCHIVE, columns=["run_id", "strategy", "archived_at", "config_hash"])
    run, _, strategy = (LATEST, "", name) if name in set(rows["strategy"]) else name.partition(":")
    try:
        run_id = find_run(rows, run)
    except ConfigurationError:
        of_hash = rows.filter(pl.col("config_hash").str.starts_with(run))
        if len(run) < _LEAST_OF_A_HASH or of_hash["config_hash"].n_unique() != 1:
            raise
        run_id = find_run(of_hash, LATEST)
    there = rows.filter(run_id=run_id)["strategy"].to_list()
    if strategy and strategy not in there:
        raise ConfigurationError(f"run {run_id} has no strategy {strategy!r}\n  expected: one of {', '.join(there)}")
    label = strategy if strategy and run == LATEST else f"{run_id[:_SHORT]}{f':{strategy}' if strategy else ''}"
    return Subject(label, configuration, warehouse, run_id, strategy or None)


def _of_file(configuration: Configuration, file: Path) -> Subject:
    """The latest run that was made under a file as it is now, in the folder of that configuration."""
    other = load_configuration(file, configuration.data)
    warehouse = Warehouse(other.warehouse_path)
    rows = warehouse.read_or_empty(RUN_ARCHIVE, columns=["run_id", "archived_at", "config_hash"])
    own = rows.filter(config_hash=other.hash)
    if own.is_empty():
        raise ConfigurationError(
            f"no run of this configuration has been kept\n  file: {file}\n  hash: {other.hash}\n"
            f"  what to do: trading-assets run --config {file}"
        )
    return Subject(file.stem, other, warehouse, find_run(own, LATEST), None)


def compare_subjects(
    subjects: Sequence[Subject], strategies: Sequence[str], now: dt.datetime
) -> tuple[list[Comparison], list[str]]:
    """Compare the first subject with each other one, strategy by strategy; and say what stands alone.

    Parameters
    ----------
    subjects
        Two or more.
    strategies
        Those that are compared, of runs that are named without one; none: all that both have.
    now
        Time at which somebody looks, UTC.
    """
    found, remarks = list[Comparison](), list[str]()
    first = subjects[0]
    for second in subjects[1:]:
        labels = _labels(first, second)
        for one, two in _pairs(first, second, strategies, remarks):
            sides = [_opened(subject, name, now) for subject, name in ((first, one), (second, two))]
            texts = [_values(subject, side.row) for subject, side in zip((first, second), sides, strict=True)]
            found.append(compared(sides[0], sides[1], (texts[0], texts[1]), labels, first.configuration.seed))
            remarks += [*_refused(sides, labels), *_left_out(sides, labels)]
    return found, list(dict.fromkeys(remarks))


def _refused(sides: Sequence[OpenedRun], labels: tuple[str, str]) -> list[str]:
    """What is of an earlier registration than the rest."""
    return [
        f"{side.row['strategy']}, in {label}: {REFUSED_LOOK}"
        for side, label in zip(sides, labels, strict=True)
        if side.shown.holdout and REFUSED_LOOK in side.notes()
    ]


def _left_out(sides: Sequence[OpenedRun], labels: tuple[str, str]) -> list[str]:
    """What the lock leaves out, once where it is the same of both."""
    said = [f"{side.row['strategy']}: {side.shown.why}." if side.shown.why else "" for side in sides]
    if said[0] == said[1]:
        return [said[0]] if said[0] else []
    return [f"{text[:-1]}, in {label}." for text, label in zip(said, labels, strict=True) if text]


def _labels(first: Subject, second: Subject) -> tuple[str, str]:
    if first.label != second.label:
        return first.label, second.label
    longer = tuple(f"{each.label} ({each.run_id[:_SHORT]})" for each in (first, second))
    return (longer[0], longer[1]) if longer[0] != longer[1] else (f"{longer[0]} A", f"{longer[1]} B")


def _pairs(first: Subject, second: Subject, strategies: Sequence[str], remarks: list[str]) -> list[tuple[str, str]]:
    if first.strategy or second.strategy:
        return [(str(first.strategy or second.strategy), str(second.strategy or first.strategy))]
    names = [strategies_of(each) for each in (first, second)]
    for own, other, subject in ((names[0], names[1], first), (names[1], names[0], second)):
        alone = [name for name in own if name not in other]
        remarks += [f"Only in {subject.label}: {', '.join(alone)}."] if alone else []
    common = [name for name in names[0] if name in names[1]]
    wanted = [name for name in common if name in strategies] if strategies else common
    if not wanted:
        raise ConfigurationError(f"there is no strategy to compare\n  expected: of {', '.join(common) or 'none'}")
    return [(name, name) for name in wanted]


def strategies_of(subject: Subject) -> list[str]:
    """Return the strategies of the run, by name."""
    rows = subject.warehouse.read_or_empty(
        RUN_ARCHIVE, columns=["strategy"], where="run_id = ?", parameters=[subject.run_id]
    )
    return rows["strategy"].sort().to_list()


def _opened(subject: Subject, strategy: str, now: dt.datetime) -> OpenedRun:
    found = open_run(subject.warehouse, subject.configuration, subject.run_id, strategy, now)
    if found is None:
        raise ConfigurationError(f"run {subject.run_id} has no strategy {strategy!r}")
    return found


def _values(subject: Subject, row: Mapping[str, Any]) -> dict[str, str]:
    values: Any = configuration_text(subject.warehouse, row["config"])["values"]
    return dict(values)


def list_runs(
    configuration: Configuration, *, strategy: str | None = None, since: dt.date | None = None
) -> pl.DataFrame:
    """Return the kept runs, a row a strategy, the newest first, with what changed against the run before.

    Parameters
    ----------
    configuration
        Configuration of today: numbers of a span that is locked now are left out.
    strategy, since
        One strategy, and the first day; None: all.

    Returns
    -------
    polars.DataFrame
        when, run, strategy, status, changed (since the run before: configuration, data, code, results, first, or
        nothing), sharpe, total_return, max_drawdown, trades (of development), configuration, commit.
    """
    warehouse = Warehouse(configuration.warehouse_path)
    rows = _without_locked_numbers(warehouse, configuration, warehouse.read_or_empty(RUN_ARCHIVE))
    order = runs_in_order(rows).with_row_index("place").drop("archived_at")
    rows = rows.join(order, on="run_id").sort("strategy", "place")
    found = {text: _results_of(text) for text in rows["tables"].unique()}
    files = pl.col("tables").replace_strict(found, return_dtype=pl.String)
    before = {
        "configuration": pl.col("strategy_hash"),
        "data": pl.col("data_hash"),
        "code": pl.col("code"),
        "results": files,
    }
    marks = [
        pl.when(value.ne_missing(value.shift(1).over("strategy"))).then(pl.lit(name)).alias(f"_{name}")
        for name, value in before.items()
    ]
    is_first = pl.int_range(pl.len()).over("strategy") == 0
    said = pl.concat_str([f"_{name}" for name in before], separator=", ", ignore_nulls=True)
    rows = rows.with_columns(marks).with_columns(
        changed=pl.when(is_first).then(pl.lit("first")).when(said == "").then(pl.lit("nothing")).otherwise(said)
    )
    if strategy is not None:
        rows = rows.filter(strategy=strategy)
    if since is not None:
        rows = rows.filter(pl.col("archived_at").dt.date() >= since)
    return rows.sort("place", "strategy", descending=[True, False]).select(
        pl.col("archived_at").dt.strftime("%Y-%m-%d %H:%M").alias("when"),
        pl.col("run_id").alias("run"),
        "strategy",
        "status",
        "changed",
        "sharpe",
        "total_return",
        "max_drawdown",
        "trades",
        pl.col("config_hash").alias("configuration"),
        "commit",
    )


def _results_of(text: str) -> str:
    """What a run found, as one text; whose run a look at the holdout stood beside is no result."""
    files = {name: dict(each.files) for name, each in kept_of(text).items() if name != HOLDOUT_RESULTS.name}
    return canonical({name: each for name, each in files.items() if name.startswith(("backtests.", "robustness."))})


def _without_locked_numbers(warehouse: Warehouse, configuration: Configuration, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the headlines of strategies whose development of then is in what is locked now."""
    spans = ["strategy", "development_end", "holdout_start", "holdout_end"]
    kinds = rows.select(spans).unique()
    shown = [may_be_shown(warehouse, configuration, row).development for row in kinds.iter_rows(named=True)]
    marked = rows.join(kinds.with_columns(shown=pl.Series(shown, dtype=pl.Boolean)), on=spans, nulls_equal=True)
    return marked.with_columns(pl.when("shown").then(pl.col(name)).alias(name) for name in HEADLINE).drop("shown")
