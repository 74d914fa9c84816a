"""The report in a headless Chromium: no network, no console errors, readable on a desk and on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from trading_assets.charts.figures import as_text
from trading_assets.config import load_configuration
from trading_assets.reports.build import build_reports, write_trading
from trading_assets.warehouse import Warehouse
from trading_assets_tests.conftest import TINY, Experiment
from trading_assets_tests.reports.pages import DAYS, NAME, equity, fill, trade
from trading_assets_tests.reports.strategy_page.test_page import HOSTILE
from trading_assets_tests.trading.opened_account import published

pytestmark = pytest.mark.browser

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDTHS = {"desktop": 1280, "phone": 390}
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    binary = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.fail("Chromium and its driver are needed; on Debian: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    session.get("about:blank")  # the browser's own first page may still be loading
    yield session
    session.quit()


def pages(tiny: Experiment) -> list[Path]:
    return sorted((tiny.configuration.home / "reports").glob("*.html"))


#: Seconds that the charts of a page may take on a busy machine.
TO_DRAW = 60
TOO_WIDE = """return [...document.querySelectorAll("section > .charts .js-plotly-plot")].filter(
    plot => plot.querySelector(".main-svg").getBoundingClientRect().width > plot.clientWidth + 1).length"""
NOT_DRAWN = """return [...document.querySelectorAll(".chart")].filter(
    chart => !chart.querySelector(".main-svg")).length"""


def open_page(browser: webdriver.Chrome, page: Path, width: int) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())
    WebDriverWait(browser, TO_DRAW).until(lambda _: browser.execute_script(NOT_DRAWN) == 0)


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_pages_open_without_errors_or_requests(tiny: Experiment, browser: webdriver.Chrome, width: int) -> None:
    assert tiny.process.returncode == 0, tiny.process.stderr
    assert len(pages(tiny)) == 6
    for page in pages(tiny):
        open_page(browser, page, width)
        assert page.stat().st_size <= 300_000
        assert browser.get_log("browser") == [], page.name
        requests = [
            entry["message"]
            for entry in browser.get_log("performance")
            if "requestWillBeSent" in entry["message"] and '"documentURL":"chrome:' not in entry["message"]
        ]
        assert all('"url":"file:' in entry or '"url":"data:' in entry for entry in requests), page.name


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_nothing_is_wider_than_the_screen(tiny: Experiment, browser: webdriver.Chrome, width: int) -> None:
    for page in pages(tiny):
        open_page(browser, page, width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, page.name


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_the_page_of_running_accounts_fits_the_screen(browser: webdriver.Chrome, width: int, tmp_path: Path) -> None:
    configuration, warehouse = published(tmp_path)
    write_trading(tmp_path / "reports", configuration, warehouse)
    open_page(browser, tmp_path / "reports" / "trading.html", width)
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert len(browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot")) == 3
    assert browser.execute_script(TOO_WIDE.replace("section > .charts ", "")) == 0


def test_charts_are_drawn_and_the_verdict_comes_first(tiny: Experiment, browser: webdriver.Chrome) -> None:
    open_page(browser, tiny.configuration.home / "reports" / "equity_momentum.html", 1280)
    drawn = browser.find_elements(By.CSS_SELECTOR, ".js-plotly-plot .main-svg")
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart")
    assert len(charts) >= 5
    assert len(drawn) >= len(charts)
    assert browser.find_elements(By.TAG_NAME, "h2")[0].text.startswith("Verdict")


def test_no_chart_is_wider_than_its_place(tiny: Experiment, browser: webdriver.Chrome) -> None:
    """Two charts side by side: the first is drawn before the second is there."""
    open_page(browser, tiny.configuration.home / "reports" / "equity_momentum.html", 1280)
    assert browser.execute_script(TOO_WIDE) == 0


def test_synthetic_results_are_labelled(tiny: Experiment, browser: webdriver.Chrome) -> None:
    open_page(browser, tiny.configuration.home / "reports" / "crypto_momentum.html", 1280)
    assert "synthetic market" in browser.find_element(By.TAG_NAME, "h1").text


def test_the_index_links_to_every_page(tiny: Experiment, browser: webdriver.Chrome) -> None:
    open_page(browser, tiny.configuration.home / "reports" / "index.html", 1280)
    links = {link.get_attribute("href") for link in browser.find_elements(By.CSS_SELECTOR, "main a")}
    assert {page.as_uri() for page in pages(tiny)} - {browser.current_url} == links


def test_what_somebody_else_named_stays_text(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """In charts too, which Plotly draws from a little markup of its own."""
    configuration = load_configuration(TINY, tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    sessions = {"entry_session": DAYS[0], "exit_session": DAYS[3]}
    fill(warehouse, equity=equity(), trades=pl.concat(trade(name, trade_id=name, **sessions) for name in HOSTILE))
    [_, page] = build_reports(configuration, warehouse, [NAME])
    open_page(browser, page, 1280)
    assert browser.get_log("browser") == []
    labels = browser.find_elements(By.CSS_SELECTOR, "#holdings-0 .ytick text")
    assert {label.get_attribute("data-unformatted") for label in labels} == {as_text(name) for name in HOSTILE}
    shown = " ".join(label.text for label in labels)
    assert all(name in shown for name in HOSTILE)
    assert browser.find_elements(By.CSS_SELECTOR, ".chart img, .chart script, .chart a") == []


def test_a_page_can_be_read_without_eyes_or_a_mouse(tiny: Experiment, browser: webdriver.Chrome) -> None:
    open_page(browser, tiny.configuration.home / "reports" / "equity_momentum.html", 1280)
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart")
    assert charts and all((chart.get_attribute("aria-label") or "").strip() for chart in charts)
    unreachable = "return [...document.querySelectorAll('.wide')].filter(each => each.tabIndex < 0).length"
    assert browser.execute_script(unreachable) == 0
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "To the content"
    words = browser.find_element(By.TAG_NAME, "main").text
    for schema in ("backtests.", "robustness.", "market_data."):
        assert f"{schema}metrics" not in words
