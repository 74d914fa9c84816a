"""The sections of a strategy's page: which tables and charts, in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from trading_assets import charts
from trading_assets.reports.html_table import HtmlTable, grid
from trading_assets.reports.strategy_page.analytics import analytics_sections
from trading_assets.reports.strategy_page.criteria import criteria_section
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.limitations import limitations_section
from trading_assets.reports.strategy_page.performance import (
    METRIC_FORMATS,
    equity_section,
    performance_section,
    returns_section,
)
from trading_assets.reports.strategy_page.section import MODELS_PAGE, Section
from trading_assets.reports.strategy_page.trades import trade_bars_section, trades_section
from trading_assets.reports.strategy_page.words import metric_words

SHOWN_PAIRS = 2


def sections(content: StrategyContent) -> list[Section]:
    """Return all sections below the verdict, in reading order: the curve, the doubts, the detail."""
    return [
        equity_section(content),
        criteria_section(content),
        limitations_section(content),
        _sensitivity(content),
        _stress(content),
        performance_section(content),
        *analytics_sections(content),
        returns_section(content),
        trades_section(content),
        trade_bars_section(content),
        *_model(content),
        _protocol(content),
        _quality(content),
        _provenance(content),
    ]


def _protocol(content: StrategyContent) -> Section:
    """What the data folder has on record of the strategy, whatever stands above."""
    return Section(
        anchor="protocol",
        title="Protocol",
        stage="protocol",
        text="Registrations, evaluations and looks in the order in which the protocol of the data folder has them. "
        "Evaluations of other strategies and configurations count, too: the verdict says which saw the holdout.",
        # Without the times: the same run makes the same page, whenever it is made.
        tables=[grid(content.protocol.select("kind", "what"))],
    )


def _sensitivity(content: StrategyContent) -> Section:
    points = content.sensitivity["trial"].n_unique()
    figures = list(_heat_maps(content))
    summary = content.sensitivity_summary.select(pl.col("statistic").str.replace_all("_", " "), "value")
    return Section(
        anchor="sensitivity",
        title="Sensitivity",
        stage="robustness",
        text=f"Sharpe of train and validation at {points} parameter sets. A good strategy sits on a plateau: "
        "its neighbours do about as well. A single bright cell is luck. The square marks the parameters in use. "
        "Who has to choose from the grid takes the plateau: the point that does best together with its neighbours.",
        charts=figures[:SHOWN_PAIRS],
        side_by_side=True,
        tables=_choices(content),
        folded_title="All other pairs of parameters, and the grid in numbers",
        folded_charts=figures[SHOWN_PAIRS:],
        folded_tables=[grid(summary)] if not summary.is_empty() else [],
        files=[f"{content.name}_{table}.csv" for table in ("sensitivity", "choices")],
    )


def _choices(content: StrategyContent) -> list[HtmlTable]:
    if content.choices.is_empty():
        return []
    in_words = {"peak": "the peak", "plateau": "the plateau", "in_use": "in use"}
    rows = content.choices.select(
        choice=pl.col("choice").replace_strict(in_words, return_dtype=pl.String),
        parameters=pl.col("params").str.replace_all(r'[{}"]', ""),
        sharpe="sharpe",
        with_neighbours="neighbourhood_mean",
        worst_neighbour="worst_neighbour",
        better_points="better_points",
    ).rename(
        {
            "with_neighbours": "with its neighbours",
            "worst_neighbour": "worst neighbour",
            "better_points": "better points",
        }
    )
    return [grid(rows, caption="Sharpe of the peak, the plateau and the parameters in use")]


def _heat_maps(content: StrategyContent) -> Iterator[Any]:
    parameters = content.settings.parameters
    chosen = parameters if isinstance(parameters, dict) else parameters.model_dump(mode="json")
    for (x, y), pairs in content.heatmaps.group_by("x", "y", maintain_order=True):
        yield charts.parameter_heat_map(pairs, str(x), str(y), "mean Sharpe", (chosen.get(str(x)), chosen.get(str(y))))


def _stress(content: StrategyContent) -> Section:
    tables = [_scenarios(rows, str(split)) for (split,), rows in content.stress.group_by("split", maintain_order=True)]
    return Section(
        anchor="stress",
        title="Stress",
        stage="robustness",
        text="The same rules with one thing made worse. Bear and range months are the base run's own months, by the "
        "benchmark. Bars are dropped at random; with a correlation of one every symbol moves with the common factor "
        "alone; a flash crash fills every stop at the day's low, once a quarter. A model's scores and the regimes stay "
        "as they were published.",
        charts=[charts.scenarios(_latest(content.stress_equity))] if not content.stress_equity.is_empty() else [],
        tables=tables[-1:],
        folded_title="The same in train and validation",
        folded_tables=tables[:-1],
        files=[f"{content.name}_stress.csv", f"{content.name}_stress_equity.csv"],
    )


def _latest(curves: pl.DataFrame) -> pl.DataFrame:
    """Of the holdout once it was looked at, else of train + validation; windows have a span of their own."""
    split = "holdout" if "holdout" in curves["split"] else curves["split"][0]
    return curves.filter(pl.col("split") == split, ~pl.col("scenario").str.starts_with("window_"))


def _scenarios(stress: pl.DataFrame, split: str) -> HtmlTable:
    shown = ("sharpe", "annual_return", "max_drawdown", "calmar", "expectancy_r", "trades")
    rows = stress.filter(pl.col("metric").is_in(shown))
    wide = rows.pivot("metric", index="scenario", values="value", maintain_order=True)
    in_words = pl.col("scenario").str.replace_all("_", " ")
    return grid(
        wide.select(in_words, *(name for name in shown if name in wide.columns)),
        formats=METRIC_FORMATS,
        heads={name: metric_words(name) for name in shown},
        caption=split,
    )


def _model(content: StrategyContent) -> list[Section]:
    if content.model_metrics.is_empty():
        return []
    wide = content.model_metrics.pivot("metric", index="fold", values="value", maintain_order=True).sort("fold")
    text = (
        "Out-of-sample, fold by fold, up to the holdout; each fold is trained only on labels that had ended before it."
    )
    tables = [grid(wide)]
    if content.champions.height:
        text += (
            " At each refit candidates are compared by labels that were over by then; who wins is traded from there."
        )
        is_new = pl.col("candidate").ne_missing(pl.col("champion"))
        changes = content.champions.filter(is_new, decision="champion")
        shown = ("session", "cause", "candidate", "champion", "sessions", "effect", "statistic", "critical", "power")
        tables.append(
            grid(changes.sort("session").select(shown), heads={"champion": "before"}, caption="Changes of the champion")
        )
    if content.tuning_gain.height:
        text += (
            " Parameters were searched for within each training window. What that bought out of sample is tested "
            "against the configured parameters, session by session; each set that was tried is a trial on record, and "
            "raises what the Sharpe ratio is deflated by. "
        )
        text += "; ".join(
            f"{model}: {reason}" for model, reason in content.tuning_gain.select("model", "reason").iter_rows()
        )
        text += "."
        counted = ("model", "trials", "pruned", "changed_folds", "sessions", "untuned", "tuned", "effect")
        of_test = ("statistic", "critical", "detectable", "result")
        losses = dict.fromkeys(("untuned", "tuned", "effect", "detectable"), "{:.6f}".format)
        gain = content.tuning_gain.select(*counted, *of_test)
        tables.append(grid(gain, formats=losses, caption="What the search bought"))
    return [Section("model", "Model", "models", text, tables=tables, files=[MODELS_PAGE])]


def _quality(content: StrategyContent) -> Section:
    return Section(
        anchor="data",
        title="Data quality",
        stage="market_data",
        text="Quarantined bars are kept with their reasons and never used; flagged bars are used as the rules say."
        if not content.quality.is_empty()
        else "No bar of this market broke a rule.",
        tables=[grid(content.quality)] if not content.quality.is_empty() else [],
    )


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
