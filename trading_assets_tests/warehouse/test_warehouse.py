"""One process, one file: what is written is what is read, slice by slice."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from trading_assets.warehouse import (
    Column,
    ContractError,
    MissingTableError,
    Rows,
    Sessions,
    Slice,
    Table,
    Warehouse,
    WarehouseError,
    Whole,
)
from trading_assets_tests.warehouse.warehouse_fixtures import BARS, DAILY, EQUITY, LEDGER, bars, day, equity, next_look


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "home" / "warehouse.duckdb", wait_seconds=5)


def test_read_returns_what_was_written_in_order_of_the_key(warehouse: Warehouse) -> None:
    written = pl.concat([bars("b", range(2), flags=["stale", "zero_volume"]), bars("a", range(2))])
    warehouse.replace(Whole(), {BARS: written})
    assert_frame_equal(warehouse.read(BARS), written.sort("symbol", "session"))


def test_types_survive(warehouse: Warehouse) -> None:
    values = {
        "text": pl.Series(["x", None]),
        "list": pl.Series([["a", ""], None], dtype=pl.List(pl.String)),
        "whole": pl.Series([2**62, None], dtype=pl.Int64),
        "short": pl.Series([1, None], dtype=pl.Int32),
        "price": pl.Series([0.1 + 0.2, None]),
        "yes": pl.Series([True, None]),
        "session": pl.Series([dt.date(1999, 12, 31), None]),
        "at": pl.Series([dt.datetime(2020, 1, 1, 1, 2, 3, 4), None], dtype=pl.Datetime("us")),
    }
    columns = {name: Column(series.dtype, "", nullable=True) for name, series in values.items()}
    table, frame = Table("tests.types", "", (), columns), pl.DataFrame(values)
    warehouse.replace(Whole(), {table: frame})
    assert_frame_equal(warehouse.read(table), frame, check_exact=True)


def test_empty_frame_creates_the_table(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {BARS: BARS.empty()})
    assert_frame_equal(warehouse.read(BARS), BARS.empty())


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(st.sampled_from(["whole", "a", "b", "sessions"]), st.integers(0, 5), st.integers(0, 5)),
        max_size=6,
    )
)
def test_slices_behave_like_a_dictionary(tmp_path_factory: pytest.TempPathFactory, steps: list[Any]) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("slices") / "warehouse.duckdb")
    expected: dict[tuple[str, dt.date], float] = {}
    for number, (kind, first, length) in enumerate(steps, start=1):
        days = range(first, first + length)
        symbols = ["a", "b"] if kind in ("whole", "sessions") else [kind]
        frame = pl.concat([bars(symbol, days, close=number) for symbol in symbols])
        slice_: Slice
        if kind == "sessions":
            slice_ = Sessions(day(first), day(first + 2))
            frame = frame.filter(pl.col("session") <= day(first + 2))
            expected = {key: v for key, v in expected.items() if not day(first) <= key[1] <= day(first + 2)}
        elif kind == "whole":
            slice_, expected = Whole(), {}
        else:
            slice_, expected = Rows("symbol", kind), {key: v for key, v in expected.items() if key[0] != kind}
        warehouse.replace(slice_, {BARS: frame})
        expected |= {(row["symbol"], row["session"]): row["close"] for row in frame.iter_rows(named=True)}
    seen = {(r["symbol"], r["session"]): r["close"] for r in warehouse.read_or_empty(BARS).iter_rows(named=True)}
    assert seen == expected
    assert list(seen) == sorted(seen)


def test_rows_outside_of_the_slice_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ContractError, match="1 rows are outside of session 2020-01-01 to 2020-01-02"):
        warehouse.replace(Sessions(day(0), day(1)), {BARS: bars("a", range(3))})
    with pytest.raises(ContractError, match="has no column strategy"):
        warehouse.replace(Rows("strategy", "s"), {BARS: bars("a", range(1))})
    assert not warehouse.path.exists()


def test_a_bad_frame_among_good_ones_writes_nothing(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {BARS: bars("a", range(1)), EQUITY: equity("s", [1.0])})
    with pytest.raises(ContractError, match=r"market_data\.bars: close"):
        warehouse.replace(Whole(), {EQUITY: equity("s", [2.0]), BARS: bars("a", range(1), close=-1.0)})
    assert warehouse.read(EQUITY)["equity"].to_list() == [1.0]


def test_a_statement_that_fails_late_rolls_everything_back(warehouse: Warehouse) -> None:
    """Rows of another slice stay, so they have to be cast, and cannot be."""
    text = Table("tests.typed", "", (), {"strategy": Column(pl.String, ""), "value": Column(pl.String, "")})
    number = Table("tests.typed", "", (), {"strategy": Column(pl.String, ""), "value": Column(pl.Int64, "")})
    one = pl.DataFrame({"strategy": ["other"], "value": ["one"]})
    warehouse.replace(Whole(), {text: one, EQUITY: equity("s", [1.0])})
    with pytest.raises(WarehouseError, match="one"):
        rows = {EQUITY: equity("s", [2.0]), number: pl.DataFrame({"strategy": ["s"], "value": [1]})}
        warehouse.replace(Rows("strategy", "s"), rows)
    assert warehouse.read(EQUITY)["equity"].to_list() == [1.0]
    assert warehouse.read(text)["value"].to_list() == ["one"]


def test_a_column_that_changes_its_type_takes_the_old_rows_along(warehouse: Warehouse) -> None:
    def table(dtype: type[pl.DataType]) -> Table:
        return Table("tests.t", "", ("s",), {"s": Column(pl.String, ""), "v": Column(dtype, "")})

    warehouse.replace(Whole(), {table(pl.Int64): pl.DataFrame({"s": ["old"], "v": [1]})})
    warehouse.replace(Rows("s", "new"), {table(pl.Float64): pl.DataFrame({"s": ["new"], "v": [0.5]})})
    assert warehouse.read(table(pl.Float64))["v"].to_list() == [0.5, 1.0]


def test_a_declared_column_that_an_older_file_lacks_is_null(warehouse: Warehouse) -> None:
    older = Table("tests.t", "", ("s",), {"s": Column(pl.String, "")})
    newer = Table("tests.t", "", ("s",), {**older.columns, "v": Column(pl.Float64, "", nullable=True)})
    warehouse.replace(Whole(), {older: pl.DataFrame({"s": ["b", "a"]})})
    assert warehouse.read(newer).rows() == [("a", None), ("b", None)]
    assert warehouse.read(newer, columns=["s"], where="v IS NULL AND s > ?", parameters=["a"]).rows() == [("b",)]


def test_read_selects_columns_and_rows(warehouse: Warehouse) -> None:
    warehouse.replace(Whole(), {EQUITY: pl.concat([equity("b", [3.0, 4.0]), equity("a", [1.0, None])])})
    assert warehouse.read(EQUITY, columns=["equity"]).to_series().to_list() == [1.0, None, 3.0, 4.0]
    assert warehouse.read(EQUITY, rows=Rows("strategy", "b"), where="session > ?", parameters=[day(0)]).height == 1
    assert warehouse.read(EQUITY, where="equity = 1 OR equity = 3", rows=Rows("strategy", "b")).height == 1
    with pytest.raises(WarehouseError, match="has no column profit\n  expected: one of strategy, session, equity"):
        warehouse.read(EQUITY, columns=["profit"])
    with pytest.raises(WarehouseError, match="expected: equity, or another one of strategy, session, equity"):
        warehouse.read(EQUITY, columns=["eqiuty"])


def test_a_missing_table_says_what_to_materialise(warehouse: Warehouse) -> None:
    with pytest.raises(MissingTableError, match=r"market_data\.bars does not exist.*\n.*--select market_data"):
        warehouse.read(BARS)
    with pytest.raises(MissingTableError):
        warehouse.query("SELECT 1")
    assert not warehouse.path.exists()
    warehouse.replace(Whole(), {EQUITY: EQUITY.empty()})
    with pytest.raises(MissingTableError):
        warehouse.read(BARS)
    assert_frame_equal(warehouse.read_or_empty(BARS, columns=["close"]), BARS.empty().select("close"))
    assert warehouse.exists(EQUITY.name)
    assert not warehouse.exists(BARS.name)


def test_query_reads_and_nothing_else(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0, 2.0])})
    assert warehouse.query("SELECT max(equity) AS m FROM backtests.equity WHERE equity < ?", [2]).item() == 1.0
    secret, local_frame = tmp_path / "secret.csv", pl.DataFrame({"x": [1]})
    secret.write_text("x\n1\n")
    for sql in (
        "DROP TABLE backtests.equity",
        "DELETE FROM backtests.equity",
        f"COPY backtests.equity TO '{tmp_path / 'out.csv'}'",
        f"FROM read_csv('{secret}')",
        f"ATTACH '{tmp_path / 'other.duckdb'}' AS other",
        "SET enable_external_access = true",
        "SELECT * FROM local_frame",
        "SELEC 1",
    ):
        with pytest.raises(WarehouseError):
            warehouse.query(sql)
    assert local_frame.height == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "secret.csv"]
    assert warehouse.read(EQUITY).height == 2


def test_appended_tables_survive_every_replace(warehouse: Warehouse) -> None:
    warehouse.append(LEDGER, pl.DataFrame({"look": [0], "previous": [-1]}))
    warehouse.replace(Whole(), {EQUITY: equity("s", [1.0])})
    with pytest.raises(WarehouseError, match="append only"):
        warehouse.replace(Whole(), {EQUITY: equity("s", [2.0]), LEDGER: LEDGER.empty()})
    assert warehouse.read(LEDGER).rows() == [(0, -1)]
    assert warehouse.read(EQUITY)["equity"].to_list() == [1.0]


def test_append_refuses_a_key_that_is_there(warehouse: Warehouse) -> None:
    row = pl.DataFrame({"look": [0], "previous": [-1]})
    warehouse.append(LEDGER, row)
    with pytest.raises(ContractError, match=r"look = \(0,\) is there already"):
        warehouse.append(LEDGER, row)


def test_append_new_leaves_what_is_there(warehouse: Warehouse) -> None:
    for rows in ([0, 1], [1, 2], [1, 2]):
        warehouse.append_new(LEDGER, pl.DataFrame({"look": rows, "previous": [-rows[0]] * 2}))
    assert warehouse.read(LEDGER).rows() == [(0, 0), (1, 0), (2, -1)]


def test_append_chained_commits_between_prepare_and_seal(warehouse: Warehouse) -> None:
    events: list[object] = []

    @contextmanager
    def around(rows: pl.DataFrame) -> Any:
        events.append(("prepare", rows.height))
        try:
            yield
        except BaseException:
            events.append("discard")
            raise
        events.append("seal")

    for _ in range(2):
        combined = warehouse.append_chained(LEDGER, next_look, around)
    assert_frame_equal(combined, warehouse.read(LEDGER))
    assert combined.rows() == [(0, -1), (1, 0)]
    assert events == [("prepare", 1), "seal", ("prepare", 2), "seal"]
    assert warehouse.examine(LEDGER, lambda rows: rows.height) == 2


@pytest.mark.parametrize("fails", ["build", "prepare", "seal"])
def test_append_chained_that_fails_before_the_commit_leaves_the_ledger(warehouse: Warehouse, fails: str) -> None:
    warehouse.append_chained(LEDGER, next_look)

    def build(rows: pl.DataFrame) -> pl.DataFrame:
        if fails == "build":
            raise RuntimeError(fails)
        return next_look(rows)

    @contextmanager
    def around(rows: pl.DataFrame) -> Any:
        if fails == "prepare":
            raise RuntimeError(fails)
        yield
        if fails == "seal":  # the commit is made: the provisional head is the true one
            raise RuntimeError(fails)

    with pytest.raises(RuntimeError, match=fails):
        warehouse.append_chained(LEDGER, build, around)
    assert warehouse.read(LEDGER).height == (2 if fails == "seal" else 1)


def test_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    one, two = Warehouse(tmp_path / "one.duckdb"), Warehouse(tmp_path / "two.duckdb")
    one.replace(Whole(), {BARS: pl.concat([bars("a", range(3)), bars("b", range(3))])})
    two.replace(Rows("symbol", "b"), {BARS: bars("b", range(3), close=2.0)})
    two.replace(Rows("symbol", "a"), {BARS: bars("a", range(3))})
    assert one.fingerprint(BARS) != two.fingerprint(BARS)
    assert one.fingerprint(BARS, exclude=["close"]) == two.fingerprint(BARS, exclude=["close"])
    two.replace(Rows("symbol", "b"), {BARS: bars("b", range(3))})
    assert one.fingerprint(BARS) == two.fingerprint(BARS)


def test_fingerprint_tells_null_from_empty(warehouse: Warehouse) -> None:
    table = Table("tests.t", "", (), {"v": Column(pl.String, "", nullable=True)})
    prints = set()
    for value in (None, "", "null"):
        warehouse.replace(Whole(), {table: pl.DataFrame({"v": [value]}, schema={"v": pl.String})})
        prints.add(warehouse.fingerprint(table))
    assert len(prints) == 3


def test_two_objects_in_two_threads(tmp_path: Path) -> None:
    path, errors = tmp_path / "warehouse.duckdb", []

    def work(strategy: str) -> None:
        try:
            for number in range(5):
                own = Warehouse(path)
                own.replace(Rows("strategy", strategy), {EQUITY: equity(strategy, [float(number)])})
                assert own.read(EQUITY, rows=Rows("strategy", strategy))["equity"].to_list() == [number]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert Warehouse(path).read(EQUITY)["equity"].to_list() == [4.0, 4.0]


def test_removed_feature_column_can_come_back(warehouse: Warehouse) -> None:
    keys = {"symbol": ["a"], "session": [day(0)]}
    warehouse.replace(Whole(), {DAILY: pl.DataFrame({**keys, "roc": [1.0]})})
    warehouse.replace(Whole(), {DAILY: pl.DataFrame(keys)})
    assert warehouse.read(DAILY).rows() == [("a", day(0), None)]
    warehouse.replace(Whole(), {DAILY: pl.DataFrame({**keys, "roc": [2.0]})})
    assert warehouse.read(DAILY)["roc"].to_list() == [2.0]


def test_a_query_that_takes_too_long_is_stopped_and_lets_writers_in(warehouse: Warehouse) -> None:
    """A product of a hundred billion rows would keep a writer out for minutes."""
    warehouse.replace(Whole(), {BARS: bars("a", range(2))})
    endless = "SELECT sum(a.range * b.range) AS total FROM range(1000000) AS a, range(100000) AS b"
    with pytest.raises(WarehouseError, match=r"stopped after 0\.2 s"):
        warehouse.query(endless, seconds=0.2)
    warehouse.replace(Whole(), {BARS: bars("a", range(3))})
    assert warehouse.query(f"SELECT count(*) AS n FROM {BARS.name}", seconds=60).item() == 3
