"""Edge cases of the data, by their names in the house's list; what the engine makes of them is tested there."""

from __future__ import annotations

import datetime as dt
import gzip
import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.market_data.assets import raw_bars
from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, RAW_BARS, REVISIONS, SESSIONS, UNIVERSE
from trading_assets.market_data.universe import UniverseError, in_universe
from trading_assets.warehouse import Warehouse
from trading_assets_tests.market_data.experiments import WHOLE, deliver, experiment, run, step
from trading_assets_tests.market_data.markets import NOW, path, received
from trading_assets_tests.market_data.markets import SESSIONS as DAYS

STEADY = [100.0 + n % 3 for n in range(len(DAYS))]


def replaced(day: int, **values: object) -> pl.DataFrame:
    """A steady symbol with one row replaced."""
    bad = received([{"session": DAYS[day], "close": STEADY[day], **values}])
    return pl.concat([path(STEADY).filter(pl.col("session") != DAYS[day]), bad])


def after(folder: Path, bars: pl.DataFrame, **settings: object) -> Warehouse:
    deliver(folder, bars)
    return run(experiment(folder, **settings))


def reasons(warehouse: Warehouse) -> list[tuple[dt.date, list[str]]]:
    return warehouse.read(QUARANTINE).select("session", "reasons").rows()


def flagged(warehouse: Warehouse, flag: str) -> list[dt.date]:
    return warehouse.read(BARS, where="list_contains(flags, ?)", parameters=[flag])["session"].to_list()


def test_invalid_ohlc(tmp_path: Path) -> None:
    faults: dict[int, tuple[dict[str, object], str]] = {
        3: ({"low": 102.0, "high": 101.0}, "ohlc_violation"),
        6: ({"close": 105.0, "open": 100.0, "high": 101.0, "low": 99.0}, "ohlc_violation"),
        9: ({"open": 0.0, "low": 0.0}, "non_positive_price"),
        12: ({"close": float("nan")}, "null_price"),
        15: ({"high": float("inf")}, "null_price"),
        18: ({"open": None}, "null_price"),
        21: ({"volume": -5.0}, "negative_volume"),
    }
    bad = [received([{"session": DAYS[day], "close": STEADY[day], **values}]) for day, (values, _) in faults.items()]
    good = path(STEADY).filter(~pl.col("session").is_in([DAYS[day] for day in faults]))
    warehouse = after(tmp_path, pl.concat([good, *bad]))
    assert reasons(warehouse) == [(DAYS[day], [reason]) for day, (_, reason) in faults.items()]
    assert warehouse.read(BARS)["session"].to_list() == good["session"].to_list()
    assert not any(warehouse.read(BARS)["flags"].list.len())  # the neighbours are as they were


def test_extreme_move(tmp_path: Path) -> None:
    level = [100.0] * 2 + [40.0, 41.0, 42.0, 43.0]
    warehouse = after(tmp_path, path(level))
    assert flagged(warehouse, "extreme_move") == [DAYS[2]]
    assert warehouse.read(QUARANTINE).is_empty()
    split = path(level).with_columns(
        adj_close=pl.col("close") * pl.when(pl.col("session") < DAYS[2]).then(0.4).otherwise(1.0)
    )
    adjusted = after(tmp_path / "split", split)
    assert flagged(adjusted, "extreme_move") == []
    on_record = adjusted.read(BARS, where="split_ratio <> 1")
    assert on_record.select("session", "split_ratio", "adj_close").rows() == [(DAYS[2], 2.5, 100.0)]


def test_spike(tmp_path: Path) -> None:
    closes = [100.0, 101.0, 160.0, 102.0, 103.0]
    deliver(tmp_path, path(closes[:3]))
    configuration = experiment(tmp_path)
    undecided = run(configuration)
    assert flagged(undecided, "extreme_move") == [DAYS[2]]
    deliver(tmp_path, path(closes))
    prior = run(configuration)
    assert reasons(prior) == [(DAYS[2], ["spike"])]
    assert prior.read(BARS)["close"].to_list() == [100.0, 101.0, 102.0, 103.0]
    assert flagged(prior, "extreme_move") == []


def test_duplicate_exact(tmp_path: Path) -> None:
    bars = path(STEADY)
    warehouse = after(tmp_path, pl.concat([bars, bars[3:4], bars[3:4]]))
    assert warehouse.read(RAW_BARS).height == len(DAYS) + 2  # as received
    assert warehouse.read(BARS).height == len(DAYS)
    assert flagged(warehouse, "duplicate_exact") == [DAYS[3]]


