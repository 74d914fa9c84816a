"""The section of trades: how they ended, why candidates were not bought, and what is open."""

from __future__ import annotations

from typing import Any

import polars as pl

from trading_assets import charts
from trading_assets.reports.html_table import HtmlTable, grid, percent, price
from trading_assets.reports.strategy_page.breakdown import money
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.section import Section
from trading_assets.reports.strategy_page.trade_bars import held_by_month, told_trades

SHOWN_TRADES = 100
#: Symbols of the picture of holdings: those that were held longest.
SHOWN_SYMBOLS = 20
_PRICES = dict.fromkeys(("entry_price", "exit_price", "stop_price"), price)


def trades_section(content: StrategyContent) -> Section:
    """Return round trips of the continuous run, what became of its candidates, and how what is open would be left."""
    run = pl.col("split") == content.longest_split
    trades = content.trades.filter(run)
    shown = last_trades(trades)
    plan = content.liquidation_plan.filter(run)
    return Section(
        anchor="trades",
        title="Trades",
        stage="backtests",
        charts=_distributions(trades),
        side_by_side=True,
        text=f"{trades.height} round trips in the continuous run; {content.open_positions.height} positions or orders "
        "were open at the ends of the runs. `trading-assets explain` with a trade id tells its story, from the bars "
        "as received to the profit."
        if not trades.is_empty()
        else "No trade: no signal passed every test.",
        tables=[
            grid(
                exit_reasons(trades).with_columns(_in_words("exit_reason")),
                formats={"pnl": money},
                heads={"pnl": "profit", "mean_r": "mean, R", "mean_hold": "mean sessions held"},
                caption="Why positions were left",
            ),
            grid(
                rejections(content.decisions.filter(run)).with_columns(_in_words("reason")),
                formats={"share": percent},
                caption="Why candidates were rejected",
            ),
            *([liquidation(plan)] if not plan.is_empty() else []),
        ],
        folded_title=f"The last {shown.height} trades",
        folded_tables=[grid(shown, formats=_PRICES)],
        files=[f"{content.name}_{table}.csv" for table in ("trades", "fills", "orders", "decisions")],
    )


def trade_bars_section(content: StrategyContent) -> Section:
    """Return what was held when, how far trades fell before they ended, and three of them on their bars."""
    trades = content.trades.filter(pl.col("split") == content.longest_split)
    months = held_by_month(trades, content.equity.filter(split=content.longest_split)["session"], SHOWN_SYMBOLS)
    told = trades.filter(pl.col("trade_id").is_in(content.candles["trade_id"].unique().to_list()))
    by_id = {row["trade_id"]: row for row in told.iter_rows(named=True)}
    drawn = [
        _on_bars(content.candles.filter(trade_id=identifier), by_id[identifier], words)
        for identifier, words in told_trades(trades).items()
        if identifier in by_id
    ]
    return Section(
        anchor="holdings",
        title="Holdings, and trades on their bars",
        stage="backtests",
        text="How low a trade stood before it ended says what a tighter stop would have cost: winners that stood deep "
        "in loss would have been cut."
        if not trades.is_empty()
        else "",
        charts=[
            *([charts.holdings(months)] if not months.is_empty() else []),
            *([charts.excursions(content.excursions)] if not content.excursions.is_empty() else []),
            *drawn,
        ],
        files=[f"{content.name}_excursions.csv"],
    )


def _on_bars(bars: pl.DataFrame, trade: dict[str, object], words: str) -> Any:
    """An exit after a split, in the prices of the entry."""
    factor = bars.filter(session=trade["exit_session"])["factor"]
    exit_price = float(trade["exit_price"]) * float(factor[0] if factor.len() else 1.0)  # type: ignore[arg-type]
    title = f"{words}: {trade['symbol']}, {trade['pnl']:+,.0f}"
    return charts.trade_on_bars(bars, {**trade, "exit_price": exit_price}, title)


