"""The page of all models: what their scores are worth beside the baselines, which features they need, what they took.

It is of scores before the holdout alone. Unlike the pages of strategies it tells what differs from run to run: seconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from trading_assets import charts
from trading_assets.config import Configuration
from trading_assets.models import evaluation_tables as tables
from trading_assets.models.explanation_drift import MOST_MOVED, newest_change
from trading_assets.models.fold_evaluation import finding_of_rows
from trading_assets.models.tables import METRICS
from trading_assets.models.training import BASELINES
from trading_assets.reports.html_table import HtmlTable, grid, percent
from trading_assets.reports.strategy_page.drawing import Drawing, shared_script
from trading_assets.reports.strategy_page.page import environment, rendered, style
from trading_assets.reports.strategy_page.section import Section
from trading_assets.warehouse import Rows, Warehouse

#: Features that are drawn, those that are needed most.
MOST_DRAWN = 15
#: What scores of a calibrated model were.
BEFORE = "before calibration"
#: Metrics of a model that are set beside those of the baselines.
_COMPARED = ("log_loss", "auc", "brier", "accuracy", "information_coefficient", "ece")


@dataclass(frozen=True)
class ModelContent:
    """What the page shows of one model, as tables.

    Attributes
    ----------
    name, type
        Name in the configuration, and family.
    costs
        Rows of the last run that trained any fold of it.
    """

    name: str
    type: str
    metrics: pl.DataFrame
    importance: pl.DataFrame
    stability: pl.DataFrame
    drift: pl.DataFrame
    shuffled: pl.DataFrame
    reliability: pl.DataFrame
    costs: pl.DataFrame


def models_content(configuration: Configuration, warehouse: Warehouse) -> list[ModelContent]:
    """Read the tables of all models of a configuration, in its order.

    Parameters
    ----------
    configuration, warehouse
        Configuration, and the warehouse that has what its models left.
    """
    with warehouse.held_open() as held:
        return [_content(held, name, getattr(each, "type", "")) for name, each in configuration.models.items()]


def _content(held: Warehouse, name: str, family: str) -> ModelContent:
    own = Rows("model", name)
    costs = held.read_or_empty(tables.COSTS, where="model = ?", parameters=[name])
    trained = costs.filter(pl.col("trained_folds") > 0)
    return ModelContent(
        name=name,
        type=family,
        metrics=held.read_or_empty(METRICS, rows=own),
        importance=held.read_or_empty(tables.PERMUTATION_IMPORTANCE, rows=own),
        stability=held.read_or_empty(tables.IMPORTANCE_STABILITY, rows=own),
        drift=held.read_or_empty(tables.EXPLANATION_DRIFT, rows=own),
        shuffled=held.read_or_empty(tables.SHUFFLED_LABELS, rows=own),
        reliability=held.read_or_empty(tables.RELIABILITY, rows=own),
        costs=trained.filter(pl.col("started_at") == pl.col("started_at").max()),
    )


def models_page(name: str, subtitle: str, contents: Sequence[ModelContent]) -> str:
    """Return the page.

    Parameters
    ----------
    name, subtitle
        Name of the configuration, and where its bars are from.
    contents
        What it shows of each model.
    """
    drawing = Drawing()
    script, _ = shared_script()
    sections = [rendered(each, drawing) for each in (_side_by_side(contents), *map(_section, contents))]
    template = environment().get_template("models.html.j2")
    plotly = f'<script src="{script}"></script>'
    return template.render(
        style=style(), name=name, subtitle=subtitle, plotly=plotly, sections=sections, draw=drawing.script
    )


def _side_by_side(contents: Sequence[ModelContent]) -> Section:
    worth = [
        {
            "model": each.name,
            "type": each.type,
            "folds": each.metrics["fold"].n_unique(),
            **{f"log loss, {who}": loss for who, loss in _means(each.metrics, "log_loss").items() if who != BEFORE},
            "AUC": _mean(each.metrics, "auc"),
            "ece": _mean(each.metrics, "ece"),
            "stability": next(iter(each.stability["stability"]), None),
            "AUC, shuffled": _defined(finding_of_rows(each.shuffled).auc),
        }
        for each in contents
    ]
    took = [
        {
            "model": each.name,
            "folds": each.costs["trained_folds"].max(),
            "rows": each.costs["rows"].max(),
            **{f"seconds, {part.replace('_', ' ')}": _seconds(each.costs, part) for part in tables.PARTS},
            "peak, MB": each.costs["peak_mb"].max(),
        }
        for each in contents
    ]
    frames = [_numbers(rows) for rows in (worth, took)]
    losses = {name: _four for name in frames[0].columns if name not in ("model", "type", "folds", "stability")}
    return Section(
        anchor="side-by-side",
        title="Side by side",
        stage="models",
        text="Means over the folds before the holdout, out of sample. Log losses of models with another label or "
        "another horizon are of another question. Seconds of the processor and the largest resident memory are of the "
        "last run that trained; they differ from run to run.",
        tables=[
            grid(frames[0], formats=losses, caption="What scores are worth"),
            grid(frames[1], caption="What the last run that trained took"),
        ],
    )


def _numbers(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame in which all but names are numbers, also where none is known."""
    columns = [name for name in rows[0] if name not in ("model", "type")] if rows else []
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(columns, pl.Float64))


