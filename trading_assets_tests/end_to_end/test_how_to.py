"""What the page on how to add says is done to the letter; what is added to the package, to a copy of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from trading_assets.backtests.backtest import backtest, prepare
from trading_assets.robustness.stress.scenario_market import ScenarioInputs, apply_scenario
from trading_assets_tests.backtests.frames import frames, frames_for, loaded
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.market_data.files_source import receive
from trading_assets_tests.market_data.vendor_server import vendor
from trading_assets_tests.robustness.verdict.test_criteria import GOOD

PAGE = (REPOSITORY / "docs" / "how-to.md").read_text(encoding="utf-8")
#: Symbol, session, open, high, low, close, volume of the page's two lines of a file.
BARS = [
    ["ACME", "2024-01-02", 10.5, 11.0, 10.25, 10.75, 1200.0],
    ["ACME", "2024-01-03", 10.75, 11.25, 10.5, 11.0, 900.0],
]
READ_FIRST_SOURCE = """
import datetime as dt, json
from pathlib import Path
from trading_assets.config import load_configuration
from trading_assets.market_data.sources import Access, read_bars
source = load_configuration(Path("mine.yaml"), Path("data")).market_data[0]
start, today = dt.date(2024, 1, 1), dt.date(2024, 3, 1)
access = Access(Path("cache"), start, today)
bars = read_bars(source, start=start, end=today, directory=Path(), seed=1, access=access)
columns = ("symbol", "session", "open", "high", "low", "close", "volume")
print(json.dumps(bars.select(columns).rows(), default=str))
"""
DETECT = """
import contextlib, sys
from trading_assets.cli import main
sys.argv = ["trading-assets", "config", "detect", "prices/*.csv"]
with contextlib.suppress(SystemExit):
    main()
"""
JUDGE = """
import json, sys
from pathlib import Path
from trading_assets.config import load_configuration
from trading_assets.robustness.verdict import statistics
from trading_assets.robustness.verdict.criteria import judge
limits = load_configuration(Path("mine.yaml"), Path("data")).robustness.verdict
good = json.loads(sys.argv[1])
assert "cvar_95" in statistics._BASE_METRICS
print(json.dumps([judge("s", {**good, "cvar_95": value}, limits).result for value in (0.02, 0.0201, 0.03)]))
"""


def blocks(heading: str, language: str) -> list[str]:
    """The fenced blocks of a language in a section of the page."""
    [section] = [part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE) if part.startswith(f"{heading}\n")]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the package in it, as a clone has it."""
    shutil.copytree(REPOSITORY / "trading_assets", tmp_path / "trading_assets", ignore=shutil.ignore_patterns("*.nb?"))
    return tmp_path


