"""What steps have computed, on record beside their tables: of what, and what came of it.

A record says that a step which read rows of these hashes left rows of those. As it is checked against the rows
themselves, it cannot say so of what was never computed: a step that is killed on the way leaves rows that the record of
an earlier run does not fit, and so does an edit by hand, or an older version of the product.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import duckdb

from trading_assets.warehouse.connection import open_to_read, open_to_write, transaction
from trading_assets.warehouse.content import Selected, content_of, content_read, selected_from
from trading_assets.warehouse.warehouse import UnitOfWork, Warehouse

_CREATE = (
    "CREATE TABLE IF NOT EXISTS meta.computed"
    " (step VARCHAR NOT NULL, identity VARCHAR NOT NULL, content VARCHAR NOT NULL, number BIGINT NOT NULL)"
)


@dataclass(frozen=True)
class Computed:
    """The record of one step.

    Attributes
    ----------
    identity
        Hash of all that decides what it computes and is in no table: configuration, code, files.
    protocol
        First record of the protocol in which is what it put on record; None where there was none yet.
    reads, writes
        Hashes of the rows that it read, and of those that it left.
    inputs, outputs
        Of a step by month: hashes by ``2016-01`` of what is read of each month and all before it, and of what it left
        in each.
    warnings
        What it warned of.
    state
        What it left for its next run to continue from, as JSON has it.
    number
        Commit up to which it is known to be of what it rests on.
    """

    identity: str
    protocol: str | None
    reads: Mapping[Selected, str]
    writes: Mapping[Selected, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0


def computed_of(warehouse: Warehouse, step: str) -> Computed | None:
    """Return the record of a step; None before there is one."""
    if not warehouse.path.exists():
        return None
    with open_to_read(warehouse.path, warehouse.wait_seconds) as connection:
        try:
            rows = connection.execute(
                "SELECT identity, content, number FROM meta.computed WHERE step = ?", [step]
            ).fetchall()
        except duckdb.CatalogException:
            return None
    if len(rows) != 1:
        return None
    identity, content, number = rows[0]
    with suppress(KeyError, ValueError, TypeError):  # as of another version
        return _computed(identity, json.loads(content), number)
    return None


def _computed(identity: str, said: Mapping[str, Any], number: int) -> Computed:
    return Computed(
        identity,
        said["protocol"],
        {selected_from(text): found for text, found in said["reads"]},
        {selected_from(text): found for text, found in said["writes"]},
        said["inputs"],
        said["outputs"],
        said["warnings"],
        said.get("state", {}),
        number,
    )


def keep_computed(
    work: UnitOfWork, step: str, record_of: Callable[[duckdb.DuckDBPyConnection], Computed]
) -> Computed | None:
    """Put the record of a step in place of its last one, with the number of the last commit.

    Parameters
    ----------
    work
        Reads and writes of the step. If another run replaced any of it since, there is nothing to record.
    step
        Key of its asset.
    record_of
        Makes the record under the lock, from an open database, outside of a transaction.

    Returns
    -------
    Computed or None
        What was recorded.
    """
    with open_to_write(work.path, work.wait_seconds) as connection:
        if not work.is_current(connection):
            return None
        computed = record_of(connection)
        content = {
            "protocol": computed.protocol,
            "reads": [(rows.text, found) for rows, found in computed.reads.items()],
            "writes": [(rows.text, found) for rows, found in computed.writes.items()],
            "inputs": dict(computed.inputs),
            "outputs": dict(computed.outputs),
            "warnings": list(computed.warnings),
            "state": dict(computed.state),
        }
        with transaction(connection):
            connection.execute(_CREATE).fetchall()
            connection.execute("DELETE FROM meta.computed WHERE step = ?", [step]).fetchall()
            connection.execute(
                "INSERT INTO meta.computed SELECT ?, ?, ?, coalesce(max(number), 0) FROM meta.commits",
                [step, computed.identity, json.dumps(content)],
            ).fetchall()
    return computed


def commit_to_confirm(warehouse: Warehouse, computed: Computed) -> int | None:
    """Return the last commit if something that a step rests on was written since it was last known to be of it.

    Parameters
    ----------
    warehouse, computed
        See `keep_computed`; to be asked under the lock under which the step was found to be of what is there.
    """
    tables = sorted({name for rows in computed.reads for name in rows.tables})
    with open_to_read(warehouse.path, warehouse.wait_seconds) as connection:
        ((last, of_reads),) = connection.execute(
            "SELECT coalesce(max(number), 0), coalesce(max(number) FILTER (list_contains(?, table_name)), 0)"
            " FROM meta.commits",
            [tables],
        ).fetchall()
    return None if of_reads <= computed.number else int(last)


def confirm_computed(warehouse: Warehouse, step: str, number: int) -> None:
    """Put on record that a step is of what it rests on as that was at a commit; another run may have written since.

    Parameters
    ----------
    warehouse, step
        Warehouse, and key of the step's asset.
    number
        Number of the commit, see `commit_to_confirm`.
    """
    with open_to_write(warehouse.path, warehouse.wait_seconds) as connection, transaction(connection):
        connection.execute(
            "UPDATE meta.computed SET number = greatest(number, ?) WHERE step = ?", [number, step]
        ).fetchall()


def confirmed_commit(warehouse: Warehouse, step: str) -> int:
    """Return the commit up to which a step is known to be of what it rests on; 0 without a record."""
    known = computed_of(warehouse, step)
    return 0 if known is None else known.number


def stands(warehouse: Warehouse, computed: Computed) -> bool:
    """Return whether what a record says was read and left is still there."""
    if not warehouse.path.exists():
        return False
    with open_to_read(warehouse.path, warehouse.wait_seconds) as connection:
        return all(content_read(connection, rows) == found for rows, found in computed.reads.items()) and all(
            content_of(connection, rows) == found for rows, found in computed.writes.items()
        )
