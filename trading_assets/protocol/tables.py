"""Tables of `protocol.duckdb`: one chain of records, and the bulk contents that its rows name by their hashes.

They are in the schema `main`: DuckDB calls the database by the name of its file, so that `protocol.records` is the
table `records` of it. A schema called `protocol` in a file of that name would make every such name ambiguous.
"""

from __future__ import annotations

from typing import get_args

import polars as pl

from trading_assets.protocol.records import Kind
from trading_assets.protocol.trials_table import TRIALS
from trading_assets.warehouse.table import Column, Table

_HASH = Column(pl.String, "SHA-256 of the rows that belong together, see protocol/contents.py")
_POSITION = Column(pl.Int64, "position among them, from 0", at_least=0)

RECORDS = Table(
    name="main.records",
    description="All that a data folder has on record, in one chain (append only)",
    key=("row",),
    columns={
        "row": Column(pl.Int64, "position in the chain, from 1", at_least=1),
        "kind": Column(pl.String, "what happened", one_of=get_args(Kind)),
        "recorded_at": Column(pl.Datetime("us"), "when it was written, UTC; never before the row before"),
        "configuration": Column(pl.String, "name of the configuration that wrote it; empty: the folder itself"),
        "subject": Column(pl.String, "strategy or model that it is about; null: the configuration", nullable=True),
        "payload": Column(pl.String, "canonical JSON object; `contents` maps side tables to hashes of their rows"),
        "previous_hash": Column(pl.String, "row_hash of the row before; 64 zeros on the first"),
        "row_hash": Column(pl.String, "SHA-256 of the other columns; that of row 1 stands for the folder"),
    },
)

#: Trials as `robustness.trials` has them, a content for each step that evaluated some.
TRIAL_ROWS = Table(
    name="main.trials",
    description="Trials of all configurations of the data folder (append only)",
    key=("content", "position"),
    columns={
        "content": _HASH,
        "position": _POSITION,
        **TRIALS.columns,
        "benchmark_returns": Column(
            pl.List(pl.Float32),
            "what the trial is measured against on these sessions: the benchmark at its own net exposure; null unless "
            "a sweep evaluated it",
            nullable=True,
        ),
    },
)

#: A series of daily returns, such as the equal-weight returns of a universe.
RETURNS = Table(
    name="main.returns",
    description="Daily returns that records refer to (append only)",
    key=("content", "position"),
    columns={
        "content": _HASH,
        "position": _POSITION,
        "session": Column(pl.Date, "session"),
        "value": Column(pl.Float64, "return of that session, a fraction; null where there is none", nullable=True),
    },
)

#: Long texts, such as the contents of registrations.
TEXTS = Table(
    name="main.texts",
    description="Long texts that records refer to (append only)",
    key=("content", "position"),
    columns={"content": _HASH, "position": _POSITION, "text": Column(pl.String, "the text")},
)

#: What was received of a strategy's market by the time that it was registered.
RECEIVED = Table(
    name="main.received",
    description="What was received of a market when a strategy was registered, by symbol (append only)",
    key=("content", "position"),
    columns={
        "content": _HASH,
        "position": _POSITION,
        "symbol": Column(pl.String, "symbol; empty: what is configured of sources and universes"),
        "said": Column(pl.String, "JSON: memberships, sector, delisting, and a hash and a mark of each bar"),
        "quality": Column(pl.String, "JSON: flags and reasons of the bars that have any", nullable=True),
    },
)

CONTENTS = (TRIAL_ROWS, RETURNS, TEXTS, RECEIVED)

#: A view for each kind that people ask for, over what its payloads have in common.
VIEWS = {
    f"main.{name}": (
        "SELECT row, recorded_at, configuration, subject, "
        + ", ".join(f"payload ->> '$.{key}' AS {key}" for key in keys)
        + f"{', ' if keys else ''}payload FROM main.records WHERE kind = '{kind}'"
    )
    for name, kind, keys in (
        ("registrations", "registration", ("registration_hash", "registered_on", "product_version")),
        ("batches", "batch", ()),
        ("looks", "look", ("registration_hash", "look", "override")),
        ("results", "result", ("registration_hash", "look", "result")),
        ("exposures", "exposure", ("stage", "start", "end")),
        ("upgrades", "upgrade", ("old_hash", "new_hash", "old_version", "new_version")),
        ("imports", "import", ("file", "rows", "row_hash", "refused")),
        ("exports", "export", ("count", "row_hash")),
        ("restores", "restore", ("copied", "made_at", "lost", "cause")),
    )
}