def applied(folder: Path, patch: str) -> None:
    done = subprocess.run(["git", "apply", "-"], cwd=folder, input=patch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def printed(folder: Path, *arguments: str, **variables: str) -> str:
    """What Python prints in a clone."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def configure(folder: Path, **values: Any) -> None:
    """Write `mine.yaml`: what has to be there, and these."""
    needed = {
        "name": "mine",
        "start": dt.date(2024, 1, 1),
        "market_data": [{"source": "synthetic", "asset_class": "equity", "symbols": ["ACME"]}],
        "strategies": {"breakouts": {"type": "equity_momentum", "universe": "equity"}},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(needed | values))


def save_prices(folder: Path) -> None:
    [text] = blocks("Files of a layout that is not known", "csv")
    (folder / "prices").mkdir()
    (folder / "prices" / "ACME.csv").write_text(text)


def test_a_file_of_a_layout_that_is_not_known_is_read_as_the_page_says(tmp_path: Path) -> None:
    save_prices(tmp_path)
    keys, _ = blocks("Files of a layout that is not known", "yaml")
    [source] = yaml.safe_load(keys)["market_data"]
    bars = receive(tmp_path, **source).bars.select("symbol", "session", "open", "high", "low", "close", "volume")
    assert [[symbol, str(day), *rest] for symbol, day, *rest in bars.rows()] == BARS


def test_a_layout_is_a_file_of_the_package(clone: Path) -> None:
    """The file is recognised by its header alone: the source states nothing but where it is."""
    save_prices(clone)
    _, layout = blocks("Files of a layout that is not known", "yaml")
    (clone / "trading_assets" / "config" / "layouts" / "house_of_bars.yaml").write_text(layout)
    configure(clone, market_data=[{"source": "files", "asset_class": "equity", "path": "prices/*.csv"}])
    said, _, bars = printed(clone, "-c", DETECT + READ_FIRST_SOURCE).rstrip().rpartition("\n")
    assert "House of Bars, daily files" in said and "house_of_bars" in said
    assert json.loads(bars) == BARS


def test_a_source_is_a_function_of_the_package(clone: Path) -> None:
    """The vendor sends the two bars of the page on layouts; its key goes into a header."""
    [module], [patch], [keys] = (blocks("A source", language) for language in ("python", "diff", "yaml"))
    (clone / "trading_assets" / "market_data" / "sources" / "house_of_bars.py").write_text(module)
    applied(clone, patch)

    def answer(path: str, query: dict[str, str]) -> Any:
        assert path == "/v1/daily/ACME"
        names = ("day", "open", "high", "low", "close", "volume")
        rows = [dict(zip(names, bar[1:], strict=True)) for bar in BARS]
        return {"bars": [row for row in rows if query["from"] <= str(row["day"]) <= query["to"]]}

    with vendor(answer) as service:
        [source] = yaml.safe_load(keys)["market_data"]
        configure(clone, market_data=[{**source, "base_url": service.url, "requests_per_second": 1000}])
        assert json.loads(printed(clone, "-c", READ_FIRST_SOURCE, HOUSE_OF_BARS_KEY="the-key")) == BARS
    assert {headers["Authorization"] for headers in service.headers} == {"Bearer the-key"}


def test_a_criterion_is_a_threshold_a_statistic_and_a_line(clone: Path) -> None:
    """Everything else is a `go`; on the limit of 2 % it still is, above it the strategy is rejected."""
    [patch] = blocks("A criterion of the verdict", "diff")
    applied(clone, patch)
    [text] = re.findall(r"`(robustness: \{verdict: .*?\}\})`", PAGE)
    configure(clone, **yaml.safe_load(text))
    assert json.loads(printed(clone, "-c", JUDGE, json.dumps(GOOD))) == ["go", "reject", "reject"]


def test_a_stress_scenario_falls_and_costs_as_the_page_says(tmp_path: Path) -> None:
    """From its session on every price is a fifth lower, and the run pays three times the slippage."""
    [text] = blocks("A stress scenario", "yaml")
    stress = yaml.safe_load(text)["robustness"]["stress"]
    day = dt.date(2001, 12, 3)  # of this market, in place of the page's
    stress["monday"]["shock"]["session"] = day
    configuration = loaded(
        tmp_path, strategies={"momentum": {"type": "equity_momentum"}}, robustness={"stress": stress}
    )
    market = frames_for(configuration, "momentum", frames(sessions=400, seed=3))
    prepared = prepare(configuration, market)
    start, end = prepared.axes.sessions[200], prepared.axes.sessions[-1]
    inputs = ScenarioInputs(configuration, lambda _: market)
    stressed = apply_scenario(configuration.robustness.stress["monday"], prepared, inputs, start, end)
    closes = prepared.panel.join(stressed.panel, on=["symbol", "session"], suffix="_stressed")
    ratios = closes.select("session", ratio=closes["adj_close_stressed"] / closes["adj_close"])
    for side, ratio in ((ratios["session"] < day, 1.0), (ratios["session"] >= day, 0.8)):
        found = ratios.filter(side)["ratio"].to_list()
        assert len(found) > 100 and found == pytest.approx([ratio] * len(found), rel=1e-12)
    base, worse = (backtest(each, start, end, split="train").trades for each in (prepared, stressed))
    entries = base.filter(pl.col("entry_session") < day).join(worse, on=["symbol", "entry_session"], suffix="_stressed")
    paid, paid_stressed = entries["entry_slippage_bps"].to_list(), entries["entry_slippage_bps_stressed"].to_list()
    assert len(paid) > 2 and paid_stressed == pytest.approx([3 * each for each in paid], rel=1e-9)
