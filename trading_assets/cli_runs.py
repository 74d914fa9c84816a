"""The commands `trading-assets runs` and `trading-assets compare`, and the page of an earlier run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trading_assets.cli_options import ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, errors, escaped, paper_of, print_frame, printers
from trading_assets.config import ConfigurationError

if TYPE_CHECKING:
    from trading_assets.config import Configuration
    from trading_assets.reports.comparison.differences import Comparison

runs_app = typer.Typer()

StrategiesOption = Annotated[
    list[str] | None, typer.Option("--strategy", help="One strategy, may be repeated; default all that both have.")
]


@runs_app.command()
def runs(
    config: ConfigOption = None,
    data: DataOption = None,
    strategy: Annotated[str | None, typer.Option(help="One strategy; default all.")] = None,
    since: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; default the oldest kept.")
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, help="So many runs, the newest first.")] = 20,
    format: FormatOption = "table",
) -> None:
    """Print the runs that are kept: what changed against the one before, and headline numbers of development."""
    configuration = load(config, data)
    from trading_assets.reports.comparison.subjects import list_runs

    day = None if since is None else since.date()
    found = list_runs(configuration, strategy=strategy, since=day)
    newest = found["run"].unique(maintain_order=True).head(last).to_list()
    found = found.filter(found["run"].is_in(newest))
    if format != "table":
        printers()[format](found)
        return
    if found.is_empty():
        console.print("no run has been kept; trading-assets run keeps one", highlight=False)
        return
    short = found.with_columns(found["run"].str.slice(0, 8), found["commit"].str.slice(0, 8))
    print_frame(short, paper_of(width=180))


@runs_app.command()
def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C...]",
            help="Runs (latest, previous, a day, the beginning of an id), configurations (a file, or its hash), "
            "strategies (NAME, or RUN:NAME).",
        ),
    ],
    config: ConfigOption = None,
    data: DataOption = None,
    strategy: StrategiesOption = None,
    page: Annotated[bool, typer.Option("--page", help="Write an HTML page, too.")] = False,
    format: FormatOption = "table",
) -> None:
    """Compare runs, configurations or strategies: configuration, data, code, metrics, trades, the first decision."""
    configuration = load(config, data)
    if len(names) < 2:
        raise ConfigurationError("nothing to compare with\n  expected: two names or more, such as previous latest")
    from trading_assets.reports.comparison.subjects import compare_subjects, find_subject

    subjects = [find_subject(configuration, name) for name in names]
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    found, remarks = compare_subjects(subjects, strategy or [], now)
    if format == "table":
        _print(found, remarks)
    else:
        from trading_assets.reports.comparison.tidy import tidy

        printers()[format](tidy(found))
        for remark in remarks:
            errors.print(escaped(remark), highlight=False, soft_wrap=True)
    if page:
        from trading_assets.reports.comparison.page import write_comparison

        written = write_comparison(configuration.home / "reports", found, remarks)
        (console if format == "table" else errors).print(str(written), highlight=False, soft_wrap=True)


def _print(comparisons: list[Comparison], remarks: list[str]) -> None:
    import polars as pl

    from trading_assets.reports.comparison.page import chance_rows, headline_rows, is_the_same, sentence_of
    from trading_assets.reports.comparison.tidy import strategy_of

    paper = paper_of(width=140)
    for remark in remarks:
        paper.print(escaped(remark), highlight=False)
    for each in comparisons:
        first, second = each.labels
        paper.print(f"\n[bold]{escaped(strategy_of(each))}[/bold]: {escaped(first)} and {escaped(second)}")
        paper.print(escaped(sentence_of(each)), highlight=False)
        if is_the_same(each):
            continue
        heads = {"first": first, "second": second}
        keys = [(key.key, key.left.value, key.right.value) for key in each.configuration]
        tables = [
            pl.DataFrame(keys, schema={"key": pl.String, **dict.fromkeys(heads, pl.String)}, orient="row"),
            each.code,
            each.data.head(20),
            headline_rows(each),
            chance_rows(each).filter(pl.col("difference").is_not_null()),
            each.trades.head(10),
        ]
        for table in tables:
            if not table.is_empty():
                print_frame(
                    table.rename({name: label for name, label in heads.items() if name in table.columns}), paper
                )
        if each.trades.height > 10:
            paper.print(f"10 of {each.trades.height:,} round trips; --format csv has all", highlight=False)


def page_of_run(
    configuration: Configuration, run: str, strategies: list[str], *, single_file: bool = False
) -> list[Path]:
    """Write the pages of some strategies as a run left them, and return their paths.

    Parameters
    ----------
    configuration
        Configuration of the command.
    run
        Name of the run, as `compare` takes it.
    strategies
        Strategies that are wanted; none: all of the run.
    single_file
        Whether the pages need no file beside them.
    """
    from trading_assets.reports.comparison.opened import open_run, write_page
    from trading_assets.reports.comparison.subjects import find_subject, strategies_of

    subject, now = find_subject(configuration, run), dt.datetime.now(dt.UTC).replace(tzinfo=None)
    names = strategies or ([subject.strategy] if subject.strategy else strategies_of(subject))
    found = [open_run(subject.warehouse, subject.configuration, subject.run_id, name, now) for name in names]
    if None in found:
        raise ConfigurationError(f"run {subject.run_id} has no such strategy\n  expected: {strategies_of(subject)}")
    return [
        write_page(subject.warehouse, subject.configuration, each, single_file=single_file)
        for each in found
        if each is not None
    ]
