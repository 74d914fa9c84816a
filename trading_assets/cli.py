"""The terminal: `trading-assets run`, `config`, `report`, `explain`, `verdict`, `audit`, `sql`.

Exit codes: 0 done; 1 the run or a blocking check failed; 2 wrong usage or configuration, nothing was touched.
"""

from __future__ import annotations

import datetime as dt
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.core import TyperGroup

from trading_assets.cli_account import account_app
from trading_assets.cli_alerts import alerts_app
from trading_assets.cli_backup import backup_app
from trading_assets.cli_config import config_app
from trading_assets.cli_errors import in_words
from trading_assets.cli_health import health_app
from trading_assets.cli_lifecycle import lifecycle_app
from trading_assets.cli_model import model_app
from trading_assets.cli_options import (
    FAILED,
    INTERRUPTED,
    WRONG_USAGE,
    ConfigOption,
    DataOption,
    FormatOption,
    load,
    opened,
    remember_choice,
)
from trading_assets.cli_orders import orders_app
from trading_assets.cli_output import console, errors, escaped, paper_of, print_frame, print_verdicts, printers
from trading_assets.cli_rollout import rollout_app
from trading_assets.cli_runs import page_of_run, runs_app
from trading_assets.cli_serve import serve_app
from trading_assets.cli_trading import trading_app
from trading_assets.config import ConfigurationError
from trading_assets.config.chosen_paths import chosen_paths
from trading_assets.process_end import end_after
from trading_assets.run_outcome import RunError


class StoppedError(Exception):
    """Somebody pressed Ctrl-C; Typer itself would end without a word."""


