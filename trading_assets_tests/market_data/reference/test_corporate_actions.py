"""Splits and dividends on record: read, put to bars, used before inferred ones, and compared with them."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.market_data.adjustment import adjust
from trading_assets.market_data.checks import build_checks
from trading_assets.market_data.reference.corporate_actions import NO_ACTIONS, at_bars, compared, read_actions
from trading_assets.market_data.reference.files import ReferenceError
from trading_assets.market_data.tables import BARS, CORPORATE_ACTIONS
from trading_assets_tests.market_data.experiments import deliver, experiment, run
from trading_assets_tests.market_data.markets import SESSIONS, path

EQUITY_FILES = {"source": "files", "asset_class": "equity", "path": "prices/*.csv"}


def actions(*rows: tuple[str, dt.date, float, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NO_ACTIONS.schema, orient="row").sort("symbol", "session")


def test_a_table_of_actions(tmp_path: Path) -> None:
    (tmp_path / "actions.csv").write_text(
        "Session, symbol ,split_ratio,cash_dividend,note\n"
        "2024-01-05,A,2,,two for one\n2024-01-05,A,,0.25,\n2024-01-09,B,,1.5,\n2024-01-09,A,0.05,,\n"
    )
    assert read_actions("actions.csv", tmp_path).rows() == [
        ("A", dt.date(2024, 1, 5), 2.0, 0.25),
        ("A", dt.date(2024, 1, 9), 0.05, 0.0),
        ("B", dt.date(2024, 1, 9), 1.0, 1.5),
    ]


def test_factor_files_of_lean(tmp_path: Path) -> None:
    """Apple's split of 2005 and its first dividend of 2012, 2.65 on a close of 619.86, printed with seven decimals."""
    kept = 1 - 2.65 / 619.86
    (tmp_path / "aapl.csv").write_text(
        f"19980102,{0.9 * kept:.7f},0.0178571,1\n20050225,{0.9 * kept:.7f},0.0178571,88.97\n"
        f"20120808,{0.9 * kept:.7f},0.0357143,619.86\n20210204,0.9000000,0.0357143,137.39\n20501231,1,0.0357143,0\n"
    )
    found = read_actions("*.csv", tmp_path)
    assert found.select("symbol", "session", "split_ratio").rows() == [
        ("aapl", dt.date(2005, 2, 26), 2.0),
        ("aapl", dt.date(2012, 8, 9), 1.0),
        ("aapl", dt.date(2021, 2, 5), 1.0),
    ]
    assert found["cash_dividend"].to_list() == pytest.approx([0.0, 2.65, 13.739], abs=1e-4)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("symbol,split_ratio\nA,2\n", "no column 'session'"),
        ("symbol,session,split_ratio\nA,2024-01-05,two\n", "wrong 'split_ratio'"),
        ("symbol,session,split_ratio\nA,2024-01-05,0\n", "a ratio above 0"),
        ("symbol,session,cash_dividend\nA,2024-01-05,-1\n", "an amount of 0 or more"),
        ("symbol,session,cash_dividend\nA,05.01.2024,1\n", "wrong 'session'"),
        ("symbol,session,cash_dividend\n,2024-01-05,1\n", "wrong 'symbol'"),
        ("20240105,x,1,100\n", "wrong 'price'"),
        ("20240105,1,0,100\n", "wrong 'split factor'"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "actions.csv").write_text(text)
    with pytest.raises(ReferenceError, match=what) as caught:
        read_actions("actions.csv", tmp_path)
    assert str(tmp_path / "actions.csv") in str(caught.value)
    with pytest.raises(ReferenceError, match="no file matches 'none"):
        read_actions("none*.csv", tmp_path)


def test_an_action_belongs_to_the_first_bar_on_or_after_its_session() -> None:
    bars = path([100.0] * 10).filter(~pl.col("session").is_in([SESSIONS[4], SESSIONS[5]]))
    found = at_bars(
        bars,
        actions(
            ("AAA", SESSIONS[0], 3.0, 0.0),  # over before the first bar closed
            ("AAA", SESSIONS[2], 2.0, 0.5),
            ("AAA", SESSIONS[4], 2.0, 0.0),  # in the hole: both go ex with the bar after it
            ("AAA", SESSIONS[6], 1.5, 0.1),
            ("AAA", SESSIONS[40], 7.0, 0.0),  # later than all bars
            ("BBB", SESSIONS[2], 5.0, 0.0),
        ),
    )
    held = found.drop_nulls("recorded_split").select("session", "recorded_split", "recorded_dividend").rows()
    assert held == [(SESSIONS[2], 2.0, 0.5), (SESSIONS[6], 3.0, 0.1)]


def test_the_forward_factor_of_recorded_actions() -> None:
    """A dividend of 1 on 100, then two for one: what 1 share becomes if dividends buy shares at the last close."""
    bars = path([100.0, 99.0, 49.5, 50.0])
    found = adjust(bars, 0.2, actions(("AAA", SESSIONS[1], 1.0, 1.0), ("AAA", SESSIONS[2], 2.0, 0.0)))
    assert found["forward_factor"].to_list() == pytest.approx([1.0, 1 / 0.99, 2 / 0.99, 2 / 0.99], rel=1e-15)
    assert found["adj_close"].to_list() == pytest.approx([100.0, 100.0, 100.0, 100.0 * 50 / 49.5], rel=1e-15)


