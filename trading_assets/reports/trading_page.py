"""The page of running accounts: what each is worth beside the promise, what it orders next, and what differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets import charts
from trading_assets.config import Configuration
from trading_assets.reports.html_table import HtmlTable, grid, number, percent, price
from trading_assets.reports.strategy_page.drawing import Drawing, shared_script
from trading_assets.reports.strategy_page.page import environment, rendered, style
from trading_assets.reports.strategy_page.section import Section
from trading_assets.robustness.tables import BANDS, HOLDOUT
from trading_assets.trading.differences_on_record import standing_differences
from trading_assets.trading.divergence.alarms_on_record import standing_alarms
from trading_assets.trading.divergence.tables import DIVERGENCE, STATISTICS
from trading_assets.trading.opening import LIVE, SIMULATED, Opening, open_accounts
from trading_assets.trading.rollout.sending import AccountStage
from trading_assets.trading.rollout.tables import SHARES
from trading_assets.trading.tables import EQUITY, ORDER_SHEETS
from trading_assets.warehouse import Rows, Warehouse

_SHEET = ("symbol", "side", "quantity", "type", "limit", "stop", "reason", "notional", "expected_cost", "status")
#: What is told of the last session, in this order, as it is written.
_TOLD = {
    "slippage_paid_bps": number,
    "slippage_modelled_bps": number,
    "tracking_difference": lambda value: f"{value:.4%}",
    "tracking_error": lambda value: f"{value:.2%}",
    "live_sharpe": number,
    "slippage_wealth": number,
    "slippage_late": number,
    "live_wealth": number,
    "live_late": number,
    "sharpe_wealth": number,
}


@dataclass(frozen=True)
class AccountContent:
    """What the page shows of one open account.

    Attributes
    ----------
    equity, sheet, divergence
        Its rows of `trading.equity`, those of its newest sheet of `trading.order_sheets`, and of `trading.divergence`.
    differences, alarms
        What stands, by what is on record.
    band
        session, low, high: what resampled returns of the holdout make of its capital.
    stage
        Of the rollout, as it is on record.
    """

    opening: Opening
    equity: pl.DataFrame
    sheet: pl.DataFrame
    divergence: pl.DataFrame
    differences: pl.DataFrame
    alarms: pl.DataFrame
    band: pl.DataFrame
    stage: str


def trading_content(configuration: Configuration, warehouse: Warehouse) -> list[AccountContent]:
    """Read what is known of the open accounts of a configuration, in the order of its strategies.

    Parameters
    ----------
    configuration, warehouse
        Configuration, and the warehouse that has what its accounts published.
    """
    found = []
    for name, opening in open_accounts(configuration).items():
        own, account = Rows("strategy", name), opening.account
        with warehouse.held_open() as held:
            equity, sheets, divergence = (
                held.read_or_empty(table, rows=own).filter(account=account).sort("session")
                for table in (EQUITY, ORDER_SHEETS, DIVERGENCE)
            )
            bands = held.read_or_empty(BANDS, rows=own)
        last = pl.lit(equity["session"].max(), pl.Date)
        found.append(
            AccountContent(
                opening=opening,
                equity=equity,
                sheet=sheets.filter(pl.col("session") == last).sort("symbol", "client_order_id"),
                divergence=divergence,
                differences=standing_differences(configuration, name),
                alarms=standing_alarms(configuration, name),
                band=promised_band(bands, equity, opening.capital),
                stage=AccountStage(configuration, opening, opening.recorded_at).now(),
            )
        )
    return found


def promised_band(bands: pl.DataFrame, equity: pl.DataFrame, capital: float) -> pl.DataFrame:
    """Return what resampled returns of the holdout make of a capital after as many sessions: session, low, high.

    Parameters
    ----------
    bands
        Rows of `robustness.resampling_bands` of the strategy.
    equity
        Rows of `trading.equity` of the account, by session; its sessions beyond the holdout's number have no band.
    capital
        Equity that the account began with.
    """
    of_holdout = bands.filter(split=HOLDOUT).sort("session")
    if of_holdout.is_empty():
        return pl.DataFrame(schema={"session": pl.Date, "low": pl.Float64, "high": pl.Float64})
    scale = capital / of_holdout["middle"][0]
    rows = min(of_holdout.height, equity.height)
    return pl.DataFrame(
        {
            "session": equity["session"].head(rows),
            "low": of_holdout["low"].head(rows) * scale,
            "high": of_holdout["high"].head(rows) * scale,
        }
    )


def trading_page(name: str, contents: Sequence[AccountContent]) -> str:
    """Return the page.

    Parameters
    ----------
    name, contents
        Name of the configuration, and what the page shows of each account.
    """
    drawing = Drawing()
    script, _ = shared_script()
    sections = [rendered(_section(each), drawing) for each in contents]
    return (
        environment()
        .get_template("trading.html.j2")
        .render(
            style=style(),
            name=name,
            plotly=f'<script src="{script}"></script>',
            sections=sections,
            draw=drawing.script,
        )
    )


def _section(content: AccountContent) -> Section:
    opening = content.opening
    title = f"{opening.account}: {opening.label}"
    if content.equity.is_empty():
        text = f"Opened on {opening.session} with {number(opening.capital)}. No session is published yet."
        text = f"{text} {_where(content)}"
        return Section(anchor=f"account-{opening.account}", title=title, stage="trading", text=text)
    live = content.divergence.filter(statistic="live_equity").select("session", live="value")
    curve = content.equity.select("session", "drawdown", paper="equity")
    curve = curve.join(live, on="session", how="left", maintain_order="left")
    figures = [charts.account_equity(curve, content.band), charts.drawdown(curve)]
    if content.divergence.height:
        figures.append(charts.divergence_money(content.divergence))
    return Section(
        anchor=f"account-{opening.account}",
        title=title,
        stage="trading",
        text=_in_words(content),
        charts=figures,
        tables=_tables(content),
    )


def _in_words(content: AccountContent) -> str:
    opening, last = content.opening, content.equity.row(-1, named=True)
    told = [
        f"Opened for the close of {opening.session} with {number(opening.capital)} by {opening.by}.",
        f"After {content.equity.height} sessions, on {last['session']}, it is worth {number(last['equity'])}, "
        f"{percent(-last['drawdown'])} below its peak, in {last['positions']} positions.",
        _where(content),
    ]
    if last["halted"]:
        told.append("The drawdown breaker has stopped entries.")
    if content.differences.height:
        stand = (
            "1 difference stands"
            if content.differences.height == 1
            else f"{content.differences.height} differences stand"
        )
        told.append(f"{stand}: no entry is sent until somebody accepts what differs, with a reason.")
    for alarm in content.alarms.iter_rows(named=True):
        told.append(f"In alarm since {alarm['session']}: {STATISTICS[alarm['statistic']]}.")
    if content.alarms.height:
        told.append("An alarm stops nothing: a person should look.")
    if content.divergence.height and content.alarms.is_empty():
        told.append("Nothing says that it is worse than promised; a year is too short to refute a Sharpe ratio of 1.")
    return " ".join(told)


def _where(content: AccountContent) -> str:
    """Where its orders go, whether money is at stake, and how much of them the stage of the rollout sends."""
    opening, share = content.opening, SHARES[content.stage]
    if opening.broker == SIMULATED:
        told = "Its broker is simulated."
    elif opening.mode == LIVE:
        told = f"Its orders go to {opening.broker}, to a live account: money is at stake."
    else:
        told = f"Its orders go to {opening.broker}, to an account on paper."
    sent = "everything is sent" if share == 1.0 else f"{share:.0%} of its positions are sent"
    return f"{told} At the stage {content.stage} of the rollout {sent if share else 'nothing is sent'}."


def _tables(content: AccountContent) -> list[HtmlTable]:
    tables = []
    if content.sheet.height:
        days = ", ".join(sorted({f"{day}" for day in content.sheet["for_session"]}))
        frame = content.sheet.select(*_SHEET, "blocked_by").rename({"blocked_by": "blocked by"})
        formats = {"limit": price, "stop": price}
        tables.append(grid(frame, formats=formats, caption=f"Orders for {days}"))
    if content.differences.height:
        frame = content.differences.select("session", "kind", "symbol", "expected", "found", "detail")
        tables.append(grid(frame, formats={"expected": price, "found": price}, caption="Differences that stand"))
    if content.divergence.height:
        tables.append(_told_of(content.divergence))
    return tables


def _told_of(divergence: pl.DataFrame) -> HtmlTable:
    """The newest value of each statistic beside its level, in words."""
    rows: list[dict[str, Any]] = []
    newest: dt.date | None = None
    for name, form in _TOLD.items():
        own = divergence.filter(statistic=name).drop_nulls("value").tail(1).to_dicts()
        if own:
            newest = max(filter(None, (newest, own[0]["session"])))
            level = own[0]["level"]
            rows.append(
                {
                    "what": STATISTICS[name],
                    "value": form(own[0]["value"]),
                    "alarm at": None if level is None else number(level),
                    "state": None if level is None else "in alarm" if own[0]["alarm"] else "quiet",
                    "fills or sessions": own[0]["observations"],
                }
            )
    schema = {"alarm at": pl.String, "state": pl.String}
    return grid(pl.DataFrame(rows, schema_overrides=schema), caption=f"Live against promise, up to {newest}")
