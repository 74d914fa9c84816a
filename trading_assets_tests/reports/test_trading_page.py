"""The page of running accounts: whose line it is, what is ordered, what differs, what is in alarm; little is enough."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from trading_assets.config.trading import Trading
from trading_assets.protocol import Protocol
from trading_assets.reports.assets import build_assets
from trading_assets.reports.build import write_trading
from trading_assets.reports.trading_page import promised_band, trading_content, trading_page
from trading_assets.robustness.tables import BANDS
from trading_assets.trading.differences_on_record import put_differences_on_record
from trading_assets.trading.divergence.alarms_on_record import put_alarms_on_record
from trading_assets.trading.divergence.tables import DIVERGENCE
from trading_assets.trading.tables import DIFFERENCES
from trading_assets.warehouse import Warehouse
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.reports.pages import Page
from trading_assets_tests.trading.opened_account import ACCOUNT, DAYS, NOW, STRATEGY, published, put_on_record


def test_an_account_is_told_with_its_label_orders_and_numbers(tmp_path: Path) -> None:
    configuration, warehouse = published(tmp_path)
    [content] = trading_content(configuration, warehouse)
    assert content.alarms.is_empty()
    html = trading_page("mine", [content])
    page = Page(html)
    assert "breakout-1: paper, verdict reject" in page.text
    assert "Its broker is simulated. At the stage full of the rollout everything is sent." in page.text
    assert "Nothing says that it is worse than promised" in page.text
    assert "in 3 positions" in page.text
    identifiers = {values.get("id") for _, values in page.elements}
    assert {f"account-{ACCOUNT}-{number}" for number in range(3)} < identifiers
    for said in ("AAA", "BBB", "blocked", "size", "Orders for", "Live against promise, up to", "–"):
        assert said in page.text, said


def test_alarms_and_differences_that_stand_are_told_in_words(tmp_path: Path) -> None:
    configuration, warehouse = published(tmp_path)
    protocol, divergence = Protocol.of(configuration), warehouse.read(DIVERGENCE)
    alarm = divergence.filter(statistic="live_wealth", session=DAYS[30]).with_columns(alarm=pl.lit(value=True))
    put_alarms_on_record(protocol, STRATEGY, alarm, NOW)
    said = {"kind": "missed", "session": DAYS[3], "detail": "it was not sent", "found_on": DAYS[3], "symbol": "AAA"}
    row = said | {"strategy": STRATEGY, "account": ACCOUNT, "difference_id": "abc"}
    put_differences_on_record(protocol, STRATEGY, DIFFERENCES.conform(pl.DataFrame([row])), NOW)
    text = Page(trading_page("mine", trading_content(configuration, warehouse))).text
    assert f"In alarm since {DAYS[30]}: money of a bet that the broker's books earn less than the account" in text
    assert "1 differences stand" not in text
    assert "1 difference stands: no entry is sent" in text
    assert "it was not sent" in text
    assert "Nothing says" not in text


@pytest.mark.parametrize(
    ("mode", "said"), [("live", "a live account: money is at stake"), ("paper", "an account on paper")]
)
def test_the_page_says_whose_broker_it_is_and_whether_money_is_at_stake(tmp_path: Path, mode: str, said: str) -> None:
    """Opened at Alpaca, where an account begins at `off`: nothing on the page calls it simulated, a live one paper."""
    configuration, warehouse = published(tmp_path, mode=mode, broker="alpaca")
    money = {"live": True, "live_account": "A1"} if mode == "live" else {}
    there = Trading.model_validate({"broker": "alpaca", **money})
    configuration = configuration.model_copy(update={"trading": there})
    text = Page(trading_page("mine", trading_content(configuration, warehouse))).text
    assert f"Its orders go to alpaca, to {said}. At the stage off of the rollout nothing is sent." in text
    assert "simulated" not in text
    assert "On paper" not in text


def test_an_account_without_a_session_is_there(tmp_path: Path) -> None:
    configuration = loaded(tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    assert trading_content(configuration, warehouse) == []
    put_on_record(configuration)
    assert "No session is published yet." in trading_page("mine", trading_content(configuration, warehouse))
    write_trading(tmp_path / "reports", configuration, warehouse)
    assert (tmp_path / "reports" / "trading.html").exists()


def test_the_asset_writes_it_where_an_account_is_open(tmp_path: Path) -> None:
    configuration = loaded(tmp_path)
    keys = {asset.key.to_user_string() for asset in build_assets(configuration)}
    assert "reports/trading" not in keys
    configuration, warehouse = published(tmp_path)
    [asset] = [each for each in build_assets(configuration) if each.key.to_user_string() == "reports/trading"]
    done = dg.materialize([asset], resources={"configuration": configuration, "warehouse": warehouse})
    assert done.success
    assert "breakout-1" in (configuration.home / "reports" / "trading.html").read_text()


def test_the_band_is_that_of_the_holdout_on_the_capital(tmp_path: Path) -> None:
    """The median of its first session is what a capital begins with: 200 where the holdout began with 100."""
    days = DAYS[:3]
    bands = pl.DataFrame(
        {
            "strategy": "s",
            "split": ["holdout"] * 2 + ["development"],
            "session": [DAYS[10], DAYS[11], DAYS[0]],
            "low": [100.0, 90.0, 1.0],
            "middle": [100.0, 101.0, 1.0],
            "high": [100.0, 115.0, 1.0],
        }
    )
    found = promised_band(BANDS.conform(bands), pl.DataFrame({"session": days}), 200.0)
    assert found["session"].to_list() == days[:2]
    assert found["low"].to_list() == pytest.approx([200.0, 180.0])
    assert found["high"].to_list() == pytest.approx([200.0, 230.0])
    assert promised_band(BANDS.empty(), pl.DataFrame({"session": days}), 200.0).is_empty()
