"""How the asset of the parameter grid computes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import dagster as dg
import polars as pl

from trading_assets import charts
from trading_assets.asset_factories.table_asset import Step
from trading_assets.models.splits import development
from trading_assets.protocol import Protocol
from trading_assets.protocol.written_rows import hash_whole, record_written
from trading_assets.robustness.rows_by_span import STAGE, write
from trading_assets.robustness.sensitivity.grid import grids
from trading_assets.robustness.tables import (
    CHOICES,
    HEATMAPS,
    SENSITIVITY,
    SENSITIVITY_SUMMARY,
)
from trading_assets.strategies.evaluation.failure import require_ok, strategy_of
from trading_assets.strategies.evaluation.written_inputs import assert_inputs_as_written


def sensitivity(step: Step) -> Mapping[str, Any]:
    """The whole parameter grid on the development span: is the chosen point on a plateau or a peak?"""
    from trading_assets.robustness.prepared_market import read_development_market
    from trading_assets.robustness.sensitivity.on_record import evaluate_on_record

    require_ok(step)
    name, configuration = strategy_of(step), step.configuration
    assert_inputs_as_written(step)
    frames, prepared, spans = read_development_market(step)
    source = f"{STAGE}/{sensitivity.__name__}/{name}"
    found = evaluate_on_record(step, frames, prepared, development(spans), grids(configuration)[name], source=source)
    tables = {
        SENSITIVITY: found.points,
        SENSITIVITY_SUMMARY: found.summary,
        CHOICES: found.choices,
        HEATMAPS: found.heatmaps,
    }
    write(step, sensitivity.__name__, tables)
    written = [hash_whole(SENSITIVITY, step.work.written[SENSITIVITY], name)]
    record_written(Protocol.of(configuration), source, written, step.now)
    return {
        "summary": found.summary.drop("strategy"),
        "choices": found.choices.drop("strategy", "trial"),
        **_heat_maps(found.heatmaps.filter(metric="sharpe")),
    }


def _heat_maps(heatmaps: pl.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    """The Sharpe of the first pairs of parameters, as pictures; the report has them all."""
    pairs_of = heatmaps.group_by("x", "y", maintain_order=True)
    return {
        f"{x} and {y}": dg.MetadataValue.md(
            charts.markdown(charts.parameter_heat_map(pairs, str(x), str(y), "mean Sharpe"))
        )
        for (x, y), pairs in islice(pairs_of, 2)
    }
