"""A trace a run, a span a step, to a collector of OpenTelemetry: made at the end of a run of what it put on record."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

LOGGER = logging.getLogger(__name__)
#: Seconds that the end of a run gives the collector.
TIMEOUT = 5
_MEASURES = ("outcome", "strategy", "rows", "cpu_seconds", "peak_mb", "lock_wait_seconds", "vendor_requests")


def send_traces(configuration: str, metrics: pl.DataFrame) -> bool:
    """Send the steps of runs to the collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, by default on this machine.

    A collector that does not answer is a line in the log, and costs a run some seconds at most.

    Parameters
    ----------
    configuration, metrics
        Name of the configuration, and rows of `monitoring.run_metrics`.

    Returns
    -------
    bool
        Whether they were sent.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError:
        LOGGER.warning("no trace is sent: `logs.traces` needs the extra `otel`")
        return False
    return export(configuration, metrics, OTLPSpanExporter(timeout=TIMEOUT))


def export(configuration: str, metrics: pl.DataFrame, exporter: SpanExporter) -> bool:
    """Hand spans to an exporter: one a run, and one a step below it.

    Ids follow from the run: where each step has a process of its own, what they send is one trace all the same.

    Parameters
    ----------
    configuration, metrics, exporter
        As `send_traces` has them, and what sends them.
    """
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Status, StatusCode, set_span_in_context

    resource = Resource({"service.name": "trading_assets", "configuration": configuration})
    of = _Named()

    class Ids(IdGenerator):
        """Ids of what is named next."""

        def generate_trace_id(self) -> int:
            return _number(16, of.run)

        def generate_span_id(self) -> int:
            return _number(8, of.run, *of.span)

    provider = TracerProvider(resource=resource, shutdown_on_exit=False, id_generator=Ids())
    tracer, spans = provider.get_tracer("trading_assets"), list[ReadableSpan]()
    for (run_id,), steps in metrics.sort("started_at").group_by("run_id", maintain_order=True):
        of.run, of.span = str(run_id), ("run",)
        ends = [_nanoseconds(row["started_at"]) + int(row["seconds"] * 1e9) for row in steps.iter_rows(named=True)]
        run = tracer.start_span(
            "run", start_time=_nanoseconds(steps["started_at"][0]), attributes={"run_id": str(run_id)}
        )
        for row, end in zip(steps.iter_rows(named=True), ends, strict=True):
            of.span = (row["step"], row["started_at"].isoformat())
            known = {name: row[name] for name in _MEASURES if row[name] is not None}
            step = tracer.start_span(
                row["step"],
                context=set_span_in_context(run),
                start_time=_nanoseconds(row["started_at"]),
                attributes={"run_id": str(run_id), **known},
            )
            if row["outcome"] == "failed":
                step.set_status(Status(StatusCode.ERROR))
                run.set_status(Status(StatusCode.ERROR))
            step.end(end)
            spans.append(step)  # type: ignore[arg-type]
        run.end(max(ends))
        spans.append(run)  # type: ignore[arg-type]
    try:
        return exporter.export(spans) is SpanExportResult.SUCCESS
    except Exception as error:  # a collector must not fail a run
        LOGGER.warning("no trace was sent: %s", type(error).__name__)
        return False
    finally:
        exporter.shutdown()


@dataclass
class _Named:
    """A run, and a span of it."""

    run: str = ""
    span: tuple[str, ...] = ()


def _number(size: int, *of: str) -> int:
    """A number of so many bytes, never zero, that the same names always have."""
    return int.from_bytes(hashlib.sha256("\n".join(of).encode()).digest()[:size]) or 1


def _nanoseconds(at: dt.datetime) -> int:
    return int(at.replace(tzinfo=dt.UTC).timestamp()) * 10**9 + at.microsecond * 1000
