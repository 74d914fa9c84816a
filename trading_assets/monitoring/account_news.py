"""What running accounts have to tell a person: a line for each new order sheet, and one for each alarm."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.redaction import secrets_of
from trading_assets.monitoring.alert_state import id_of, is_told_at_once
from trading_assets.monitoring.alerts import alert
from trading_assets.monitoring.rules.of_trading import alarm_line
from trading_assets.monitoring.tables import ALERTS
from trading_assets.trading.divergence.alarms_on_record import standing_alarms
from trading_assets.trading.opening import open_accounts
from trading_assets.trading.order_sheet import ROLLOUT_WORD
from trading_assets.trading.tables import ORDER_SHEETS
from trading_assets.warehouse import Rows, Warehouse

#: The rule that finds alarms of live against promised, too.
DIVERGENCE = "divergence"
#: Orders that a line names.
_NAMED = 5


def line_of_sheet(account: str, sheet: pl.DataFrame) -> str:
    """Return a sheet in a line: whose it is, for when, how many orders, what is blocked, and the first of them.

    What the stage of the rollout withholds is told apart: it is meant, and no reason to look.

    Parameters
    ----------
    account
        Name of the account.
    sheet
        Rows of one sheet of `trading.order_sheets`, at least one.
    """
    rows = sheet.sort("symbol", "client_order_id")
    days = ", ".join(sorted({str(day) for day in rows["for_session"]}))
    is_blocked, is_withheld = pl.col("status") == "blocked", pl.col("blocked_by").eq_missing(pl.lit(ROLLOUT_WORD))
    blocked, withheld = (rows.filter(is_blocked & each).height for each in (~is_withheld, is_withheld))
    said = [
        f"{row['side']} {'?' if row['quantity'] is None else format(row['quantity'], 'g')} {row['symbol']}"
        + (f" (blocked: {row['blocked_by']})" if row["status"] == "blocked" else "")
        for row in rows.head(_NAMED).iter_rows(named=True)
    ]
    more = f", and {rows.height - _NAMED} more" if rows.height > _NAMED else ""
    orders = "1 order" if rows.height == 1 else f"{rows.height} orders"
    return (
        f"{account}, {rows['label'][0]}, after {rows['session'].max()!s}: {orders} for {days}, {blocked} blocked"
        + (f", {withheld} withheld by the rollout" if withheld else "")
        + f": {', '.join(said)}{more}"
    )


def news_of_accounts(
    configuration: Configuration, warehouse: Warehouse, told: Collection[tuple[str, str]], now: dt.datetime
) -> pl.DataFrame:
    """Return what is to be told of open accounts and was not: the newest sheet of each, and its alarms on record.

    Parameters
    ----------
    configuration, warehouse
        Configuration of the accounts, and the warehouse that has what they published.
    told
        Source and message of what was told before.
    now
        Time of the alerts, UTC.

    Returns
    -------
    polars.DataFrame
        Rows of `monitoring.alerts`; no alarms where their rule is switched off.
    """
    found, rule = [ALERTS.empty()], configuration.alerts.all_rules.get(DIVERGENCE)
    for name, opening in open_accounts(configuration).items():
        sheets = warehouse.read_or_empty(ORDER_SHEETS, rows=Rows("strategy", name)).filter(account=opening.account)
        newest = sheets.filter(pl.col("session") == pl.col("session").max())
        lines: list[tuple[str, str, dict[str, Any]]] = []
        if newest.height:
            stops = newest.filter(pl.col("blocked_by").ne_missing(pl.lit(ROLLOUT_WORD)), status="blocked")
            lines.append(("info" if stops.is_empty() else "warning", line_of_sheet(opening.account, newest), {}))
        if rule is not None:
            told_now = is_told_at_once(rule.severity, configuration.alerts, now)
            for row in standing_alarms(configuration, name).iter_rows(named=True):
                statistic = row["statistic"]
                line = alarm_line(opening, statistic, row["session"], row["value"], row["level"])
                # The rule `divergence` finds it raised: one of both tells it.
                subject = f"{opening.account} {statistic}"
                named = {"rule": DIVERGENCE, "subject": subject, "alert_id": id_of(DIVERGENCE, subject, now)}
                lines.append((rule.severity, line, {**named, "state": "raised", "told": told_now}))
        source, secrets = f"trading {name}", secrets_of(configuration)
        for severity, line, more in lines:
            if (source, line) not in told:
                found.append(
                    alert(raised_at=now, severity=severity, source=source, message=line, secrets=secrets, **more)
                )
    return pl.concat(found)
