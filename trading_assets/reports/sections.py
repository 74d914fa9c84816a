"""The sections of a strategy's page: which tables and charts, in which words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import polars as pl

from trading_assets import charts
from trading_assets.backtests.metrics import METRICS
from trading_assets.reports.cells import Cell, Grid, Head, grid, number, percent, price
from trading_assets.reports.content import StrategyContent

FRACTIONS = (
    "total_return annual_return volatility max_drawdown daily_loss_99 "
    "var_95 cvar_95 exposure win_rate turnover_cost alpha"
)
METRIC_FORMATS = dict.fromkeys(FRACTIONS.split(), percent)
SPLIT_ORDER = ("train", "validation", "holdout", "all")
SHOWN_TRADES = 100
SHOWN_PAIRS = 2


@dataclass(frozen=True)
class Section:
    """A section of the page; `stage` is where its tables come from."""

    anchor: str
    title: str
    stage: str
    text: str = ""
    charts: list[Any] = field(default_factory=list)
    side_by_side: bool = False
    tables: list[Grid] = field(default_factory=list)
    folded_title: str = ""
    folded_charts: list[Any] = field(default_factory=list)
    folded_tables: list[Grid] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def sections(content: StrategyContent) -> list[Section]:
    """All sections below the verdict, in reading order."""
    return [
        _performance(content),
        _returns(content),
        _sensitivity(content),
        _stress(content),
        _trades(content),
        *_model(content),
        _provenance(content),
    ]


def criteria_table(verdicts: pl.DataFrame) -> Grid:
    """Every criterion with its value, threshold and whether it passed."""
    heads = [
        Head("kind"),
        Head("criterion"),
        Head("value", number=True),
        Head("threshold", number=True),
        Head("passed"),
    ]
    rows = []
    for row in verdicts.filter(pl.col("kind") != "result").iter_rows(named=True):
        passed = row["passed"]
        state = (
            Cell("not evaluated", "unknown") if passed is None else Cell("yes", "yes") if passed else Cell("no", "no")
        )
        cells = ("–" if row[name] is None else number(row[name]) for name in ("value", "threshold"))
        kind, criterion = Cell(row["kind"]), Cell(row["criterion"].replace("_", " "))
        rows.append([kind, criterion, *(Cell(text, "number") for text in cells), state])
    return Grid(heads, rows)


def longest_run(content: StrategyContent) -> pl.DataFrame:
    """The continuous run over all splits: session, equity, drawdown, gross_exposure, daily_return."""
    return content.equity.filter(pl.col("split") == "all").sort("session")


def monthly(curve: pl.DataFrame) -> pl.DataFrame:
    """Compounded returns by calendar month: year, month, return."""
    return (
        curve.group_by(pl.col("session").dt.year().alias("year"), pl.col("session").dt.month().alias("month"))
        .agg(((1 + pl.col("daily_return").fill_null(0)).product() - 1).alias("return"))
        .sort("year", "month")
    )


def _performance(content: StrategyContent) -> Section:
    curve = longest_run(content)
    baselines = content.baselines.filter(pl.col("split") == "all")
    return Section(
        anchor="performance",
        title="Performance",
        stage="backtests",
        text="One continuous run, after fees and slippage, beside what one could have held instead. Shaded spans are "
        "the splits. Decisions at a close fill at the next open.",
        charts=[charts.equity(curve, baselines, content.splits), charts.drawdown(curve), charts.exposure(curve)],
        tables=[_metrics_table(content.metrics)],
        files=[f"{content.name}_{table}.csv" for table in ("equity", "metrics")],
    )


def _metrics_table(metrics: pl.DataFrame) -> Grid:
    splits = [split for split in SPLIT_ORDER if split in metrics["split"]]
    names = [name for name in METRICS if name in metrics["metric"]]
    values = {(row["split"], row["metric"]): row["value"] for row in metrics.iter_rows(named=True)}
    rows = []
    for name in names:
        form = METRIC_FORMATS.get(name, number)
        found = [values.get((split, name)) for split in splits]
        cells = [Cell("–", "unknown") if value is None else Cell(form(value), "number") for value in found]
        rows.append([Cell(name.replace("_", " ")), *cells])
    return Grid([Head("metric"), *(Head(split, number=True) for split in splits)], rows)


def _returns(content: StrategyContent) -> Section:
    return Section(
        anchor="monthly",
        title="Monthly returns",
        stage="backtests",
        charts=[charts.monthly_returns(monthly(longest_run(content)))],
    )


def _sensitivity(content: StrategyContent) -> Section:
    points = _grid_points(content.sensitivity, "sharpe")
    summary = content.sensitivity_summary.select("statistic", "value")
    figures = [] if points.is_empty() else list(_heat_maps(points, _chosen(content, points)))
    return Section(
        anchor="sensitivity",
        title="Sensitivity",
        stage="robustness",
        text=f"Sharpe of train and validation at {points.height} parameter sets. A good strategy sits on a plateau: "
        "its neighbours do about as well. A single bright cell is luck. The square marks the parameters in use.",
        charts=figures[:SHOWN_PAIRS],
        side_by_side=True,
        tables=[grid(summary)] if not summary.is_empty() else [],
        folded_title="All other pairs of parameters",
        folded_charts=figures[SHOWN_PAIRS:],
        files=[f"{content.name}_sensitivity.csv"],
    )


def _grid_points(sensitivity: pl.DataFrame, metric: str) -> pl.DataFrame:
    rows = sensitivity.filter((pl.col("metric") == metric) & pl.col("params").is_not_null())
    return pl.DataFrame(
        [{**json.loads(row["params"]), "value": row["value"]} for row in rows.iter_rows(named=True)],
        infer_schema_length=None,
    )


def _heat_maps(points: pl.DataFrame, chosen: dict[str, object]) -> Iterator[Any]:
    parameters = [name for name in points.columns if name != "value" and points[name].n_unique() > 1]
    for x, y in combinations(parameters, 2):
        pairs = points.group_by(x, y).agg(pl.col("value").mean()).sort(x, y)
        mark = (chosen[x], chosen[y]) if x in chosen and y in chosen else None
        yield charts.parameter_heat_map(pairs, x, y, "mean Sharpe", mark)


def _chosen(content: StrategyContent, points: pl.DataFrame) -> dict[str, object]:
    parameters = content.settings.parameters
    values = parameters if isinstance(parameters, dict) else parameters.model_dump()
    return {name: values[name] for name in points.columns if name in values and values[name] in points[name].to_list()}


def _stress(content: StrategyContent) -> Section:
    shown = ("sharpe", "annual_return", "max_drawdown", "calmar", "expectancy_r", "trades")
    rows = content.stress.filter(pl.col("metric").is_in(shown))
    keys = [name for name in ("split", "scenario") if name in rows.columns]
    wide = rows.pivot("metric", index=keys, values="value", maintain_order=True) if not rows.is_empty() else rows
    ordered = [*keys, *(name for name in shown if name in wide.columns)]
    return Section(
        anchor="stress",
        title="Stress",
        stage="robustness",
        text="The same rules with one thing made worse.",
        tables=[grid(wide.select(ordered) if not wide.is_empty() else wide, formats=METRIC_FORMATS)],
        files=[f"{content.name}_stress.csv"],
    )


def _trades(content: StrategyContent) -> Section:
    trades = content.trades.filter(pl.col("split") == "all").sort("entry_session", "symbol")
    shown = trades.tail(SHOWN_TRADES).select(
        "symbol",
        "entry_session",
        "entry_price",
        "quantity",
        "stop_price",
        "exit_session",
        "exit_price",
        "exit_reason",
        "pnl",
        "r_multiple",
        "hold_sessions",
    )
    reasons = (
        trades.group_by("exit_reason")
        .agg(
            pl.len().cast(pl.Int64).alias("trades"),
            pl.col("pnl").sum(),
            pl.col("r_multiple").mean().alias("mean_r"),
            pl.col("hold_sessions").mean().alias("mean_hold"),
        )
        .sort("trades", "exit_reason", descending=[True, False])
    )
    prices = dict.fromkeys(("entry_price", "exit_price", "stop_price"), price)
    rejected = (
        content.decisions.filter((pl.col("split") == "all") & (pl.col("decision") == "reject"))
        .group_by("reason")
        .agg(pl.len().cast(pl.Int64).alias("candidates"))
        .sort("candidates", "reason", descending=[True, False])
    )
    return Section(
        anchor="trades",
        title="Trades",
        stage="backtests",
        text=f"{trades.height} round trips in the continuous run; {content.open_positions.height} positions or orders "
        "were open at the ends of the runs."
        if not trades.is_empty()
        else "No trade: no signal passed every test.",
        tables=[grid(reasons, caption="Why positions were left")],
        folded_title=f"The last {shown.height} trades, and why candidates were not bought",
        folded_tables=[grid(shown, formats=prices), grid(rejected, caption="Candidates that were rejected, by reason")],
        files=[f"{content.name}_trades.csv", f"{content.name}_decisions.csv"],
    )


def _model(content: StrategyContent) -> list[Section]:
    if content.model_metrics.is_empty():
        return []
    wide = content.model_metrics.pivot("metric", index="fold", values="value", maintain_order=True).sort("fold")
    text = (
        "Out-of-sample, fold by fold, up to the holdout; each fold is trained only on labels that had ended before it."
    )
    return [Section("model", "Model", "models", text, tables=[grid(wide)])]


def _provenance(content: StrategyContent) -> Section:
    columns = [
        name for name in ("config_hash", "data_hash", "code_version", "seed", "as_of") if name in content.runs.columns
    ]
    last = content.runs.tail(1).select(columns)
    parameters = content.settings.parameters
    values = parameters if isinstance(parameters, dict) else parameters.model_dump(mode="json")
    table = pl.DataFrame({"parameter": list(values), "value": [str(value) for value in values.values()]})
    return Section(
        anchor="provenance",
        title="Where these numbers come from",
        stage="backtests",
        text="The same configuration, data and seed give the same numbers to the last bit.",
        tables=[grid(last, formats={"seed": lambda value: str(int(value))}), grid(table)],
        files=[f"{content.name}.json"],
    )
