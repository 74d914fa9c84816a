"""A trace a run and a span a step, at the times that are on record."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

import polars as pl
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from trading_assets.monitoring.tables import RUN_METRICS
from trading_assets.monitoring.traces import export

START = dt.datetime(2026, 1, 1, 0, 0, 0, 250_000)


def steps() -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            "run_id": ["1", "1", "2"],
            "step": ["a/b", "c/d", "a/b"],
            "outcome": ["done", "failed", "done"],
            "started_at": [START, START + dt.timedelta(seconds=5), START + dt.timedelta(days=1)],
            "seconds": [2.0, 1.5, 1.0],
            "rows": [7, None, 3],
        }
    )
    zeros = {name: pl.lit(0) for name in RUN_METRICS.columns if name not in rows.columns and name != "strategy"}
    return RUN_METRICS.conform(rows.with_columns(**zeros))


def test_spans_of_steps_lie_in_that_of_their_run() -> None:
    """The first run takes 6.5 s from its first step to the end of its last."""
    memory = InMemorySpanExporter()
    assert export("demo", steps(), memory)
    spans = memory.get_finished_spans()
    assert [each.name for each in spans] == ["a/b", "c/d", "run", "a/b", "run"]
    first, second, run, _, other = spans
    begun = int(START.replace(tzinfo=dt.UTC, microsecond=0).timestamp()) * 10**9 + 250_000_000
    assert (run.start_time, run.end_time) == (begun, begun + 6_500_000_000)
    assert (first.start_time, first.end_time) == (begun, begun + 2_000_000_000)
    assert {each.parent.span_id for each in (first, second) if each.parent} == {run.context.span_id}
    assert len({run.context.trace_id, other.context.trace_id}) == 2 and second.context.trace_id == run.context.trace_id
    assert (second.status.is_ok, run.status.is_ok, other.status.is_ok) == (False, False, True)
    assert dict(first.attributes or {})["rows"] == 7 and "rows" not in dict(second.attributes or {})
    assert run.resource.attributes["configuration"] == "demo"


def test_what_two_processes_send_of_a_run_is_one_trace_with_ids_that_are_the_same_each_time() -> None:
    """As the multiprocess executor does: each step is sent by a process of its own."""

    def sent(step: str) -> list[tuple[str, int, int, int | None]]:
        memory = InMemorySpanExporter()
        assert export("demo", steps().filter(run_id="1", step=step), memory)
        return [
            (each.name, each.context.trace_id, each.context.span_id, each.parent.span_id if each.parent else None)
            for each in memory.get_finished_spans()
        ]

    first, second = sent("a/b"), sent("c/d")
    assert first == sent("a/b")
    assert len({trace for _, trace, _, _ in first + second}) == 1
    assert first[1] == second[1] and first[0][3] == second[0][3] == first[1][2], "both lie in the span of the run"
    assert len({span for _, _, span, _ in first + second}) == 3


class Down(SpanExporter):
    """A collector that is not there."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise ConnectionError("no collector")


def test_a_collector_that_is_down_fails_no_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert not export("demo", steps(), Down())
    assert caplog.messages == ["no trace was sent: ConnectionError"]
