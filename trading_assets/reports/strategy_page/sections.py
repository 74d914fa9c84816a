"""The sections of a strategy's page: which tables and charts, in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from trading_assets import charts
from trading_assets.backtests.results.metrics import METRICS
from trading_assets.backtests.tables import SPLIT_NAMES
from trading_assets.reports.html_table import Cell, Head, HtmlTable, grid, number, percent
from trading_assets.reports.strategy_page.analytics import analytics_sections
from trading_assets.reports.strategy_page.data import StrategyContent
from trading_assets.reports.strategy_page.limitations import development_bands, limitations_section
from trading_assets.reports.strategy_page.section import MODELS_PAGE, Section
from trading_assets.reports.strategy_page.trades import trades_section

FRACTIONS = (
    "total_return annual_return volatility max_drawdown daily_loss_99 "
    "var_95 cvar_95 exposure win_rate turnover_cost alpha"
)
METRIC_FORMATS = dict.fromkeys(FRACTIONS.split(), percent)
SHOWN_PAIRS = 2


def sections(content: StrategyContent) -> list[Section]:
    """Return all sections below the verdict, in reading order."""
    return [
        limitations_section(content),
        _performance(content),
        _returns(content),
        *analytics_sections(content),
        _sensitivity(content),
        _stress(content),
        trades_section(content),
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


def criteria_table(verdicts: pl.DataFrame) -> HtmlTable:
    """Return every criterion in the verdict's order: its value, what is needed, and whether it passed."""
    heads = [Head("kind"), Head("criterion"), Head("value", number=True), Head("needed"), Head("passed"), Head("note")]
    rows = []
    for row in verdicts.filter(pl.col("kind") != "result").sort("position").iter_rows(named=True):
        passed, value = row["passed"], row["value"]
        state = Cell("–", "unknown") if passed is None else Cell("yes", "yes") if passed else Cell("no", "no")
        rows.append(
            [
                Cell(row["kind"]),
                Cell(row["criterion"].replace("_", " ")),
                Cell("–" if value is None else number(value), "number"),
                Cell("–" if row["side"] is None else f"{row['side']} {number(row['threshold'])}"),
                state,
                Cell(row["note"] or "", "unknown"),
            ]
        )
    return HtmlTable(heads, rows)


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


def _performance(content: StrategyContent) -> Section:
    curve = longest_run(content)
    baselines = content.baselines.filter(split=content.longest_split)
    earned = curve["interest"].sum() if "interest" in curve.columns else 0.0
    beside = (
        f" Cash of the baselines earns interest; the curve leaves out the {earned:,.0f} that its own cash made, which "
        "count in the Sharpe ratio."
    )
    return Section(
        anchor="performance",
        title="Performance",
        stage="backtests",
        text="One continuous run, after fees and slippage, beside what one could have held instead. Shaded spans are "
        "the splits. Decisions at a close fill at the next open. The band is where 90 % of the curves end up that are "
        "made of resampled daily returns of train and validation." + (beside if earned else ""),
        charts=[
            charts.equity(curve, baselines, content.splits, development_bands(content)),
            charts.drawdown(curve),
            charts.exposure(curve),
        ],
        tables=[_metrics_table(content.metrics)],
        files=[f"{content.name}_{table}.csv" for table in ("equity", "metrics")],
    )


def _metrics_table(metrics: pl.DataFrame) -> HtmlTable:
    splits = [split for split in SPLIT_NAMES if split in metrics["split"]]
    names = [name for name in METRICS if name in metrics["metric"]]
    values = {(row["split"], row["metric"]): row["value"] for row in metrics.iter_rows(named=True)}
    references = dict(metrics.filter(pl.col("reference").is_not_null()).select("metric", "reference").iter_rows())
    rows = []
    for name in names:
        form = METRIC_FORMATS.get(name, number)
        found = [values.get((split, name)) for split in splits]
        cells = [Cell("–", "unknown") if value is None else Cell(form(value), "number") for value in found]
        reference = f" ({references[name]})" if name in references else ""
        rows.append([Cell(name.replace("_", " ") + reference), *cells])
    return HtmlTable([Head("metric"), *(Head(split, number=True) for split in splits)], rows)


def _returns(content: StrategyContent) -> Section:
    return Section(
        anchor="monthly",
        title="Monthly returns",
        stage="backtests",
        charts=[charts.monthly_returns(monthly(longest_run(content)))],
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
        tables=[*_choices(content), *([grid(summary)] if not summary.is_empty() else [])],
        folded_title="All other pairs of parameters",
        folded_charts=figures[SHOWN_PAIRS:],
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
    return Section(
        anchor="stress",
        title="Stress",
        stage="robustness",
        text="The same rules with one thing made worse. Bear and range months are the base run's own months, by the "
        "benchmark. Bars are dropped at random; with a correlation of one every symbol moves with the common factor "
        "alone; a flash crash fills every stop at the day's low, once a quarter. A model's scores and the regimes stay "
        "as they were published.",
        charts=[charts.scenarios(_latest(content.stress_equity))] if not content.stress_equity.is_empty() else [],
        tables=[
            _scenarios(rows, str(split)) for (split,), rows in content.stress.group_by("split", maintain_order=True)
        ],
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
        wide.select(in_words, *(name for name in shown if name in wide.columns)), formats=METRIC_FORMATS, caption=split
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
