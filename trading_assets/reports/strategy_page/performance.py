"""The sections of what was earned: first against what one could have held, then over time."""

from __future__ import annotations

import polars as pl

from trading_assets import charts
from trading_assets.backtests.results.metrics import METRICS
from trading_assets.backtests.results.over_time import falls, rolling_year, yearly
from trading_assets.backtests.tables import DEVELOPMENT, SPLIT_NAMES
from trading_assets.reports.html_table import Cell, Head, HtmlTable, grid, number, percent
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.section import Section
from trading_assets.reports.strategy_page.words import MAIN_METRICS, metric_meaning, metric_words

FRACTIONS = (
    "total_return annual_return volatility max_drawdown max_drawdown_marked daily_loss_99 "
    "var_95 cvar_95 exposure win_rate turnover_cost alpha"
)
METRIC_FORMATS = dict.fromkeys(FRACTIONS.split(), percent)
SHOWN_FALLS = 8


def longest_run(content: StrategyContent) -> pl.DataFrame:
    """Return the continuous run over all splits: session, equity, drawdown, gross_exposure, daily_return."""
    return content.equity.filter(split=content.longest_split).sort("session")


def monthly(curve: pl.DataFrame) -> pl.DataFrame:
    """Return compounded returns by calendar month: year, month, return."""
    return (
        curve.group_by(pl.col("session").dt.year().alias("year"), pl.col("session").dt.month().alias("month"))
        .agg(((1 + pl.col("daily_return").fill_null(0)).product() - 1).alias("return"))
        .sort("year", "month")
    )


def development_bands(content: StrategyContent) -> pl.DataFrame:
    """Return the bands of the span that the chart's curve runs through from the same start."""
    return content.bands.filter(split=DEVELOPMENT).sort("session")


def equity_section(content: StrategyContent) -> Section:
    """Return the curve beside what one could have held instead."""
    curve = longest_run(content)
    earned = curve["interest"].sum() if "interest" in curve.columns else 0.0
    beside = (
        f" Cash of the baselines earns interest; the curve leaves out the {earned:,.0f} that its own cash made, which "
        "count in the Sharpe ratio."
    )
    return Section(
        anchor="equity",
        title="Against what one could have held instead",
        stage="backtests",
        text="One continuous run, after fees and slippage; decisions at a close fill at the next open. Shaded spans "
        "are the splits: only the holdout is evidence. The band is where 90 % of the curves end up that are made of "
        "resampled days of train and validation." + (beside if earned else ""),
        charts=[
            charts.equity(
                curve,
                content.baselines.filter(split=content.longest_split),
                content.splits,
                development_bands(content),
            )
        ],
        files=[f"{content.name}_equity.csv"],
    )


def performance_section(content: StrategyContent) -> Section:
    """Return how the run fared over time, and its metrics by split."""
    curve = longest_run(content)
    periods = content.metrics.filter(metric="periods_per_year").drop_nulls("value")["value"]
    rolling = rolling_year(curve, int(periods[0])) if periods.len() else pl.DataFrame()
    deepest = falls(curve).head(SHOWN_FALLS)
    return Section(
        anchor="performance",
        title="Performance over time",
        stage="backtests",
        text=f"The same run: {spans_in_words(content)}.",
        charts=[
            charts.drawdown(curve),
            *([charts.rolling(rolling)] if not rolling.is_empty() else []),
            charts.exposure(curve),
        ],
        tables=[
            *([_falls(deepest)] if not deepest.is_empty() else []),
            metrics_table(content.metrics, [name for name in METRICS if name in MAIN_METRICS], "By split"),
        ],
        folded_title="All metrics, and what they are",
        folded_tables=[metrics_table(content.metrics, list(METRICS), "", meaning=True)],
        files=[f"{content.name}_metrics.csv"],
    )


def returns_section(content: StrategyContent) -> Section:
    """Return what each month and each year brought."""
    curve = longest_run(content)
    return Section(
        anchor="monthly",
        title="Months and years",
        stage="backtests",
        charts=[charts.monthly_returns(monthly(curve)), charts.yearly_returns(yearly(curve))],
    )


def spans_in_words(content: StrategyContent) -> str:
    """Return which split is from when to when."""
    spans = content.splits.sort("start").select("split", "start", "end").iter_rows()
    return ", ".join(f"{split} {start} to {end}" for split, start, end in spans) or "no splits yet"


def _falls(deepest: pl.DataFrame) -> HtmlTable:
    heads = {"since": "from", "lowest": "lowest on", "recovered": "regained on", "falling": "sessions to the lowest"}
    rows = deepest.select("depth", "since", "lowest", "recovered", "sessions", "falling")
    return grid(
        rows,
        formats={"depth": percent},
        heads={**heads, "sessions": "sessions below the peak"},
        caption="The deepest falls; – where the peak has not been regained",
    )


def metrics_table(metrics: pl.DataFrame, wanted: list[str], caption: str, *, meaning: bool = False) -> HtmlTable:
    """Return metrics as rows and splits as columns.

    Parameters
    ----------
    metrics
        Rows of `backtests.metrics` of one strategy.
    wanted, caption
        Metrics that are shown, in this order, and the text above.
    meaning
        With a column that defines each.
    """
    splits = [split for split in SPLIT_NAMES if split in metrics["split"]]
    values = {(row["split"], row["metric"]): row["value"] for row in metrics.iter_rows(named=True)}
    references = dict(metrics.filter(pl.col("reference").is_not_null()).select("metric", "reference").iter_rows())
    there = set(metrics["metric"])
    rows = []
    for name in (each for each in wanted if each in there):
        form = METRIC_FORMATS.get(name, number)
        found = [values.get((split, name)) for split in splits]
        cells = [Cell("–", "unknown") if value is None else Cell(form(value), "number") for value in found]
        reference = f" ({references[name]})" if name in references else ""
        said = [Cell(metric_meaning(name), "unknown")] if meaning else []
        rows.append([Cell(metric_words(name) + reference), *cells, *said])
    heads = [
        Head("metric"),
        *(Head(split, number=True) for split in splits),
        *([Head("what it is")] if meaning else []),
    ]
    return HtmlTable(heads, rows, caption)
