"""Sectors of symbols: from the configuration or a table, with the file and line of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.market_data.reference.sectors import SectorsError, read_sector_table, read_sectors
from trading_assets.market_data.tables import INSTRUMENTS, RAW_BARS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.test_assets import eventful


def table(folder: Path, text: str) -> Path:
    path = folder / "sectors.csv"
    path.write_text(text)
    return path


def test_a_table_of_sectors(tmp_path: Path) -> None:
    given = table(tmp_path, "sector,symbol,name\nenergy, AAA ,a\nutilities,BBB,b\n")
    assert read_sector_table(given) == {"AAA": "energy", "BBB": "utilities"}
    assert read_sector_table(table(tmp_path, "ticker,sector\nAAA,energy\n")) == {"AAA": "energy"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("symbol,industry\nAAA,energy\n", r"no column 'sector'\n  file: .*sectors.csv, line 1\n  expected: symbol,sec"),
        ("symbol,sector\nAAA,energy\nBBB,\n", r"an empty sector\n  file: .*sectors.csv, line 3 \(symbol BBB\)"),
        ("symbol,sector\n,energy\n", r"an empty symbol\n  file: .*sectors.csv, line 2"),
        ("symbol,sector\nAAA,energy\nBBB,x\nAAA,y\n", r"had before\n  file: .*sectors.csv, line 4 \(symbol AAA\)"),
        ("", r"cannot read the table of sectors\n  file: .*sectors.csv"),
    ],
)
def test_a_wrong_table_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SectorsError, match=message):
        read_sector_table(table(tmp_path, text))


@pytest.mark.parametrize("sectors", [{"AAA": "energy", "ZZZ": "none of the data"}, "sectors.csv"])
def test_instruments_have_the_sector_of_the_configuration(tmp_path: Path, sectors: object) -> None:
    table(tmp_path, "symbol,sector\nAAA,energy\n")
    deliver(tmp_path, eventful())
    rows = run(experiment(tmp_path, sectors=sectors)).read(INSTRUMENTS).select("symbol", "sector").rows()
    assert rows == [("AAA", "energy"), ("BBB", None)]


def test_a_missing_table_stops_the_run_before_anything_is_written(tmp_path: Path) -> None:
    deliver(tmp_path, eventful())
    settings = experiment(tmp_path, sectors="no_such.csv")
    with pytest.raises(SectorsError, match=r"no_such\.csv"):
        run(settings)
    assert Warehouse(settings.warehouse_path).read_or_empty(RAW_BARS).is_empty()


def test_an_empty_sector_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"line \d+\n  key: sectors.AAA"):
        experiment(tmp_path, sectors={"AAA": ""})
    assert read_sectors(experiment(tmp_path)) == {}
