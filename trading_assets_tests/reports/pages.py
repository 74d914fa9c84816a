"""A warehouse with the tables of one report, and a look at the page a browser would make of it."""

from __future__ import annotations

import datetime as dt
import json
from html.parser import HTMLParser
from typing import Any

import polars as pl

from trading_assets.backtests.tables import DECISIONS, EQUITY, METRICS, OPEN_POSITIONS, TRADES
from trading_assets.robustness.tables import SENSITIVITY, VERDICTS
from trading_assets.strategies.tables import STATUS
from trading_assets.warehouse import Rows, Table, Warehouse

NAME = "equity_momentum"
#: How the script begins that draws the charts.
DATA = "const page = "
DAYS = [dt.date(2016, 1, 4) + dt.timedelta(days=number) for number in range(5)]


def frame(table: Table, *rows: Any) -> pl.DataFrame:
    """Rows of a strategy's table; what a row does not say is zero, empty or the first day."""
    defaults: dict[object, object] = {
        pl.String: "",
        pl.Float64: 0.0,
        pl.Int64: 0,
        pl.Date: DAYS[0],
        pl.Boolean: False,
    }
    filled = [
        {
            name: row[name] if name in row else None if column.nullable else defaults[column.dtype]
            for name, column in table.columns.items()
        }
        for row in ({"strategy": NAME, "split": "full", **row} for row in rows)
    ]
    return pl.DataFrame(filled, schema=table.empty().schema)


def trade(symbol: str, **more: object) -> pl.DataFrame:
    values = {"trade_id": "1", "symbol": symbol, "side": "long", "asset_class": "equity", "exit_reason": "stop"}
    return frame(TRADES, {**values, "exit_session": DAYS[3], "pnl": -12.5, "r_multiple": -1.0, **more})


def equity() -> pl.DataFrame:
    return frame(
        EQUITY,
        *({"session": day, "equity": 100.0 + number, "daily_return": 0.0} for number, day in enumerate(DAYS)),
    )


def verdict(result: str, note: str) -> pl.DataFrame:
    criterion = {"position": 0, "kind": "evidence", "criterion": "holdout_trades", "value": 0.0}
    criterion |= {"side": "at least", "threshold": 30.0, "passed": False}
    last = {"position": 1, "kind": "result", "criterion": "result", "result": result, "note": note}
    return frame(VERDICTS, criterion, last)


def fill(warehouse: Warehouse, **frames: pl.DataFrame) -> None:
    """Write the tables of a strategy that ran; those not given are empty."""
    tables = {"trades": TRADES, "equity": EQUITY, "decisions": DECISIONS, "metrics": METRICS}
    tables |= {"open_positions": OPEN_POSITIONS, "sensitivity": SENSITIVITY, "verdicts": VERDICTS}
    warehouse.replace(
        Rows("strategy", NAME), {table: frames.get(name, table.empty()) for name, table in tables.items()}
    )


def fail(warehouse: Warehouse, error: str) -> None:
    row = {"asset": f"backtests/{NAME}", "strategy": NAME, "stage": "backtests", "status": "failed", "error": error}
    warehouse.replace(Rows("asset", f"backtests/{NAME}"), {STATUS: pl.DataFrame([row])})


class Page(HTMLParser):
    """What a page holds: elements, scripts (and styles), and the text beside them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self._open.append(tag)
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self.scripts[-1] += data
        else:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    @property
    def links(self) -> list[str]:
        """Links to files, not to places of the page itself."""
        found = [attributes["href"] or "" for tag, attributes in self.elements if tag == "a"]
        return [link for link in found if not link.startswith("#")]

    @property
    def charts(self) -> dict[str, Any]:
        """What the script is told to draw."""
        [script] = [each for each in self.scripts if each.startswith(DATA)]
        page, _ = json.JSONDecoder().raw_decode(script.removeprefix(DATA))
        charts: dict[str, Any] = page["charts"]
        return charts

    @property
    def code(self) -> str:
        """The scripts without the data of the charts."""
        [script] = [each for each in self.scripts if each.startswith(DATA)]
        _, end = json.JSONDecoder().raw_decode(script.removeprefix(DATA))
        return "".join(each for each in self.scripts if each is not script) + script[len(DATA) + end :]
