"""A line for each new sheet and each alarm, once."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl

from trading_assets.monitoring.account_news import line_of_sheet, news_of_accounts
from trading_assets.monitoring.assets import build_assets
from trading_assets.monitoring.tables import ALERTS
from trading_assets.protocol import Protocol
from trading_assets.trading.divergence.alarms_on_record import put_alarms_on_record
from trading_assets.trading.divergence.tables import DIVERGENCE
from trading_assets.trading.tables import ORDER_SHEETS
from trading_assets.warehouse import Rows
from trading_assets_tests.trading.opened_account import DAYS, NOW, STRATEGY, published
from trading_assets_tests.trading.test_order_sheet import sheet_of, waiting


def test_a_sheet_is_one_line_with_the_first_orders() -> None:
    sheet = sheet_of(waiting(), waiting("BBB", side="sell", entry=False, quantity=None), *map(waiting, "CDEFG"))
    assert line_of_sheet("s-1", sheet) == (
        "s-1, paper, verdict reject, after 2017-06-30: 7 orders for 2017-07-03, 1 blocked: "
        "buy 100 AAA, sell ? BBB (blocked: size), buy 100 C, buy 100 D, buy 100 E, and 2 more"
    )
    assert ": 1 order for 2017-07-03, 0 blocked: buy 100 AAA" in line_of_sheet("s-1", sheet_of(waiting()))


def test_what_the_rollout_withholds_is_no_warning(tmp_path: Path) -> None:
    """In shadow every entry is withheld, as is meant; an order that something else blocks is worth a look."""
    withheld = {"status": "blocked", "blocked_by": "rollout"}
    sheet = sheet_of(waiting(), waiting("BBB")).with_columns(**{name: pl.lit(said) for name, said in withheld.items()})
    line = line_of_sheet("s-1", sheet)
    assert ": 2 orders for 2017-07-03, 0 blocked, 2 withheld by the rollout: buy 100 AAA (blocked: rollout)" in line
    configuration, warehouse = published(tmp_path)
    own = Rows("strategy", STRATEGY)
    shadow = warehouse.read(ORDER_SHEETS).with_columns(**{name: pl.lit(said) for name, said in withheld.items()})
    warehouse.replace(own, {ORDER_SHEETS: shadow})
    assert news_of_accounts(configuration, warehouse, set(), NOW)["severity"].to_list() == ["info"]
    price = pl.when(symbol="BBB").then(pl.lit("price")).otherwise("blocked_by")
    warehouse.replace(own, {ORDER_SHEETS: shadow.with_columns(blocked_by=price)})
    assert news_of_accounts(configuration, warehouse, set(), NOW)["severity"].to_list() == ["warning"]


def test_the_asset_puts_lines_among_the_alerts_once(tmp_path: Path) -> None:
    configuration, warehouse = published(tmp_path)
    [asset] = [each for each in build_assets(configuration) if each.key.to_user_string() == "monitoring/accounts"]
    for _ in range(2):
        assert dg.materialize([asset], resources={"configuration": configuration, "warehouse": warehouse}).success
    [row] = warehouse.read(ALERTS).to_dicts()
    assert (row["severity"], row["source"]) == ("warning", "trading breakout")
    assert "2 orders for 2001-03-26, 1 blocked: buy 100 AAA, buy ? BBB (blocked: size)" in row["message"]
    assert row["run_id"]


def test_news_are_told_once(tmp_path: Path) -> None:
    configuration, warehouse = published(tmp_path)
    first = news_of_accounts(configuration, warehouse, set(), NOW)
    assert first.select("severity", "source").rows() == [("warning", "trading breakout")], "an order is blocked"
    told = set(first.select("source", "message").iter_rows())
    assert news_of_accounts(configuration, warehouse, told, NOW).is_empty()
    alarm = warehouse.read(DIVERGENCE).filter(statistic="live_wealth", session=DAYS[30])
    raised = alarm.with_columns(alarm=pl.lit(value=True), value=pl.lit(123.4))
    put_alarms_on_record(Protocol.of(configuration), STRATEGY, raised, NOW)
    [row] = news_of_accounts(configuration, warehouse, told, NOW).to_dicts()
    assert row["severity"] == "warning"
    assert row["message"] == (
        f"breakout-1, paper, verdict reject: live_wealth in alarm since {DAYS[30]}: money of a bet that the broker's "
        "books earn less than the account, 123.4 where 100 is an alarm"
    )


def test_alarms_are_as_their_rule_says_and_none_where_it_is_switched_off(tmp_path: Path) -> None:
    configuration, warehouse = published(tmp_path)
    raised = warehouse.read(DIVERGENCE).filter(statistic="live_wealth", session=DAYS[30])
    raised = raised.with_columns(alarm=pl.lit(value=True), value=pl.lit(123.4))
    put_alarms_on_record(Protocol.of(configuration), STRATEGY, raised, NOW)

    def alarms(**rule: object) -> list[tuple[object, ...]]:
        alerts = type(configuration.alerts).model_validate({"rules": {"divergence": rule}})
        news = news_of_accounts(configuration.model_copy(update={"alerts": alerts}), warehouse, set(), NOW)
        return news.filter(rule="divergence").select("severity", "told").rows()

    assert alarms(enabled=False) == []
    assert alarms(severity="error") == [("error", True)]
