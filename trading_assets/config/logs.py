"""The log of records: where it is, how it looks, how much of it is kept. No result follows from it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trading_assets.config.sections import Section


class Logs(Section):
    """Records of runs: steps, signals, orders, trades, portfolios, and what modules say."""

    to: Literal["file", "stderr", "off"] = Field(
        default="file", description="file: logs/records.jsonl in the folder of the configuration"
    )
    format: Literal["json", "console"] = Field(default="json", description="a JSON object a line, or words for people")
    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least that is kept")
    largest_mib: float = Field(default=20.0, gt=0, le=10_000, description="of a file; then it is put aside")
    keep: int = Field(default=5, ge=1, le=1_000, description="files that are kept beside the newest; older ones go")
    traces: bool = Field(
        default=False, description="send a trace a run, a span a step, to a collector of OpenTelemetry; extra `otel`"
    )
