"""Dividends and splits that the bars' own files state."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from trading_assets.market_data.reference.corporate_actions import NO_ACTIONS, with_stated
from trading_assets.market_data.sources import SourceError
from trading_assets.market_data.sources.stated_actions import to_ratios
from trading_assets.market_data.tables import BARS, CORPORATE_ACTIONS, QUARANTINE
from trading_assets_tests.market_data.experiments import MONTHS, experiment, run
from trading_assets_tests.market_data.files_source import load, write

HEADER = "symbol,date,open,high,low,close,volume"
DAYS = [dt.date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10, 11, 12, 16, 17, 18, 19, 22, 23, 24, 25, 26, 29, 30)]
EX = DAYS[10]


def lines(prices: list[float], cells: dict[int, str], rest: str, days: list[dt.date] = DAYS) -> list[str]:
    """A bar a day with open = close, high and low 1 % around, and the cells of the columns of actions."""
    return [
        f"A,{day},{price},{price * 1.01:.4f},{price * 0.99:.4f},{price},1000,{cells.get(at, rest)}"
        for at, (day, price) in enumerate(zip(days, prices, strict=True))
    ]


def source(**settings: object) -> dict[str, object]:
    return {"market_data": [{"source": "files", "asset_class": "equity", "path": "prices/*.csv", **settings}]}


def stage(folder: Path, rows: list[str], columns: str, **settings: object) -> pl.DataFrame:
    write(folder, *rows, name="prices/a.csv", header=f"{HEADER},{columns}")
    return run(experiment(folder, **source(**settings))).read(BARS)


HALVED = [100.0] * 10 + [50.0] * 10


@pytest.mark.parametrize(
    ("columns", "split", "rest"),
    [
        ("dividend,split", "0.0,2.0", "0.0,1.0"),
        ("Dividends,Stock Splits", "0.0,2.0", "0.0,0.0"),
        ("divCash,splitFactor", "0,2", "0,1"),
        ("dividend_amount,split_coefficient", "0.0000,2.0", "0.0000,1.0"),
        ("Ex-Dividend,Split Ratio", "0,2:1", "0,"),
        ("Dividends,Stock Splits", ",2/1", ","),
        ("dividend,split", "0.0,0.5", "0.0,1.0"),
    ],
)
def test_a_split_of_a_column_is_no_fall(tmp_path: Path, columns: str, split: str, rest: str) -> None:
    """2 for 1: the price halves, the adjusted one stays at 100 x 1; 0.5 old shares for a new one says the same."""
    bars = stage(tmp_path, lines(HALVED, {10: split}, rest), columns)
    assert bars["adj_close"].to_list() == [100.0] * 20
    assert bars["split_ratio"].to_list() == [1.0] * 10 + [2.0] + [1.0] * 9
    assert bars["flags"].list.len().max() == bars["flags"].list.count_matches("stale_price").max()


@pytest.mark.parametrize("columns", ["dividend,split", "Dividends,Stock Splits", "divCash,splitFactor"])
def test_prices_that_are_adjusted_for_splits_are_not_adjusted_again(tmp_path: Path, columns: str) -> None:
    """Yahoo divides the past by every later split: the prices do not follow the ratio that it states."""
    bars = stage(tmp_path, lines([50.0] * 20, {10: "0,2"}, "0,0"), columns)
    assert bars["adj_close"].to_list() == [50.0] * 20 and bars["split_ratio"].unique().to_list() == [1.0]


@pytest.mark.parametrize(
    ("prices", "adjusted", "expected"),
    [
        # Raw prices: 100 / 1.05 x 1.06 = 100.952; the adjusted past is 100 / 1.05 = 95.238.
        ((100.0, 100.952), (95.238, 100.952), 1.05),
        # Prices that are adjusted already, and fell by 6 %: the adjusted close is the close.
        ((100.0, 94.0), (100.0, 94.0), 1.0),
        # Old shares for new ones: 1.05 stands for 0.95238, the past is 105.
        ((100.0, 99.0), (105.0, 99.0), 1 / 1.05),
        # An adjusted close that adjusts for nothing, and a price that halves all the same.
        ((100.0, 50.0), (100.0, 50.0), 2.0),
    ],
)
def test_the_adjusted_close_tells_of_a_small_split_whatever_the_market_did(
    prices: tuple[float, float], adjusted: tuple[float, float], expected: float
) -> None:
    stated = 2.0 if expected == 2.0 else 1.05
    raw = pl.DataFrame(
        {
            "symbol": "A",
            "session": DAYS[:2],
            "open": prices,
            "close": prices,
            "adj_close": adjusted,
            "cash_dividend": [0.0, 0.0],
            "split_ratio": [1.0, stated],
        }
    )
    found = with_stated(NO_ACTIONS, raw)
    assert found["split_ratio"].to_list() == ([] if expected == 1.0 else [pytest.approx(expected)])


def test_a_dividend_of_a_column_is_adjusted_for(tmp_path: Path) -> None:
    """1.00 on a close of 100: F = 1 / (1 - 1/100) = 1.0101...; the adjusted close stays at 100."""
    bars = stage(tmp_path, lines([100.0] * 10 + [99.0] * 10, {10: "1.00"}, "0"), "dividend")
    assert bars["cash_dividend"].to_list() == [0.0] * 10 + [1.0] + [0.0] * 9
    assert bars["adj_close"].to_list() == pytest.approx([100.0] * 20)
    assert bars["forward_factor"][-1] == pytest.approx(1 / 0.99)


def test_stated_actions_go_before_inferred_ones_and_are_compared(tmp_path: Path) -> None:
    """The adjusted close tells of 1.00 on two days; the column states 1.00 on the first, 2.00 on the second."""
    closes = [100.13] * 10 + [99.13] * 5 + [98.13] * 5
    factor = [(1 - 1 / 100.13) * (1 - 1 / 99.13)] * 10 + [1 - 1 / 99.13] * 5 + [1.0] * 5
    rows = lines(closes, {10: "1.0", 15: "2.0"}, "0.0")
    rows = [f"{row},{close * part:.6f}" for row, close, part in zip(rows, closes, factor, strict=True)]
    write(tmp_path, *rows, name="prices/a.csv", header=f"{HEADER},divCash,adjClose")
    actions = run(experiment(tmp_path, **source())).read(CORPORATE_ACTIONS)
    assert actions.select("session", "cash_dividend", "recorded_dividend", "agrees").rows() == [
        (DAYS[10], 1.0, 1.0, True), (DAYS[15], 2.0, 2.0, False),
    ]  # fmt: skip
    assert actions["inferred_dividend"].to_list() == pytest.approx([1.0, 1.0], abs=1e-3)


def test_a_file_of_actions_decides_where_it_has_a_session(tmp_path: Path) -> None:
    (tmp_path / "actions.csv").write_text(f"symbol,session,cash_dividend\nA,{EX},0.5\n")
    rows = lines([100.0] * 20, {10: "1.0", 12: "0.25"}, "0")
    bars = stage(tmp_path, rows, "dividend", actions="actions.csv")
    assert bars.filter(pl.col("cash_dividend") > 0).select("session", "cash_dividend").rows() == [
        (EX, 0.5), (DAYS[12], 0.25),
    ]  # fmt: skip


def test_rows_of_dividends_and_splits_in_place_of_prices(tmp_path: Path) -> None:
    """As Yahoo's pages have them; two dividends of a day are paid both: 0.2 + 0.3."""
    rows = [line.removesuffix(",") for line in lines(HALVED, {}, "")]
    rows += [f"A,{EX},2:1 Stock Splits,,,,", f"A,{DAYS[5]},0.20 Dividend,,,,", f"A,{DAYS[5]},$0.30 Dividend,,,,"]
    write(tmp_path, *rows, name="prices/a.csv", header=HEADER)
    warehouse = run(experiment(tmp_path, **source()))
    assert warehouse.read(CORPORATE_ACTIONS).select("session", "split_ratio", "cash_dividend").rows() == [
        (DAYS[5], 1.0, 0.5), (EX, 2.0, 0.0),
    ]  # fmt: skip
    assert warehouse.read(BARS).height == 20 and warehouse.read(QUARANTINE).is_empty()


