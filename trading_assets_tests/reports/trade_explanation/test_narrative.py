"""The story of one trade, from tables worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from trading_assets.backtests.tables import DECISIONS, FILLS, OPEN_POSITIONS, ORDERS, TRADES
from trading_assets.config import Configuration
from trading_assets.features.tables import DAILY, INDICATORS
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, RAW_BARS, SESSIONS
from trading_assets.models.tables import EXPLANATIONS, FOLDS, PREDICTIONS
from trading_assets.reports.trade_explanation.audit_trail import UnknownTradeError, read_evidence
from trading_assets.reports.trade_explanation.cash_flows import cash_flows
from trading_assets.reports.trade_explanation.narrative import NarrativeSection, narrative
from trading_assets.strategies.tables import SIGNALS
from trading_assets.warehouse import Warehouse, Whole
from trading_assets_tests.asset_factories.test_sql_assets import some
from trading_assets_tests.backtests.frames import weekdays

DAYS = weekdays(12)
RUN = {"strategy": "breakout", "split": "full"}


@pytest.fixture
def world(tmp_path: Path) -> tuple[Warehouse, Configuration]:
    """A trade of 151 shares: a 3-for-2 split, a dividend, a missing and a quarantined session, a late exit fill."""
    from trading_assets_tests.backtests.frames import loaded

    configuration = loaded(tmp_path)
    warehouse = Warehouse(configuration.warehouse_path)
    count = len(DAYS)
    bars = some(
        BARS,
        symbol=["AAA"] * count,
        session=DAYS,
        open=[100.0, 101.0, 102.0, 68.0, *[70.0] * 8],
        close=[100.0, 101.0, 102.0, 68.5, *[70.0] * 8],
        split_ratio=[1.0, 1.0, 1.0, 1.5, *[1.0] * 8],
        cash_dividend=[0.0] * 4 + [0.5] + [0.0] * 7,
        forward_factor=[1.0] * count,
        adj_close=[100.0] * count,
        flags=[[]] * count,
    ).filter(~pl.col("session").is_in([DAYS[5], DAYS[6]]))
    raw = some(
        RAW_BARS,
        symbol=["AAA"] * count,
        session=DAYS,
        occurrence=[1] * count,
        source_file=["prices/AAA.csv"] * count,
        source_line=list(range(2, count + 2)),
    )
    run = {name: [value] * 2 for name, value in RUN.items()}
    enter, leave = "breakout-all-20010101-AAA-enter", "breakout-all-20010110-AAA-exit"
    numbers = {"score": 0.9, "equity": 100_000.0, "cash": 90_000.0, "gross_room": 40_000.0, "risk_multiplier": 1.0}
    decisions = pl.concat(
        [
            some(
                DECISIONS,
                **run,
                decision_id=[enter, leave],
                session=[DAYS[0], DAYS[7]],
                symbol=["AAA"] * 2,
                decision=["enter", "exit"],
                moment=["close"] * 2,
                reason=["fast", "ma_cross"],
                model=["forward_return", None],
                capacity_limit=[25_000.0, None],
                quantity=[151.0, 226.0],
                notional=[15_100.0, 15_820.0],
                portfolio_correlation=[0.5, None],
                stop_price=[None, 65.0],
                **{name: [value, None] for name, value in numbers.items()},
            ),
            some(
                DECISIONS,
                **run,
                decision_id=["breakout-all-20010101-BBB-reject", "breakout-all-20010101-CCC-reject"],
                session=[DAYS[0]] * 2,
                symbol=["BBB", "CCC"],
                decision=["reject"] * 2,
                moment=["close"] * 2,
                reason=["capacity", "eligibility"],
                score=[0.7, None],
            ),
            some(
                DECISIONS,
                **run,
                decision_id=["breakout-all-20010105-AAA-hold", "breakout-all-20010104-AAA-hold"],
                session=[DAYS[4], DAYS[3]],
                symbol=["AAA"] * 2,
                decision=["hold"] * 2,
                moment=["close"] * 2,
                reason=["stop_raised", "already_held"],
                stop_price=[65.0, None],
            ),
        ]
    )
    orders = {
        "order_id": ["o1", "o2"],
        "decision_id": [enter, leave],
        "side": ["buy", "sell"],
        "symbol": ["AAA"] * 2,
        "quantity": [151.0, 226.0],
        "decision_session": [DAYS[0], DAYS[7]],
        "status": ["filled"] * 2,
    }
    fills = {
        "fill_id": ["o1-1", "o2-1"],
        "order_id": ["o1", "o2"],
        "trade_id": ["breakout-all-AAA-20010102"] * 2,
        "side": ["buy", "sell"],
        "symbol": ["AAA"] * 2,
        "session": [DAYS[1], DAYS[9]],
        "quantity": [151.0, 226.0],
        "raw_price": [101.0, 70.0],
        "price": [101.2, 69.9],
        "fee": [1.5, 1.6],
        "slippage_bps": [19.8, 14.0],
        "mean_slippage_bps": [10.0, 12.0],
        "reason": ["fast", "ma_cross"],
    }
    pnl = -151 * 101.2 + 226 * 69.9 - 3.1 + 0.5 * 68.0 + 226 * 0.5
    one = {name: [value] for name, value in RUN.items()}
    trade = some(
        TRADES,
        **one,
        trade_id=["breakout-all-AAA-20010102"],
        symbol=["AAA"],
        entry_session=[DAYS[1]],
        exit_session=[DAYS[9]],
        exit_reason=["ma_cross"],
        exit_price=[69.9],
        stop_price=[64.0],
        pnl=[pnl],
        hold_sessions=[6],
        r_multiple=[0.25],
        borrow_cost=[0.0],
    ).with_columns(pl.lit(pnl / 15_281.2).alias("return"))
    day = {"symbol": ["AAA"], "session": [DAYS[0]]}
    warehouse.replace(
        Whole(),
        {
            BARS: bars,
            RAW_BARS: raw,
            SESSIONS: some(SESSIONS, calendar=["XNYS"] * count, session=DAYS),
            INSTRUMENTS: some(INSTRUMENTS, symbol=["AAA"], asset_class=["equity"], calendar=["XNYS"]),
            QUARANTINE: some(QUARANTINE, symbol=["AAA"], session=[DAYS[6]], occurrence=[1], reasons=[["invalid_ohlc"]]),
            INDICATORS: some(INDICATORS, **day, atr_14=[2.0], ma_20=[95.5]),
            SIGNALS: some(SIGNALS, strategy=["breakout"], **day, action=["enter"], reason=["fast"], score=[2.25]),
            DECISIONS: decisions,
            ORDERS: some(ORDERS, **run, **orders),
            FILLS: some(FILLS, **run, **fills),
            TRADES: trade,
            PREDICTIONS: some(
                PREDICTIONS, model=["forward_return"], **day, version=["abc123"], fold=[3], score=[0.625]
            ),
            FOLDS: some(FOLDS, model=["forward_return"], fold=[3], train_rows=[1200]),
            EXPLANATIONS: some(EXPLANATIONS, model=["forward_return"], feature=["momentum"], value=[0.3]),
            DAILY: some(DAILY, **day).with_columns(momentum=0.125),
        },
    )
    return warehouse, configuration


def told(
    world: tuple[Warehouse, Configuration], trade_id: str = "breakout-all-AAA-20010102"
) -> dict[str, NarrativeSection]:
    sections = narrative(read_evidence(*world, trade_id))
    assert len({section.title for section in sections}) == len(sections)
    return {section.title: section for section in sections}


def test_the_money_adds_up_from_fills_and_corporate_actions_alone(world: tuple[Warehouse, Configuration]) -> None:
    evidence = read_evidence(*world, "breakout-all-AAA-20010102")
    flows = dict(cash_flows(evidence).iter_rows())
    assert flows == {
        "bought": pytest.approx(-151 * 101.2),
        "sold": pytest.approx(226 * 69.9),
        "fees": pytest.approx(-3.1),
        "fractions of a lot at splits": pytest.approx(34.0),  # 226.5 shares: half of one at the open of 68
        "dividends": pytest.approx(113.0),  # on the 226 of the evening before
    }
    assert evidence.trade is not None
    assert sum(flows.values()) == pytest.approx(evidence.trade["pnl"], abs=1e-9)
    table = told(world)["Profit and loss"].table
    assert table is not None and "not explained by these" not in table["item"]


def test_what_does_not_add_up_is_said(world: tuple[Warehouse, Configuration]) -> None:
    warehouse, _ = world
    warehouse.replace(Whole(), {TRADES: warehouse.read(TRADES).with_columns(pl.col("pnl") + 5)})
    table = told(world)["Profit and loss"].table
    assert table is not None
    assert dict(table.iter_rows())["not explained by these"] == "+5.00"


def test_every_chapter_has_its_numbers(world: tuple[Warehouse, Configuration]) -> None:
    sections = told(world)
    text = {title: "\n".join(section.lines) for title, section in sections.items()}
    assert "bought AAA on 2001-01-02 at 101.20" in text["breakout-all-AAA-20010102"]
    assert "+0.25 R" in text["breakout-all-AAA-20010102"]
    assert "signal of the strategy: fast, score 2.25" in text["Signal"]
    assert "forward_return gave 0.6250; version abc123, fold 3" in text["Model"]
    assert "candidates that session: 3, ordered: 1; the place in the queue is by score" in text["Choice"]
    assert "positions 0.50 (limit 0.70)" in text["Choice"]
    assert "stop 2.5 x ATR 2.00 = 5.00 below the fill" in text["Size"]
    assert "bought 151 at 101.20 = 101.00 + 19.80 bp (mean 10.00), to the tick; fee 1.50" in text["Entry"]
    assert "sold 226 at 69.90 = 70.00 - 14.00 bp (mean 12.00)" in text["Exit fills"]
    assert "close 70.00, stop 65.00" in text["Exit"]
    assert text["While it was held"].splitlines() == [
        f"{DAYS[3]}: split, 1.5 for 1: quantity, entry price and stop follow",
        f"{DAYS[4]}: dividend of 0.5 a unit: the stop is lowered by it",
        f"{DAYS[4]}: stop moved to 65.00",
        f"{DAYS[5]}: session missing (no bar received): marked at the last close, no stop update",
        f"{DAYS[6]}: session missing (invalid_ohlc): marked at the last close, no stop update",
    ]
    choice, size, bars, model = (sections[title].table for title in ("Choice", "Size", "Bars as received", "Model"))
    assert choice is not None and size is not None and bars is not None and model is not None
    assert choice["symbol"].to_list() == ["AAA", "BBB", "CCC"]
    assert choice["reason"].to_list() == ["fast", "capacity", "eligibility"]
    limits = dict(size.select("limit", "units").iter_rows())
    assert limits == pytest.approx(
        {"risk per trade": 150.0, "one position": 150.0, "gross exposure": 400.0, "liquidity": 250.0, "cash": 900.0}
    )
    assert bars["file and line"].to_list() == [f"prices/AAA.csv:{line}" for line in (2, 3, 9, 11)]
    assert model.rows() == [("momentum", 0.125, 0.3)]


def test_what_is_known_of_a_score_itself_is_told_in_place_of_what_is_usual(
    world: tuple[Warehouse, Configuration],
) -> None:
    """The five that moved it most, of seven."""
    evidence = read_evidence(*world, "breakout-all-AAA-20010102")
    parts = pl.DataFrame({"feature": list("abcdefg"), "value": [1.0] * 7, "contribution": [-0.7, 0.6, *[0.1] * 5]})
    [model] = [each for each in narrative(replace(evidence, contributions=parts)) if each.title == "Model"]
    assert model.table is not None
    assert model.table.columns == ["feature", "value then", "contribution"]
    assert model.table.rows()[:2] == [("a", 1.0, -0.7), ("b", 1.0, 0.6)]
    assert model.table.height == 5


def test_positions_that_trade_together_pay_for_one_order(world: tuple[Warehouse, Configuration]) -> None:
    """151 and 300 asked for at the open of 101: 451 x 101 = 45,551. Another day, side or run is another order."""
    assert "one order of" not in "\n".join(told(world)["Entry"].lines)
    warehouse, _ = world
    fills = warehouse.read(FILLS).with_columns(asked="quantity")
    beside = fills.head(1).with_columns(
        fill_id=pl.lit("o3-1"), trade_id=pl.lit("other"), quantity=pl.lit(250.0), asked=pl.lit(300.0)
    )
    elsewhere = [
        beside.with_columns(fill_id=pl.lit("o4-1"), side=pl.lit("sell")),
        beside.with_columns(fill_id=pl.lit("o5-1"), session=pl.lit(DAYS[2])),
        beside.with_columns(split=pl.lit("development")),
    ]
    warehouse.replace(Whole(), {FILLS: pl.concat([fills, beside, *elsewhere])})
    said = "with 1 more of this symbol one order of 451 units, 45,551.00 at that price: "
    sections = told(world)
    assert sections["Entry"].lines[-1].strip() == said + "slippage and impact are of that size"
    assert "one order of" not in "\n".join(sections["Exit fills"].lines)


def test_an_open_position_is_worth_its_mark(world: tuple[Warehouse, Configuration]) -> None:
    warehouse, _ = world
    first = warehouse.read(FILLS).head(1)
    held = -151 * 101.2 - 1.5 + 34.0 + 113.0 + 226 * 70.0
    position = some(
        OPEN_POSITIONS,
        **{name: [value] for name, value in RUN.items()},
        symbol=["AAA"],
        trade_id=["breakout-all-AAA-20010102"],
        last_price=[70.0],
        open_pnl=[held],
    )
    warehouse.replace(Whole(), {FILLS: first, TRADES: TRADES.empty(), OPEN_POSITIONS: position})
    sections = told(world)
    assert "still open at the end of the run" in sections["breakout-all-AAA-20010102"].lines
    assert "Exit" not in sections
    table = sections["Profit and loss"].table
    assert table is not None
    assert table.rows()[-1] == ("profit or loss so far", f"{held:+,.2f}")
    assert "not explained by these" not in table["item"]


def test_an_unknown_id_names_the_nearest(world: tuple[Warehouse, Configuration]) -> None:
    with pytest.raises(UnknownTradeError, match=r"nearest:\n    breakout-all-AAA-20010102\n"):
        told(world, "breakout-all-AAA-20010103")