class Commands(TyperGroup):
    """The commands, of which an interrupted one is told like any other error."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise StoppedError from error


app = typer.Typer(
    cls=Commands,
    help="From raw price bars to a go / no-go verdict you can defend.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # `main` tells what went wrong
)
app.add_typer(config_app, name="config")
app.add_typer(model_app, name="model")
app.add_typer(account_app, name="account")
app.add_typer(orders_app)
app.add_typer(alerts_app, name="alerts")
app.add_typer(health_app)
app.add_typer(rollout_app, name="rollout")
app.add_typer(trading_app, name="trading")
app.add_typer(serve_app)
app.add_typer(backup_app)
app.add_typer(runs_app)
app.add_typer(lifecycle_app)
protocol_app = typer.Typer(help="Where each strategy stands between registration and verdict.", no_args_is_help=True)
app.add_typer(protocol_app, name="protocol")
audit_app = typer.Typer(help="Ask whether anything knows the future.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")


class _Debug:
    """Whether `--debug` was given, wherever it stood."""

    wanted = False


def main() -> None:
    """Entry point: every expected error is one block on stderr; a traceback only with --debug."""
    debug = _Debug.wanted = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        app()
    except ConfigurationError as error:
        _stop(error, WRONG_USAGE, debug)
    except (KeyboardInterrupt, StoppedError) as error:
        _stop(error, INTERRUPTED, debug, in_words(KeyboardInterrupt()))
    except Exception as error:
        from trading_assets.warehouse.errors import WarehouseError

        _stop(error, FAILED, debug, None if isinstance(error, WarehouseError) else in_words(error))


def _stop(error: BaseException, code: int, debug: bool, said: str | None = None) -> None:
    if debug:
        raise error
    from trading_assets.config.redaction import hidden

    text = hidden(said or str(error))
    errors.print(f"[red]error:[/red] {escaped(text)}", highlight=False, soft_wrap=True)
    raise SystemExit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        from trading_assets.cli_version import version

        print(f"trading-assets {version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print version and commit."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def run(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    select: Annotated[str | None, typer.Option(help="A stage or a strategy; default everything.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="YYYY-MM", help="First month; default the start.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM", help="Last month; default the newest.")] = None,
    recompute: Annotated[
        bool,
        typer.Option("--recompute", help="Compute everything; default what has changed."),
    ] = False,
) -> None:
    """Materialise every stage and print the verdicts."""
    project = opened(config, data)
    project.check_inputs()
    remember_choice(context, chosen_paths(config, data))
    from trading_assets.project import run_checked
    from trading_assets.run_progress import progress_bar

    try:
        with progress_bar(console) as bar:
            level = "WARNING" if _Debug.wanted else None
            outcome = run_checked(
                project, select, first=first, last=last, progress=bar, log_level=level, recompute=recompute
            )
    except RunError as error:
        if error.outcome is None:
            raise
        outcome = error.outcome
    for problem in outcome.problems:
        errors.print(f"[red]failed:[/red] {escaped(problem)}", highlight=False, soft_wrap=True)
    print_verdicts(project.configuration, outcome)
    if not outcome.success:
        raise typer.Exit(FAILED)


@app.command("compile")
def compile_machine_code() -> None:
    """Compile machine code before a first run needs it: a minute, once for an installation."""
    from trading_assets.machine_code_ahead import compile_ahead
    from trading_assets.run_outcome import RunProgress
    from trading_assets.run_progress import took

    def tell(part: str, seconds: float | None) -> None:
        line = f"compiling {part}" if seconds is None else took(RunProgress(part, 1, 1, begins=False, seconds=seconds))
        console.print(line, highlight=False)

    if not compile_ahead(tell):
        console.print("machine code is up to date")


@app.command()
def ui(
    context: typer.Context,
    config: ConfigOption = None,
    data: DataOption = None,
    host: Annotated[str, typer.Option(help="Address that it listens on; it has no login.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Default 3000, or a free one.", min=1, max=65535)] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make Dagster's home and its workspace for services, and end.")
    ] = False,
) -> None:
    """Open the Dagster UI on a configuration, until Ctrl-C."""
    chosen = chosen_paths(config, data)
    configuration = load(config, data)
    remember_choice(context, chosen)
    from trading_assets.cli_ui import lacks, prepare_home, start_ui

    if prepare:
        workspace = prepare_home(configuration)
        for line in lacks(workspace.parent):
            errors.print(escaped(line), highlight=False, soft_wrap=True)
        console.print(str(workspace), highlight=False, soft_wrap=True)
        return
    start_ui(configuration, host, port)


@app.command()
def report(
    config: ConfigOption = None,
    data: DataOption = None,
    strategy: Annotated[str | None, typer.Option(help="One strategy; default all of them and the index.")] = None,
    single_file: Annotated[
        bool, typer.Option("--single-file", help="Pages that need no file beside them, to be sent to somebody (5 MB).")
    ] = False,
    of_run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Pages as an earlier run left them; see `runs`.")
    ] = None,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print the pages, too: by Chromium or Chrome, if there.")] = False,
) -> None:
    """Rebuild the report from the warehouse alone."""
    project = opened(config, data)
    names, write = [strategy] if strategy else [], project.single_files if single_file else project.report
    of_then = of_run and page_of_run(project.configuration, of_run, names, single_file=single_file)
    pages = of_then or write(names or None)
    for path in [*pages, *(project.pdf(pages) if pdf else ())]:
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command()
def explain(
    trade_id: Annotated[
        str, typer.Argument(help="Of backtests.trades, of a fill of an open position, or of trading.holdings.")
    ],
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Explain one trade: signal, choice, size, fills, what happened, profit, bars as received.

    Of a trade of a running account: decision, order sheet, what was sent, fills, stops, exit, differences.
    """
    configuration = load(config, data)
    from trading_assets.reports.trade_explanation.account_trade import account_narrative, read_account_trade
    from trading_assets.reports.trade_explanation.audit_trail import UnknownTradeError, read_evidence
    from trading_assets.reports.trade_explanation.narrative import narrative
    from trading_assets.warehouse import Warehouse

    warehouse = Warehouse(configuration.warehouse_path)
    try:
        sections = narrative(read_evidence(warehouse, configuration, trade_id))
    except UnknownTradeError as error:
        trade = read_account_trade(warehouse, trade_id)
        if trade is None:
            raise ConfigurationError(str(error)) from None
        sections = account_narrative(trade)
    paper = paper_of(width=140)
    for section in sections:
        paper.print(f"\n[bold]{escaped(section.title)}[/bold]", highlight=False, soft_wrap=True)
        for line in section.lines:
            paper.print(f"  {escaped(line)}", highlight=False, soft_wrap=True)
        if section.table is not None:
            print_frame(section.table, paper)