def test_a_record_is_used_before_what_is_inferred() -> None:
    """The source's adjusted close knows another dividend: the record holds, and the table says that they differ."""
    adjusted = [98.245, 98.13, 98.13]  # as if two percent had been paid
    bars = path([100.25, 98.13, 98.13]).with_columns(adj_close=pl.Series(adjusted))
    record = actions(("AAA", SESSIONS[1], 1.0, 0.5))
    found = adjust(bars, 0.2, record)
    assert found["cash_dividend"].to_list() == [0.0, 0.5, 0.0]
    table = compared(found, record).select(
        "session", "cash_dividend", "recorded_dividend", "inferred_dividend", "agrees"
    )
    assert table.rows() == [(SESSIONS[1], 0.5, 0.5, pytest.approx(2.005, abs=1e-9), False)]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[float], list[tuple[int, float, float]]]:
    closes = [float(value) for value in draw(st.lists(st.integers(50, 200), min_size=12, max_size=12))]
    days = draw(st.lists(st.integers(1, 11), max_size=4, unique=True))
    return closes, [
        (day, draw(st.sampled_from([1.0, 1.0, 2.0, 3.0, 0.1])), draw(st.sampled_from([0.25, 0.5, 1.0]))) for day in days
    ]


@given(histories())
@settings(max_examples=60)
def test_record_and_adjusted_close_of_the_same_actions_agree(
    history: tuple[list[float], list[tuple[int, float, float]]],
) -> None:
    """A source that knows the actions, and a file that lists them, give one forward factor and no difference."""
    closes, listed = history
    factor = [1.0] * len(closes)
    for day, split, dividend in listed:
        for earlier in range(day):
            factor[earlier] *= (1 - dividend / closes[day - 1]) / split
    bars = path(closes)
    with_adjusted = bars.with_columns(adj_close=pl.Series([c * f for c, f in zip(closes, factor, strict=True)]))
    record = actions(*(("AAA", SESSIONS[day], split, dividend) for day, split, dividend in listed))
    recorded = adjust(bars, 0.2, record)
    for day, split, dividend in listed:
        assert recorded.row(day, named=True)["split_ratio"] == split
        assert recorded.row(day, named=True)["cash_dividend"] == dividend
    # Backward and forward adjustment differ by one constant only.
    ratios = [
        forward * close / (close * backward)
        for forward, close, backward in zip(recorded["forward_factor"], closes, factor, strict=True)
    ]
    assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=1e-12)
    both = compared(adjust(with_adjusted, 0.2, record), record)
    assert both["agrees"].to_list() == [True] * len(listed)


def test_a_split_on_record_through_the_stage(tmp_path: Path) -> None:
    closes = [100.0 + n % 3 for n in range(30)] + [(100.0 + n % 3) / 3 for n in range(30)]
    deliver(tmp_path, path(closes))
    without = run(experiment(tmp_path / "without", market_data=[{**EQUITY_FILES, "path": "../prices/*.csv"}]))
    flags = without.read(BARS, where="session = ?", parameters=[SESSIONS[30]])["flags"].to_list()
    assert flags == [["extreme_move", "split_suspect", "gap_event"]]
    (tmp_path / "splits.csv").write_text(f"symbol,session,split_ratio\nAAA,{SESSIONS[30]},3\n")
    warehouse = run(experiment(tmp_path, market_data=[{**EQUITY_FILES, "actions": "splits.csv"}]))
    row = warehouse.read(BARS, where="session = ?", parameters=[SESSIONS[30]]).row(0, named=True)
    assert (row["flags"], row["split_ratio"], row["forward_factor"]) == ([], 3.0, 3.0)
    table = warehouse.read(CORPORATE_ACTIONS)
    assert table.select("symbol", "session", "split_ratio", "inferred_split", "agrees").rows() == [
        ("AAA", SESSIONS[30], 3.0, None, None)
    ]


@pytest.mark.parametrize(
    ("after", "stated", "used", "said"),
    [
        (2.0, 4.5, 0.0, True),  # pence on a price in pounds: more than the price
        (2.0, 1.2, 1.2, True),  # 0.012 pounds on 2.00: more than half of it, and nothing went down
        (0.9, 1.2, 1.2, False),  # paid out indeed: 2.00 - 0.9 = 1.1 is more than half of 1.2
        (2.0, 0.9, 0.9, False),
    ],
)
def test_a_large_dividend_that_prices_do_not_follow_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, after: float, stated: float, used: float, said: bool
) -> None:
    deliver(tmp_path, path([2.01, 2.0, after, after]))
    (tmp_path / "dividends.csv").write_text(f"symbol,session,cash_dividend\nAAA,{SESSIONS[2]},{stated}\n")
    with caplog.at_level(logging.WARNING):
        warehouse = run(experiment(tmp_path, market_data=[{**EQUITY_FILES, "actions": "dividends.csv"}]))
    assert warehouse.read(BARS).sort("session")["cash_dividend"].to_list() == [0.0, 0.0, used, 0.0]
    named = f"the first {stated} of AAA on {SESSIONS[2]} after a close of 2: in another unit?"
    assert (named in "\n".join(caplog.messages)) is said


def test_a_record_that_differs_is_shown(tmp_path: Path) -> None:
    bars = path([100.25, 98.13, 98.13]).with_columns(adj_close=pl.Series([98.245, 98.13, 98.13]))
    deliver(tmp_path, bars)
    (tmp_path / "splits.csv").write_text(f"symbol,session,cash_dividend\nAAA,{SESSIONS[1]},0.5\n")
    configuration = experiment(tmp_path, market_data=[{**EQUITY_FILES, "actions": "splits.csv"}])
    run(configuration)
    check = next(check for check in build_checks(configuration) if "recorded" in check.check_key.name)
    result = check()
    assert isinstance(result, dg.AssetCheckResult)
    assert not result.passed
    shown = f"- AAA on {SESSIONS[1]}: recorded 1 for 1 and 0.5, inferred 1 and 2.005"
    assert result.metadata["first"].value == shown