def test_what_overlapping_files_repeat_is_one_dividend(tmp_path: Path) -> None:
    """Two files of the same month, each with the bars and the row of 0.2: paid once, and every bar is a sound copy."""
    rows = [line.removesuffix(",") for line in lines([100.0] * 20, {}, "")]
    rows.append(f"A,{DAYS[5]},0.20 Dividend,,,,")
    for name in ("a", "b"):
        write(tmp_path, *rows, name=f"prices/{name}.csv", header=HEADER)
    warehouse = run(experiment(tmp_path, **source()))
    assert warehouse.read(CORPORATE_ACTIONS).select("session", "cash_dividend").rows() == [(DAYS[5], 0.2)]
    assert warehouse.read(BARS).height == 20
    assert warehouse.read(QUARANTINE).is_empty()


def test_a_dividend_between_bars_goes_ex_at_the_next_one(tmp_path: Path) -> None:
    """The row of the dividend stands alone, on a session without a bar: its action is used, its row quarantined."""
    rows = [line.removesuffix(",") for line in lines([100.0] * 20, {}, "")]
    rows[10] = f"A,{EX},0.5 Dividend,,,,"
    write(tmp_path, *rows, name="prices/a.csv", header=HEADER)
    warehouse = run(experiment(tmp_path, **source()))
    assert warehouse.read(BARS).filter(pl.col("cash_dividend") > 0)["session"].to_list() == [DAYS[11]]
    assert warehouse.read(QUARANTINE)["reasons"].to_list() == [["null_price"]]