def test_duplicate_conflict(tmp_path: Path) -> None:
    bars = path(STEADY)
    warehouse = after(tmp_path, pl.concat([bars, bars[3:4].with_columns(volume=pl.lit(7.0))]))
    assert reasons(warehouse) == [(DAYS[3], ["duplicate_conflict"])] * 2
    assert warehouse.read(BARS)["session"].to_list() == [*DAYS[:3], *DAYS[4:]]


@pytest.mark.parametrize("day", [dt.date(2024, 1, 6), dt.date(2024, 1, 15)], ids=["Saturday", "holiday"])
def test_not_a_session(tmp_path: Path, day: dt.date) -> None:
    warehouse = after(tmp_path, pl.concat([path(STEADY), received([{"session": day, "close": 101.0}])]))
    assert reasons(warehouse) == [(day, ["not_a_session"])]
    assert warehouse.read(BARS).height == len(DAYS)


def test_future_bar(tmp_path: Path) -> None:
    warehouse = after(tmp_path, path(STEADY), as_of=DAYS[-3])
    assert reasons(warehouse) == [(day, ["future_bar"]) for day in DAYS[-2:]]
    assert warehouse.read(BARS)["session"].max() == warehouse.read(SESSIONS)["session"].max() == DAYS[-3]


@pytest.mark.parametrize("volume", [0.0, None])
def test_zero_volume(tmp_path: Path, volume: float | None) -> None:
    warehouse = after(tmp_path, replaced(5, volume=volume))
    assert flagged(warehouse, "zero_volume") == [DAYS[5]]
    assert warehouse.read(BARS, where="volume = 0")["dollar_volume"].to_list() == [0.0]


def test_stale_price(tmp_path: Path) -> None:
    warehouse = after(tmp_path, path([99.0, *[100.0] * 6, 101.0]))
    assert flagged(warehouse, "stale_price") == DAYS[5:7]


CRYPTO: dict[str, Any] = {
    "market_data": [{"source": "files", "asset_class": "crypto", "path": "prices/*.csv"}],
    "strategies": {"crypto_momentum": {"type": "crypto_momentum", "universe": "crypto"}},
}


def stamped(folder: Path, *stamps: str) -> None:
    """Crypto bars with these written times, each with a close of its own."""
    (folder / "prices").mkdir(parents=True)
    rows = [f"X,{stamp},{c},{c},{c},{c},1" for c, stamp in enumerate(stamps, start=100)]
    (folder / "prices" / "bars.csv").write_text("\n".join(["symbol,session,open,high,low,close,volume", *rows]) + "\n")


def test_mixed_timezones(tmp_path: Path) -> None:
    stamped(tmp_path / "aware", "2024-01-05T23:30:00-05:00", "2024-01-07T23:30:00Z")
    normalised = run(experiment(tmp_path / "aware", **CRYPTO))
    assert normalised.read(BARS)["session"].to_list() == [dt.date(2024, 1, 6), dt.date(2024, 1, 7)]
    stamped(tmp_path / "mixed", "2024-01-05T23:30:00-05:00", "2024-01-07 10:00:00")
    with pytest.raises(SourceError, match="line 3"):
        run(experiment(tmp_path / "mixed", **CRYPTO))


def test_dst_session(tmp_path: Path) -> None:
    """New York goes to summer time on 2024-03-10: midnight there moves from 05:00 to 04:00 UTC."""
    stamped(tmp_path, *(f"2024-03-{day:02d}T0{5 if day <= 10 else 4}:00:00Z" for day in range(8, 14)))
    source = [{**CRYPTO["market_data"][0], "timezone": "America/New_York"}]
    warehouse = run(experiment(tmp_path, **CRYPTO | {"market_data": source}))
    assert warehouse.read(BARS)["session"].to_list() == [dt.date(2024, 3, day) for day in range(8, 14)]


def test_crypto_weekend(tmp_path: Path) -> None:
    days = [dt.date(2024, 1, 5) + dt.timedelta(days=n) for n in range(4)]  # Friday to Monday
    warehouse = after(tmp_path, received({"session": day, "close": 100.0} for day in days), **CRYPTO)
    assert warehouse.read(BARS)["session"].to_list() == days
    assert warehouse.read(QUARANTINE).is_empty()
    assert set(days) <= set(warehouse.read(SESSIONS)["session"])


