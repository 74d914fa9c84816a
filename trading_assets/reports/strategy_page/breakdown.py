"""When the result was made, as tables: kinds of months, drawdowns, what is left without the best."""

from __future__ import annotations

import polars as pl

from trading_assets.reports.html_table import Cell, Format, Head, HtmlTable, number, percent
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.robustness.performance_breakdown import DEEP, HOLDINGS, MONTHS, ONE_BET, SESSIONS, TRADES
from trading_assets.robustness.stress.benchmark_months import DOWN, FLAT, UP


def money(value: float) -> str:
    """Return an amount, without cents."""
    return f"{value:,.0f}"


ORDER = (UP, FLAT, DOWN, "all")
#: Topic -> caption, and its statistics with their heads.
SHOWN: dict[str, tuple[str, dict[str, tuple[str, Format]]]] = {
    MONTHS: (
        "Months by the benchmark: means of a month",
        {
            "months": ("months", number),
            "benchmark_return": ("benchmark", percent),
            "mean_return": ("strategy", percent),
            "total_return": ("in all", percent),
            "sharpe": ("Sharpe", number),
            "positive_months": ("with a gain", percent),
            "worst_month": ("worst", percent),
            "max_drawdown": ("drawdown", percent),
        },
    ),
    TRADES: (
        "The best trades",
        {
            "trades": ("trades", number),
            "profit": ("profit", money),
            "expectancy_r": ("expectancy, R", number),
            "profit_factor": ("profit factor", number),
            "win_rate": ("win rate", percent),
        },
    ),
    SESSIONS: ("The best sessions", {"total_return": ("return", percent), "sharpe": ("Sharpe", number)}),
    HOLDINGS: (
        "Correlation of what is held",
        {"sessions": ("sessions", number), "mean_correlation": ("mean pairwise correlation", number)},
    ),
}


def breakdown_tables(content: StrategyContent, split: str) -> list[HtmlTable]:
    """Return a table for each topic; those with nothing to say are left out."""
    rows = content.breakdown.filter(split=split)
    tables = [
        _table(rows.filter(topic=topic), statistics, f"{caption} ({split})")
        for topic, (caption, statistics) in SHOWN.items()
    ]
    return [table for table in tables if table.rows]


def spans(content: StrategyContent) -> list[str]:
    """Return the spans that there is a breakdown of: the holdout first, once it was looked at."""
    return content.breakdown["split"].unique().sort(descending=True).to_list()


def in_words(content: StrategyContent) -> str:
    """Return what stands out in the tables, as sentences; empty where nothing does."""
    sentences = []
    for split in spans(content):
        values = {
            (topic, condition, statistic): value
            for topic, condition, statistic, value in content.breakdown.filter(split=split)
            .select("topic", "condition", "statistic", "value")
            .iter_rows()
        }
        together = values.get((HOLDINGS, "drawdown", "mean_correlation"))
        if together is not None and together > ONE_BET:
            sentences.append(
                f"In drawdowns deeper than {percent(DEEP)} what is held moves as one ({split}): a mean correlation of "
                f"{number(together)}, above {number(ONE_BET)}."
            )
        share = values.get((TRADES, "all", "top_share"))
        if share is not None:
            sentences.append(f"The best twentieth of the trades earned {percent(share)} of the profit ({split}).")
        profits = {_left_out(key[1]): value or 0.0 for key, value in values.items() if key[::2] == (TRADES, "profit")}
        losses = [count for count, profit in profits.items() if profit < 0 < profits[0]]
        if losses:
            sentences.append(f"Without the best {min(losses)} trades the profit is a loss ({split}).")
    return " ".join(sentences)


def _place(condition: str) -> tuple[int, int, str]:
    """In the order that people read: up before down, all before less of it."""
    return (ORDER.index(condition) if condition in ORDER else len(ORDER), _left_out(condition), condition)


def _left_out(condition: str) -> int:
    last = condition.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


def _table(rows: pl.DataFrame, statistics: dict[str, tuple[str, Format]], caption: str) -> HtmlTable:
    values = {
        (condition, statistic): value
        for condition, statistic, value in rows.select("condition", "statistic", "value").iter_rows()
    }
    lines = []
    for condition in sorted(rows["condition"].unique().to_list(), key=_place):
        cells = [Cell(condition)]
        for statistic, (_, form) in statistics.items():
            value = values.get((condition, statistic))
            cells.append(Cell("–", "unknown") if value is None else Cell(form(value), "number"))
        lines.append(cells)
    heads = [Head(""), *(Head(words, number=True) for words, _ in statistics.values())]
    return HtmlTable(heads, lines, caption)
