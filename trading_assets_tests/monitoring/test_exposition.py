"""The text for Prometheus, read by Prometheus' own parser, and the dashboard, whose queries name what is exposed."""

from __future__ import annotations

import datetime as dt
import json
import re

import polars as pl
from prometheus_client.parser import text_string_to_metric_families

from trading_assets.monitoring.exposition import NAMES, PREFIX, exposition
from trading_assets.monitoring.health import HealthItem
from trading_assets.monitoring.tables import RUN_METRICS
from trading_assets_tests.conftest import REPOSITORY

LOOKED = dt.datetime(2026, 1, 3)


def metrics() -> pl.DataFrame:
    """Two runs of a step, of which the second failed, and one of another whose rows are unknown."""
    rows = pl.DataFrame(
        {
            "run_id": ["1", "2", "1"],
            "step": ["features/daily", "features/daily", 'odd"\\step'],
            "outcome": ["done", "failed", "done"],
            "started_at": [dt.datetime(2026, 1, day, second=1) for day in (1, 2, 1)],
            "seconds": [1.0, 2.5, 0.1],
            "rows": [10, 20, None],
        }
    )
    zeros = {name: pl.lit(0) for name in RUN_METRICS.columns if name not in rows.columns and name != "strategy"}
    return RUN_METRICS.conform(rows.with_columns(**zeros))


def test_samples_are_those_of_the_newest_run_of_each_step() -> None:
    items = [
        HealthItem("disk", "ok", ""),
        HealthItem("alert disk", "warning", ""),
        HealthItem("alert disk", "error", ""),
    ]
    alerts = pl.DataFrame({"severity": ["error", "error", "warning"], "acknowledged": [False, False, True]})
    families = list(text_string_to_metric_families(exposition("demo", metrics(), items, alerts, LOOKED)))
    assert [each.name for each in families] == list(NAMES)
    assert {each.type for each in families} == {"gauge"}
    values = {(s.name.removeprefix(PREFIX), *list(s.labels.values())[1:]): s.value for f in families for s in f.samples}
    assert values["step_seconds", "features/daily"] == 2.5
    assert values["step_failed", "features/daily"] == 1 and values["step_failed", 'odd"\\step'] == 0
    assert values["step_rows", "features/daily"] == 20 and ("step_rows", 'odd"\\step') not in values
    assert (
        values["step_started_seconds", "features/daily"] == dt.datetime(2026, 1, 2, 0, 0, 1, tzinfo=dt.UTC).timestamp()
    )
    assert (values["health", "disk"], values["health", "alert disk"]) == (0, 2)
    assert values["alerts_open", "error", "false"] == 2 and values["alerts_open", "warning", "true"] == 1
    assert [s.value for s in families[-1].samples] == [1_767_398_400], "midnight of 3 January 2026, UTC"
    assert {sample.labels["configuration"] for each in families for sample in each.samples} == {"demo"}


def test_before_the_first_run_the_text_is_sound() -> None:
    alerts = pl.DataFrame(schema={"severity": pl.String, "acknowledged": pl.Boolean})
    families = list(text_string_to_metric_families(exposition("demo", RUN_METRICS.empty(), [], alerts, LOOKED)))
    assert [len(each.samples) for each in families] == [0] * (len(NAMES) - 1) + [1]


def test_queries_of_the_dashboard_name_what_is_exposed_and_all_of_it_is_shown() -> None:
    board = json.loads((REPOSITORY / "docs" / "grafana.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [each["query"] for each in board["templating"]["list"]]
    named = {name for query in queries for name in re.findall(rf"{PREFIX}\w+", query)}
    assert named == set(NAMES)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) == 13