def test_symbol_not_in_universe(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        bars = pl.concat([path(STEADY, name) for name in ("AAA", "BBB", "CCC")])
        warehouse = after(tmp_path, bars, universe={"equity": ["AAA"]})
    (warning,) = caplog.messages
    assert "2 symbols" in warning
    assert warehouse.read(BARS)["symbol"].unique().to_list() == ["AAA"]
    assert warehouse.read(QUARANTINE).is_empty()
    assert warehouse.read(RAW_BARS)["symbol"].n_unique() == 3


def test_benchmark_missing(tmp_path: Path) -> None:
    with pytest.raises(UniverseError, match=r"(?s)benchmarks\.equity: DAX.*allow_missing"):
        after(tmp_path, path(STEADY), benchmarks={"equity": "DAX"})
    assert not (tmp_path / "data").exists()


UNUSABLE = {
    "empty_source": b"",
    "header_only": b"symbol,session,open,high,low,close,volume\n",
    "truncated_gzip": gzip.compress(b"symbol,session,open,high,low,close,volume\n" * 999)[:60],
    "wrong_columns": b"symbol,session,open,high,low,last,volume\nAAA,2024-01-02,1,1,1,1,1\n",
    "not_utf8": "symbol,session,open,high,low,close,volume\nÄÄÄ,2024-01-02,1,1,1,1,1\n".encode("latin-1"),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an experiment that has been run once."""
    folder = tmp_path_factory.mktemp("filled")
    after(folder, path(STEADY))
    return folder


def leaves_the_warehouse_unchanged(folder: Path, case: str) -> None:
    name = f"{case}.csv.gz" if case == "truncated_gzip" else f"{case}.csv"
    (folder / "prices" / name).write_bytes(UNUSABLE[case])
    source = {"source": "files", "asset_class": "equity", "path": f"prices/{name}"}
    configuration = experiment(folder, market_data=[source])
    warehouse = Warehouse(configuration.warehouse_path)
    before = warehouse.fingerprint(RAW_BARS)
    with pytest.raises(SourceError, match=name):
        raw_bars(step(configuration, *WHOLE))
    assert warehouse.fingerprint(RAW_BARS) == before


def test_empty_source(filled: Path) -> None:
    leaves_the_warehouse_unchanged(filled, "empty_source")


def test_header_only(filled: Path) -> None:
    leaves_the_warehouse_unchanged(filled, "header_only")


def test_truncated_gzip(filled: Path) -> None:
    leaves_the_warehouse_unchanged(filled, "truncated_gzip")


def test_wrong_columns(filled: Path) -> None:
    leaves_the_warehouse_unchanged(filled, "wrong_columns")


def test_not_utf8(filled: Path) -> None:
    leaves_the_warehouse_unchanged(filled, "not_utf8")


def test_late_correction(tmp_path: Path) -> None:
    after(tmp_path, path(STEADY))
    deliver(tmp_path, replaced(5, close=102.5, high=103.0))
    later = NOW + dt.timedelta(days=1)
    warehouse = run(experiment(tmp_path), now=later)
    revised = warehouse.read(REVISIONS, where="\"column\" = 'close'").select("session", "old", "new", "received_at")
    assert revised.rows() == [(DAYS[5], STEADY[5], 102.5, later)]
    assert warehouse.read(BARS, where="session = ?", parameters=[DAYS[5]])["close"].to_list() == [102.5]
    assert warehouse.read(QUARANTINE).is_empty()  # a revision is no conflict


def with_members(folder: Path, text: str) -> Configuration:
    folder.mkdir(exist_ok=True)
    (folder / "members.csv").write_text(text)
    return experiment(folder, universe={"equity": "members.csv"})


def test_delisting(tmp_path: Path) -> None:
    deliver(tmp_path, path(STEADY[:20]))
    run(with_members(tmp_path, f"symbol,start,end,delisted\nAAA,2020-01-02,,{DAYS[20]}\n"))
    found = (
        Warehouse(experiment(tmp_path).warehouse_path).read(INSTRUMENTS).select("symbol", "last_session", "delisted")
    )
    assert found.rows() == [("AAA", DAYS[19], DAYS[20])]


def test_new_listing(tmp_path: Path) -> None:
    warehouse = after(
        tmp_path,
        pl.concat([path(STEADY), path([2 * close for close in STEADY], "NEW").filter(pl.col("session") >= DAYS[30])]),
    )
    spans = warehouse.read(INSTRUMENTS).select("symbol", "first_session").rows()
    assert spans == [("AAA", DAYS[0]), ("NEW", DAYS[30])]
    assert warehouse.read(BARS, where="symbol = 'NEW'")["forward_factor"].to_list() == [1.0] * (len(DAYS) - 30)


def test_universe_as_of(tmp_path: Path) -> None:
    deliver(tmp_path, path(STEADY))
    warehouse = run(with_members(tmp_path, f"symbol,start,end\nAAA,2020-01-02,{DAYS[9]}\n"))
    spells, bars = warehouse.read(UNIVERSE), warehouse.read(BARS)
    assert in_universe(spells, DAYS[9]) == ["AAA"]
    assert in_universe(spells, DAYS[10]) == []
    assert bars.height == len(DAYS)  # a position may be held on, so its bars go on
    run(with_members(tmp_path, "symbol,start,end\nAAA,2020-01-02,\n"))
    assert warehouse.read(BARS).equals(bars)
