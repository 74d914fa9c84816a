"""The commands `trading-assets account ...`: open a running account of a strategy, say how it stands, close it."""

from __future__ import annotations

import datetime as dt
import getpass
from typing import Annotated, Literal

import typer

from trading_assets.cli_options import FAILED, ConfigOption, DataOption, FormatOption, load
from trading_assets.cli_output import console, escaped, paper_of, print_frame, printers

account_app = typer.Typer(
    help="Running accounts on paper: open one, say how it stands, close it.", no_args_is_help=True
)

StrategyArgument = Annotated[str, typer.Argument(help="Its name in the configuration.")]


@account_app.command("open")
def open_one(
    strategy: StrategyArgument,
    on: Annotated[
        dt.datetime | None,
        typer.Option(
            "--on",
            formats=["%Y-%m-%d"],
            help="Session at whose close it first decides, after the holdout; default the last one with bars.",
        ),
    ] = None,
    capital: Annotated[float | None, typer.Option(help="Equity that it begins with; default that of `risk`.")] = None,
    mode: Annotated[
        Literal["paper", "live"], typer.Option(help="Live needs a go, a broker, and trading.live.")
    ] = "paper",
    by: Annotated[str | None, typer.Option(help="Who opens it; default the user of this machine.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Open an account of a strategy whose holdout was looked at; it goes on record, and nothing takes it back."""
    configuration = load(config, data)
    from trading_assets.trading.opening import open_account
    from trading_assets.warehouse import Warehouse

    made = open_account(
        Warehouse(configuration.warehouse_path),
        configuration,
        strategy,
        session=None if on is None else on.date(),
        capital=capital,
        mode=mode,
        by=by or getpass.getuser(),
        now=dt.datetime.now(dt.UTC).replace(tzinfo=None),
    )
    _say(f"{made.account}, {made.label}, with {made.capital:,.0f}; on record")
    _say(f"it decides first at the close of {made.session}")
    if made.verdict != "go":
        _say(f"the verdict on {strategy} is {made.verdict}, no go: every line of the account says so")
    _say("trading-assets run continues it; a Dagster that is running has to load its definitions again")


@account_app.command("close")
def close(
    strategy: StrategyArgument,
    reason: Annotated[str, typer.Option(help="Why it is closed; it goes on record.")],
    by: Annotated[str | None, typer.Option(help="Who closes it; default the user of this machine.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
) -> None:
    """Leave the open account of a strategy for good: no entry any more, and what it holds is sold by a plan."""
    configuration = load(config, data)
    from trading_assets.trading.closing.close import assert_would_be_sold, close_account
    from trading_assets.warehouse import Warehouse

    assert_would_be_sold(Warehouse(configuration.warehouse_path), configuration, strategy)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    made = close_account(configuration, strategy, by=by or getpass.getuser(), reason=reason, now=now)
    _say(f"{made.account} is closing; on record, and nothing takes it back")
    _say(f"from the close of {made.acts_from} on it enters nothing; what it holds is sold at the opens that follow")
    _say("what was ordered by then is at the broker, or will be: trading-assets trading halt holds it back")


@account_app.command("status")
def status(
    strategy: Annotated[str | None, typer.Argument(help="One strategy; default all with an account.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print each account: since when, under which verdict, its last session, equity, and what differs."""
    configuration = load(config, data)
    from trading_assets.trading.status import account_status
    from trading_assets.warehouse import Warehouse

    found = account_status(Warehouse(configuration.warehouse_path), configuration, strategy)
    if format != "table":
        printers()[format](found)
    elif found.is_empty():
        _say("no account is open: trading-assets account open STRATEGY")
    else:
        print_frame(found, paper_of(width=160))


@account_app.command("reconcile")
def reconcile(
    strategy: StrategyArgument,
    accept: Annotated[str | None, typer.Option(help="Id of a difference that is accepted.")] = None,
    reason: Annotated[str, typer.Option(help="Why it is accepted; it goes on record.")] = "",
    by: Annotated[str | None, typer.Option(help="Who accepts it; default the user of this machine.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print the differences that stand, or accept one with a reason; exit 1 while any stands."""
    configuration = load(config, data)
    from trading_assets.trading.differences_on_record import accept_difference, standing_differences
    from trading_assets.warehouse import Warehouse

    if accept is not None:
        warehouse = Warehouse(configuration.warehouse_path)
        now, who = dt.datetime.now(dt.UTC).replace(tzinfo=None), by or getpass.getuser()
        accept_difference(warehouse, configuration, strategy, accept, by=who, reason=reason, now=now)
    found = standing_differences(configuration, strategy)
    shown = found.drop("strategy", "accepted_by", "reason")
    if format == "table":
        print_frame(shown, paper_of(width=180))
    else:
        printers()[format](shown)
    if found.height:
        raise typer.Exit(FAILED)


@account_app.command("slippage")
def slippage(
    strategy: StrategyArgument,
    config: ConfigOption = None,
    data: DataOption = None,
    format: FormatOption = "table",
) -> None:
    """Print what its fills say of the slippage in the configuration, before and after: a proposal, never applied."""
    configuration = load(config, data)
    from trading_assets.trading.divergence.proposal import slippage_proposal
    from trading_assets.trading.status import fills_of_account
    from trading_assets.warehouse import Warehouse

    fills, classes = fills_of_account(Warehouse(configuration.warehouse_path), configuration, strategy)
    found = slippage_proposal(fills, classes, configuration.costs, configuration.seed)
    if format != "table":
        printers()[format](found)
    elif found.is_empty():
        _say(f"no fill of an open account of {strategy} is known beside its open")
    else:
        print_frame(found, paper_of(width=180))
        _say("nothing is changed: another slippage is another plan, to be registered and opened anew")


def _say(text: str) -> None:
    console.print(escaped(text), highlight=False, soft_wrap=True)