def _section(content: ModelContent) -> Section:
    features = importance_by_feature(content.importance)
    drawn = features.drop_nulls("mean").head(MOST_DRAWN)
    figures = [charts.reliability(content.reliability)] if content.reliability.height else []
    figures += [charts.importance(drawn)] if drawn.height else []
    folds = content.shuffled.select(
        "fold", "train_rows", "rows", "pairs", "auc", "auc_error", "log_loss", "base_log_loss"
    )
    four = dict.fromkeys(("mean", "low", "high", "error", "auc", "auc_error", "log_loss", "base_log_loss"), _four)
    return Section(
        anchor=f"model-{content.name}",
        title=content.name,
        stage="models",
        text=" ".join(
            [
                _stability_in_words(content.stability),
                _drift_in_words(content.drift),
                _finding_in_words(content.shuffled),
            ]
        ),
        charts=figures,
        side_by_side=True,
        tables=[_metrics(content.metrics)] if content.metrics.height else [],
        folded_title="Every feature, and refits and the model of shuffled labels fold by fold",
        folded_tables=[
            grid(features, formats=four, caption="Rise of the mean log loss without each feature, over the folds"),
            grid(
                content.drift.drop("model", "version"),
                formats=dict.fromkeys(("rank_correlation", "total_variation"), _four),
                caption="Contributions of features at each refit beside those of the fold before",
            ),
            grid(folds, formats=four, caption="Shuffled labels"),
        ]
        if content.importance.height or folds.height
        else [],
    )


def importance_by_feature(importance: pl.DataFrame) -> pl.DataFrame:
    """Return the rise of the loss without each feature over the folds, the largest first.

    Parameters
    ----------
    importance
        Rows of `models.permutation_importance` of one model.

    Returns
    -------
    polars.DataFrame
        feature, mean, low and high (over folds), error (of the draws, of the mean), folds (in which it has one). Null
        where a feature is the same for all symbols of each session.
    """
    rise, error = pl.col("loss_increase"), pl.col("standard_error")
    return (
        importance.sort("fold", "feature")
        .group_by("feature", maintain_order=True)
        .agg(
            rise.mean().alias("mean"),
            rise.min().alias("low"),
            rise.max().alias("high"),
            ((error**2).sum().sqrt() / error.count()).fill_nan(None).alias("error"),
            rise.count().alias("folds"),
        )
        .sort("mean", "feature", descending=[True, False], nulls_last=True)
    )


def _metrics(metrics: pl.DataFrame) -> HtmlTable:
    rows = [{"metric": name.replace("_", " "), **_means(metrics, name)} for name in _COMPARED]
    names = ("model", *BASELINES, BEFORE)
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(names, pl.Float64))
    shown = [name for name in frame.columns if name == "metric" or frame[name].null_count() < frame.height]
    return grid(frame.select(shown), formats=dict.fromkeys(names, _four), caption="Mean over folds, out of sample")


def _mean(metrics: pl.DataFrame, metric: str) -> float | None:
    mean = metrics.filter(metric=metric)["value"].drop_nulls().mean()
    return mean if isinstance(mean, float) else None


def _means(metrics: pl.DataFrame, metric: str) -> dict[str, float | None]:
    """Mean over folds of the model, of each baseline, and of a calibrated model before its curve."""
    prefixes = {"model": "", **{name: f"{name}_" for name in BASELINES}, BEFORE: "uncalibrated_"}
    return {who: _mean(metrics, f"{prefix}{metric}") for who, prefix in prefixes.items()}


def _seconds(costs: pl.DataFrame, part: str) -> float | None:
    return next(iter(costs.filter(part=part)["seconds"]), None)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value


def _four(value: float) -> str:
    return f"{value:.4f}"


def _stability_in_words(stability: pl.DataFrame) -> str:
    row = next(stability.iter_rows(named=True), None)
    if row is None or row["stability"] is None:
        return "Nothing is known of whether folds need the same features."
    found = (
        f"The {row['top']} most needed features of each of {row['folds']} folds agree by {row['stability']:.2f} beyond "
        f"chance (1: the same in all; {row['stability_low']:.2f} to {row['stability_high']:.2f} with 95 %)"
    )
    rank = row["rank_correlation"]
    return found + (f"; ranks of two folds correlate by {rank:.2f} on average." if rank is not None else ".")


def _drift_in_words(drift: pl.DataFrame) -> str:
    moved = newest_change(drift)
    if moved is None:
        return "Nothing is known of whether it goes by the same features after a refit."
    ranks = drift["rank_correlation"].drop_nulls().mean()
    found = f"At the last refit {percent(moved)} of what moves its scores went to other features"
    if moved > MOST_MOVED:
        found += f", more than the {percent(MOST_MOVED)} that refits on a market that stays hardly ever reach"
    return found + (
        f"; ranks before and after correlate by {ranks:.2f} on average." if isinstance(ranks, float) else "."
    )


def _finding_in_words(shuffled: pl.DataFrame) -> str:
    found = finding_of_rows(shuffled)
    if _defined(found.auc) is None:
        return "There were no pairs of shuffled labels to tell apart."
    told = f"Of pairs of shuffled labels it puts {percent(found.auc)} in order, {found.z:+.1f} deviations from one half"
    if found.is_leak:
        return f"{told}: labels of the test part reach it, and nothing that it says can be believed."
    return f"{told} (p = {found.p:.2g}): no sign that labels of the test part reach it."