@app.command()
def verdict(
    strategy: Annotated[str, typer.Argument(help="Its name in the configuration.")],
    config: ConfigOption = None,
    data: DataOption = None,
    require: Annotated[
        Literal["go", "conditional"] | None, typer.Option(help="Exit 1 unless the verdict is this or better.")
    ] = None,
) -> None:
    """Print the verdict on a strategy: every criterion, and the result in words."""
    found = opened(config, data).verdict(strategy)
    paper = paper_of(width=120)
    print_frame(found.criteria.select("kind", "criterion", "value", "side", "threshold", "passed"), paper)
    paper.print(escaped(found.explanation), highlight=False)
    for version, result, words in found.earlier.iter_rows():
        console.print(
            f"Verdict of version {version}: {result.replace('_', ' ')}. {escaped(words or '')}", highlight=False
        )
    if require is not None and not found.meets(require):
        of = " of an earlier registration" if found.refused else ""
        errors.print(f"[red]error:[/red] the verdict is {found.result}{of}, {require} is required", highlight=False)
        raise typer.Exit(FAILED)


@audit_app.command("look-ahead")
def audit_look_ahead(
    config: ConfigOption = None,
    data: DataOption = None,
    strategy: Annotated[str | None, typer.Option(help="One strategy; default all of them.")] = None,
) -> None:
    """Compute everything from bars to fills again from what was known at past closes; exit 1 if anything differs."""
    project, leaks = opened(config, data), 0
    for name in project.strategies if strategy is None else [strategy]:
        with console.status(f"{name}: computing again ..."):
            found = project.audit(name)
        state = "nothing looks ahead" if found.clean else f"{found.differences.height} differences"
        tried = f"{found.cuts} past closes until {found.until}, {found.subjects} subjects"
        console.print(f"{name}: {state}; {tried}", highlight=False)
        if not found.clean:
            print_frame(found.differences.drop("strategy"))
        leaks += found.differences.height
    if leaks:
        raise typer.Exit(FAILED)


@app.command()
def bars(
    known_on: Annotated[dt.datetime, typer.Option("--known-on", help="A date (its end, UTC) or a time, UTC.")],
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print the bars as received by a moment: later corrections undone, bars that came later left out."""
    configuration = load(config, data)
    from trading_assets.market_data.revisions import as_known
    from trading_assets.market_data.tables import RAW_BARS, REVISIONS
    from trading_assets.warehouse import Warehouse

    moment = known_on + dt.timedelta(days=1, microseconds=-1) if known_on.time() == dt.time() else known_on
    warehouse = Warehouse(configuration.warehouse_path)
    found = as_known(warehouse.read(RAW_BARS), warehouse.read_or_empty(REVISIONS), moment)
    printers()[format](found)


@protocol_app.command("status")
def protocol_status(config: ConfigOption = None, data: DataOption = None, format: FormatOption = "table") -> None:
    """Print who is registered, looked at and how often; exit 1 if anything on record is not what was written."""
    from trading_assets.cli_protocol import status

    paper = paper_of(width=160)
    show = partial(print_frame, paper=paper) if format == "table" else printers()[format]
    status(load(config, data), show, paper if format == "table" else None)


@protocol_app.command("export")
def protocol_export(
    file: Annotated[Path | None, typer.Argument(help="Where to add the line; default stdout.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Write one line that stands for all records so far: kept elsewhere, it shows whether they were rewritten."""
    from trading_assets.cli_protocol import export

    export(load(config, data), file, console)


@protocol_app.command("verify")
def protocol_verify(
    file: Annotated[Path, typer.Argument(help="Exported lines.")], config: ConfigOption = None, data: DataOption = None
) -> None:
    """Compare exported lines with the protocol; exit 1 if it is not a continuation of them."""
    from trading_assets.cli_protocol import verify

    verify(load(config, data), file, console)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="A SELECT; tables are schema.table.")],
    config: ConfigOption = None,
    data: DataOption = None,
    format: Annotated[
        Literal["table", "csv", "json", "parquet"], typer.Option("--format", help="Of what is printed.")
    ] = "table",
    timeout: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=86_400,
            help="Seconds after which it is stopped. No run waits for it longer than 5, and the time of a copy; with "
            "`warehouse: {lake: true}`, or a full disk, there is no copy, and a run waits until it ends.",
        ),
    ] = 60.0,
) -> None:
    """Query the warehouse, read-only."""
    printers()[format](opened(config, data).query(query, seconds=timeout))


def script() -> None:
    """Entry point of a process of its own, see `end_after`."""
    end_after(main)


if __name__ == "__main__":
    script()
