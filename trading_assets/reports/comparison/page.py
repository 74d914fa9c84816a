"""Comparisons in words: sentences for the terminal, and a page in the style of the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from trading_assets import charts
from trading_assets.backtests.tables import DEVELOPMENT, EQUITY
from trading_assets.reports.build import write_files
from trading_assets.reports.comparison.differences import RESAMPLES, Comparison
from trading_assets.reports.comparison.opened import FOLDER
from trading_assets.reports.comparison.tidy import strategy_of
from trading_assets.reports.html_table import Cell, Head, HtmlTable, grid, percent
from trading_assets.reports.strategy_page.drawing import Chart, Drawing, shared_script
from trading_assets.reports.strategy_page.page import environment, style
from trading_assets.robustness.resampling.paired_difference import Interval

#: Metrics that are shown first, in this order; the rest is in the CSV.
HEADLINE = (
    "total_return",
    "annual_return",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "trades",
    "expectancy_r",
    "profit_factor",
    "win_rate",
    "turnover",
    "exposure",
)
_PERCENT = {"total_return", "annual_return", "volatility", "max_drawdown", "win_rate", "exposure"}
_MOST_TRADES, _MOST_KEYS = 40, 60


class Part(NamedTuple):
    """A comparison as the page shows it."""

    anchor: str
    strategy: str
    first: str
    second: str
    sentence: str
    charts: list[Chart]
    tables: list[tuple[str, str, HtmlTable | None]]


def sentence_of(each: Comparison) -> str:
    """Return what a comparison comes to, in two or three sentences."""
    if is_the_same(each):
        return "Nothing differs: configuration, bars, code, metrics, round trips and decisions are the same."
    what = [
        f"{len(each.configuration)} key{'s' * (len(each.configuration) != 1)} of the configuration",
        *(["the bars"] if each.data.height else []),
        *(["the code"] if each.code.height else []),
    ]
    differs = ", ".join(what if each.configuration else what[1:])
    text = f"What differs: {differs or 'neither configuration, nor bars, nor code'}."
    found = each.chance.get(DEVELOPMENT)
    if found is not None and found.sharpe.value is not None:
        told = {True: "chance alone hardly makes that", False: "chance alone makes that, too", None: ""}
        text += f" Sharpe ratio in development: {_interval(found.sharpe)}: {told[found.sharpe.tells]}."
        if found.sharpe.value == 0 == found.annual_return.value:
            text = f"{text.partition(' Sharpe')[0]} The returns in development are the same."
    text += f" Round trips in both: {each.common_trades:,}; in only one of the two: {each.trades.height:,}."
    if each.decision is not None:
        first, second = (side or "nothing" for side in (each.decision.first, each.decision.second))
        where = f"{each.decision.session}, {each.decision.symbol}"
        text += (
            f" The first decision that differs is of {where}. {each.labels[0]}: {first}; {each.labels[1]}: {second}."
        )
        if not each.decision.numbers.is_empty() and first == second:
            name, one, two = each.decision.numbers.row(0)
            text += f" Both decided the same, with another {name}: {one} and {two}."
    return text


def is_the_same(each: Comparison) -> bool:
    """Return whether nothing at all differs."""
    same_metrics = each.metrics.filter(pl.col("first").ne_missing(pl.col("second"))).is_empty()
    parts = (each.data, each.code, each.trades)
    return not each.configuration and each.decision is None and same_metrics and all(part.is_empty() for part in parts)


def headline_rows(each: Comparison) -> pl.DataFrame:
    """Return the metrics that are shown first: split, metric, first, second, difference; none if none differs."""
    if each.metrics.filter(pl.col("first").ne_missing(pl.col("second"))).is_empty():
        return each.metrics.clear()
    order = {name: place for place, name in enumerate(HEADLINE)}
    splits = {name: place for place, name in enumerate(("development", "holdout", "full", "train", "validation"))}
    rows = each.metrics.filter(
        pl.col("metric").is_in(list(HEADLINE)), pl.col("split").is_in(["development", "holdout"])
    )
    return rows.sort(
        pl.col("split").replace_strict(splits, default=9), pl.col("metric").replace_strict(order, default=99)
    )


def chance_rows(each: Comparison) -> pl.DataFrame:
    """Return split, what, sessions, difference, from, to: the interval of each difference that there is."""
    rows = [
        (split, what, found.sessions, interval.value, interval.low, interval.high)
        for split, found in each.chance.items()
        for what, interval in (("annual return", found.annual_return), ("Sharpe ratio", found.sharpe))
        if interval.value
    ]
    schema = {"split": pl.String, "what": pl.String, "sessions": pl.Int64}
    numbers = dict.fromkeys(("difference", "from", "to"), pl.Float64)
    return pl.DataFrame(rows, schema={**schema, **numbers}, orient="row")


def comparison_page(comparisons: Sequence[Comparison], remarks: Sequence[str]) -> str:
    """Return the page of some comparisons, which reads Plotly from the file in the folder above.

    Parameters
    ----------
    comparisons, remarks
        As `compare_subjects` returns them.
    """
    drawing = Drawing()
    labels = list(dict.fromkeys(label for each in comparisons for label in each.labels))
    script, _ = shared_script()
    template = environment().get_template("comparison.html.j2")
    return template.render(
        style=style(),
        plotly=f'<script src="../{script}"></script>',
        title=" and ".join(labels) + ", compared",
        resamples=f"{RESAMPLES:,}",
        remarks=remarks,
        parts=[_part(each, f"comparison-{place}", drawing) for place, each in enumerate(comparisons)],
        draw=drawing.script,
    )


def write_comparison(reports: Path, comparisons: Sequence[Comparison], remarks: Sequence[str]) -> Path:
    """Write the page of some comparisons beside those of archived runs, and return its path.

    Parameters
    ----------
    reports
        Folder of the pages.
    comparisons, remarks
        As `compare_subjects` returns them.
    """
    script, plotly = shared_script()
    if not (reports / script).exists():
        write_files(reports, {script: plotly})
    labels = dict.fromkeys(label for each in comparisons for label in each.labels)
    name = "-and-".join("".join(sign if sign.isalnum() else "-" for sign in label) for label in labels)[:100]
    write_files(reports / FOLDER, {f"{name}.html": comparison_page(comparisons, remarks)})
    return reports / FOLDER / f"{name}.html"


def _part(each: Comparison, anchor: str, drawing: Drawing) -> Part:
    if is_the_same(each):
        return Part(anchor, strategy_of(each), *each.labels, sentence_of(each), [], [])
    curves = [side.rows(EQUITY).filter(split=DEVELOPMENT) for side in (each.first, each.second)]
    figures: list[Any] = []
    if all(curve.height for curve in curves):
        figures = [
            charts.two_curves(curves[0], curves[1], each.labels),
            charts.ratio_of_curves(curves[0], curves[1], each.labels),
        ]
    drawn = [drawing.add(figure, f"{anchor}-{place}") for place, figure in enumerate(figures)]
    return Part(anchor, strategy_of(each), *each.labels, sentence_of(each), drawn, list(_tables(each)))


def _tables(each: Comparison) -> list[tuple[str, str, HtmlTable | None]]:
    heads = {"first": each.labels[0], "second": each.labels[1]}
    metrics = headline_rows(each)
    chance = chance_rows(each)
    keys = pl.DataFrame(
        [(difference.key, difference.left.value, difference.right.value) for difference in each.configuration],
        schema={"key": pl.String, "first": pl.String, "second": pl.String},
        orient="row",
    )
    found = [
        ("Metrics", "", _metrics_table(metrics, each.labels) if metrics.height else None),
        _of(chance, "What chance makes of it", {}, _MOST_KEYS),
        _of(keys, "Configuration", heads, _MOST_KEYS),
        _of(each.data, "Bars", {}, _MOST_KEYS),
        _of(each.code, "Code", heads, _MOST_KEYS),
        _of(_in_words(each.trades), "Round trips in only one", {}, _MOST_TRADES),
    ]
    if each.decision is not None and each.decision.numbers.height:
        where = f"{each.decision.session}, {each.decision.symbol}"
        numbers = grid(each.decision.numbers, heads=heads)
        found.append((f"Numbers behind the first decision that differs: {where}", "", numbers))
    return [part for part in found if part[2] is not None]


def _metrics_table(metrics: pl.DataFrame, labels: tuple[str, str]) -> HtmlTable:
    heads = [Head("split"), Head("metric"), *(Head(text, number=True) for text in (*labels, "difference"))]
    rows = [
        [Cell(split), Cell(metric.replace("_", " ")), *(Cell(_shown(metric, value), "number") for value in values)]
        for split, metric, *values in metrics.iter_rows()
    ]
    return HtmlTable(heads, rows)


def _of(rows: pl.DataFrame, heading: str, heads: dict[str, str], most: int) -> tuple[str, str, HtmlTable | None]:
    if rows.is_empty():
        return heading, "", None
    more = f"The first {most} of {rows.height:,}; --format csv has all." if rows.height > most else ""
    return heading, more, grid(rows.head(most), heads=heads, formats=_FORMATS)


def _in_words(trades: pl.DataFrame) -> pl.DataFrame:
    return trades.with_columns(pl.col("exit_reason").str.replace_all("_", " "))


def _shown(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    return percent(value) if metric in _PERCENT else f"{value:,.0f}" if metric == "trades" else f"{value:.3f}"


def _small(value: float) -> str:
    return f"{value:+.4f}"


_FORMATS = {"return": percent, **dict.fromkeys(("difference", "from", "to"), _small)}


def _interval(found: Interval) -> str:
    if found.value is None:
        return "not defined"
    if found.low is None or found.high is None:
        return f"{found.value:+.2f}"
    return f"{found.value:+.2f}, 90 % between {found.low:+.2f} and {found.high:+.2f}"