def _distributions(trades: pl.DataFrame) -> list[Any]:
    drawn = (
        ("r_multiple", "Profit of trades, R", "in units of what was at risk at the entry"),
        ("hold_sessions", "Sessions held", "sessions"),
        ("pnl", "Profit of trades", "quote currency"),
    )
    return [
        charts.distribution(trades[column].drop_nulls(), title, unit)
        for column, title, unit in drawn
        if trades[column].drop_nulls().len()
    ]


def _in_words(column: str) -> pl.Expr:
    return pl.col(column).str.replace_all("_", " ")


def exit_reasons(trades: pl.DataFrame) -> pl.DataFrame:
    """Return trades by exit reason, most frequent first."""
    return (
        trades.group_by("exit_reason")
        .agg(
            pl.len().cast(pl.Int64).alias("trades"),
            pl.col("pnl").sum(),
            pl.col("r_multiple").mean().alias("mean_r"),
            pl.col("hold_sessions").mean().alias("mean_hold"),
        )
        .sort("trades", "exit_reason", descending=[True, False])
    )


def rejections(decisions: pl.DataFrame) -> pl.DataFrame:
    """Return rejected candidates by reason, most frequent first, with their share of all candidates."""
    candidates = decisions.filter(pl.col("decision").is_in(["enter", "reject"]), moment="close").height
    return (
        decisions.filter(decision="reject")
        .group_by("reason", "moment")
        .agg(pl.len().cast(pl.Int64).alias("candidates"))
        .with_columns(share=pl.col("candidates") / max(1, candidates))
        .sort("candidates", "reason", "moment", descending=[True, False, False])
        .select(
            pl.when(moment="open")
            .then(pl.format("{} (order at the open)", "reason"))
            .otherwise("reason")
            .alias("reason"),
            "candidates",
            "share",
        )
    )


def last_trades(trades: pl.DataFrame) -> pl.DataFrame:
    """Return the last trades by entry, the two legs of a pair one below the other; columns that say something."""
    opened = pl.col("entry_session").min().over(pl.coalesce("pair_id", "trade_id"), "entry_session")
    shown = (
        trades.sort(opened, pl.col("pair_id").fill_null(""), "symbol", "trade_id")
        .tail(SHOWN_TRADES)
        .select(
            "trade_id",
            "pair_id",
            "symbol",
            "side",
            "entry_session",
            "entry_price",
            "quantity",
            "stop_price",
            "exit_session",
            "exit_price",
            "exit_reason",
            "borrow_cost",
            "pnl",
            "r_multiple",
            "hold_sessions",
        )
    )
    silent = [name for name in ("pair_id", "stop_price") if shown[name].null_count() == shown.height]
    silent += ["borrow_cost"] if not (shown["borrow_cost"] > 0).any() else []
    silent += ["side"] if set(shown["side"]) <= {"long"} else []
    return shown.drop(silent)


def liquidation(plan: pl.DataFrame) -> HtmlTable:
    """Return what is open, most urgent first: slices, sessions and cost of leaving it; shorts are bought back."""
    rows = (
        plan.group_by("rank", "symbol", "pair_id", "side", "reason", "drawdown", "unrealised_r", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("slices"),
            pl.col("session_offset").max().alias("sessions"),
            pl.col("quantity", "notional", "expected_cost").sum(),
            pl.col("expected_slippage_bps").mean(),
        )
        .sort("rank")
        .select(
            "rank",
            "symbol",
            "pair_id",
            "side",
            "quantity",
            "notional",
            "slices",
            "sessions",
            "expected_slippage_bps",
            "expected_cost",
            "reason",
            "drawdown",
            "unrealised_r",
        )
    )
    silent = ["pair_id"] if rows["pair_id"].null_count() == rows.height else []
    return grid(rows.drop(silent), formats={"drawdown": percent}, caption="If it had to be left: most urgent first")