@pytest.mark.slow
def test_months_give_what_the_whole_range_gives(tmp_path: Path) -> None:
    days = [
        day for month in (1, 2, 3) for day in (dt.date(2024, month, number) for number in (4, 5, 8, 11, 12, 13, 14))
    ]
    days = [day for day in days if day.weekday() < 5]
    rows = lines([100.0] * 8 + [50.0] * (len(days) - 8), {8: "0,2", 3: "0.5,1", len(days) - 2: "0.1,1"}, "0,1", days)
    tables = []
    for name, spans in (("whole", [(MONTHS[0][0], MONTHS[2][1])]), ("months", MONTHS)):
        write(tmp_path / name, *rows, name="prices/a.csv", header=f"{HEADER},dividend,split")
        configuration = experiment(tmp_path / name, **source())
        for span in spans:
            warehouse = run(configuration, span)
        tables.append((warehouse.read(BARS), warehouse.read(CORPORATE_ACTIONS)))
    assert tables[0][0].equals(tables[1][0]) and tables[0][1].equals(tables[1][1])
    assert tables[0][1].height == 3


def test_columns_are_configurable(tmp_path: Path) -> None:
    rows = lines(HALVED, {5: "30,1", 10: "0,2"}, "0,1")
    columns = {"cash_dividend": "Paid", "split_ratio": "Ratio"}
    write(tmp_path, *rows, header=f"{HEADER},Paid,Ratio")
    bars = load(tmp_path, columns=columns, price_scale=0.01)
    assert bars["cash_dividend"][5] == pytest.approx(0.3) and bars["split_ratio"][10] == 2, "pence as the prices are"
    unnamed = load(tmp_path)
    assert unnamed["cash_dividend"].null_count() == unnamed["split_ratio"].null_count() == 20


@pytest.mark.parametrize(
    ("column", "cell", "what"),
    [("dividend", "0.92", "a cash dividend on 20 of 20 rows"), ("split_factor", "0.25", "a split on 20 of 20 rows")],
)
def test_a_rate_or_a_cumulative_factor_is_no_action(tmp_path: Path, column: str, cell: str, what: str) -> None:
    ours = "cash_dividend" if column == "dividend" else "split_ratio"
    write(tmp_path, *lines([100.0] * 20, {}, cell), header=f"{HEADER},{column}")
    with pytest.raises(SourceError, match=what) as caught:
        load(tmp_path)
    assert f'`columns: {{{ours}: ""}}`' in str(caught.value)
    assert load(tmp_path, columns={ours: ""}).height == 20


@pytest.mark.parametrize(
    ("cell", "ratio"),
    [("2", 2.0), ("2:1", 2.0), ("3/2", 1.5), ("7-for-1", 7.0), ("1:10", 0.1), ("4:1 Stock Splits", 4.0), ("", None)],
)
def test_ratios(cell: str, ratio: float | None) -> None:
    assert to_ratios(pl.Series([cell, "1"]), decimal=".", thousands="").to_list() == [ratio, 1.0]


def test_what_is_stated_is_known_at_the_open() -> None:
    """Prices after the ex-session change nothing: the ratio is believed by the close before and the open."""
    bars = {"symbol": ["A"] * 3, "session": DAYS[:3], "open": [10.0, 5.0, 9.0], "close": [10.0, 5.0, 9.0]}
    raw = pl.DataFrame(bars).with_columns(
        adj_close=pl.lit(None, pl.Float64), cash_dividend=0.0, split_ratio=pl.Series([1.0, 2.0, 1.0])
    )
    expected = [("A", DAYS[1], 2.0, 0.0)]
    assert with_stated(NO_ACTIONS, raw).rows() == with_stated(NO_ACTIONS, raw.head(2)).rows() == expected
