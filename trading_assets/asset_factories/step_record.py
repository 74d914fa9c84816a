"""Whether a step would compute again what is there, by the record of its last run (`warehouse.computed`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import duckdb
import polars as pl

from trading_assets.asset_factories.step_identity import identity_of_step, protocol_id
from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.protocol.decisions import decisions_behind
from trading_assets.warehouse import storage
from trading_assets.warehouse.computed import (
    Computed,
    commit_to_confirm,
    computed_of,
    confirm_computed,
    keep_computed,
    stands,
)
from trading_assets.warehouse.connection import held_to_read, open_to_read
from trading_assets.warehouse.content import Selected, content_by_month, content_of
from trading_assets.warehouse.errors import WarehouseError
from trading_assets.warehouse.slices import Sessions, Slice, Whole, last_of_month
from trading_assets.warehouse.table import Table
from trading_assets.warehouse.warehouse import UnitOfWork

#: What a step reads that is in no table: a value that JSON has, and that changes with it.
Beside = Callable[[Configuration], object]


def nothing(configuration: Configuration) -> object:
    """Return what a step has beside it that reads tables and the configuration alone."""
    return None


@dataclass(frozen=True)
class Window:
    """The months of a run's partitions, as dates, both inclusive."""

    start: dt.date
    end: dt.date


class ByMonth(NamedTuple):
    """What a step by month reads and leaves: a month follows from the rows of that month and of all before it.

    Attributes
    ----------
    reads, columns
        Table with a session, and those of its columns that are read; none: all.
    leaves
        Tables with a session.
    beside
        Further tables with a session that are read whole, of which it is likewise.
    """

    reads: Table
    columns: tuple[str, ...]
    leaves: tuple[Table, ...]
    beside: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Rule:
    """By what it is told whether a step has to compute.

    Attributes
    ----------
    beside
        What it reads that is in no table; None: what cannot be told, as of a vendor, so that it always computes.
    own_rows
        SQL condition on the rows of a table with a `split` that are the step's own; empty: all.
    own_tables
        Tables that it reads as it left them, and that say nothing but what it put there: its ledgers.
    by_month
        Of a step by month.
    leaves
        State of what it leaves that is in no table, such as files.
    """

    beside: Beside | None = None
    own_rows: str = ""
    own_tables: tuple[Table, ...] = ()
    by_month: ByMonth | None = None
    leaves: Beside = nothing


def with_decisions(rule: Rule, strategy: str) -> Rule:
    """Return the rule of a step of a strategy: it computes again after a decision by hand on a champion that it reads.

    The decision is part of what is registered, even where it changes no score.
    """
    own = rule.beside
    if own is None:
        return rule

    def beside(configuration: Configuration) -> object:
        by_hand = [each.plain() for each in decisions_behind(configuration, strategy)]
        return [own(configuration), by_hand] if by_hand else own(configuration)

    return replace(rule, beside=beside)


class Months(NamedTuple):
    """Hashes by month, as `2016-01`: of what is read up to each, and of what is left in it."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


class StepRecord:
    """The record of a step: what is known of its last run, and what is to be known of this one.

    Parameters
    ----------
    configuration, work
        Configuration, reads and writes of the step.
    key
        Key of its asset.
    tables, rule
        Tables that it writes, and by what it is told whether it has to.
    anew
        Whether it shall compute everything, whatever is on record.

    Attributes
    ----------
    left_state
        What the next run may continue from, see `state`.
    """

    def __init__(
        self,
        configuration: Configuration,
        work: UnitOfWork,
        key: str,
        tables: Sequence[Table],
        rule: Rule,
        *,
        anew: bool = False,
    ) -> None:
        self._configuration, self._work, self._key, self._rule = configuration, work, key, rule
        self._aside = work.aside()
        self._with_splits = {table.name for table in tables if "split" in table.columns}
        self._not_read = {table.name for table in rule.own_tables}
        if rule.by_month is not None:
            read = (rule.by_month.reads, *rule.by_month.beside)
            self._not_read |= {table.name for table in (*read, *tables)}
        work.trace.leave_out(self._not_read)
        self._inputs: Mapping[str, str] = {}
        self._identity: str | None = None
        if rule.beside is not None:
            # What cannot be read is told by the step itself, which then computes.
            with suppress(Exception):
                self._identity = identity_of_step(configuration, rule.beside(configuration))
        self._anew = anew
        self.left_state: Mapping[str, Any] = {}

    @cached_property
    def _last(self) -> Computed | None:
        return computed_of(self._aside, self._key)

    @property
    def warnings(self) -> Sequence[str]:
        """What the last run warned of."""
        return () if self._last is None else self._last.warnings

    def was_read(self, rows: Selected) -> bool:
        """Return whether the last run of the same read these rows, which this one has read, and as they are."""
        now, last = self._work.trace.noted(rows), self._to_continue
        return now is not None and last is not None and last.reads.get(rows) == now

    def left(self, table: Table, slice_: Slice | None = None) -> pl.DataFrame | None:
        """Return rows of a table as the last run of the same left them; None if they are not those any more.

        Parameters
        ----------
        table, slice_
            Table, and the slice of it that the step replaces; None: the whole of it.
        """
        rows, last = Selected.of_table(table.name, slice_ or Whole()), self._to_continue
        if last is None or rows not in last.writes:
            return None
        with open_to_read(self._aside.path, self._aside.wait_seconds) as connection:
            if content_of(connection, rows) != last.writes[rows]:
                return None
            return storage.select(connection, table, slice_=slice_)

    @property
    def state(self) -> Mapping[str, Any]:
        """What the last run of the same left to continue from; empty if there was none."""
        return {} if self._to_continue is None else self._to_continue.state

    @cached_property
    def _to_continue(self) -> Computed | None:
        return None if self._anew or not self._is_same() else self._last

    def is_unchanged(self) -> bool:
        """Return whether what a step without months would compute is there."""
        if self._anew:
            return False
        with self._aside.held_open():  # opening takes longer than each of its reads
            if not self._stands():
                return False
            number = self._to_confirm()
        self._confirm(number)
        return True

    def first_changed(self, start: dt.date, end: dt.date) -> dt.date | None:
        """Return the first day of the first month that has to be computed; None if none has.

        Parameters
        ----------
        start, end
            First and last day of the months of the run.
        """
        if self._rule.by_month is None or self._anew or not self._aside.path.exists():
            return start
        with held_to_read(self._aside.path, self._aside.wait_seconds) as connection:
            last = self._last
            if last is None or not self._stands():
                return start
            now, number = _months(connection, self._rule.by_month, end), self._to_confirm()
        self._inputs = now.inputs
        for month in _months_of(start, end):
            if now.inputs.get(month) != last.inputs.get(month) or now.outputs.get(month) != last.outputs.get(month):
                return max(start, dt.date.fromisoformat(f"{month}-01"))
        self._confirm(number)
        return None

    def keep(self, warnings: Sequence[str], window: Window | None) -> set[str]:
        """Put on record what the step has computed.

        Parameters
        ----------
        warnings
            What it warned of.
        window
            The months that it computed; None for a step without.

        Returns
        -------
        Months of which what it left is not what was on record.
        """
        if self._identity is None and self._rule.by_month is None:
            return set()
        identity, protocol = self._full_identity() or "", protocol_id(self._configuration)
        old = {} if self._last is None else self._last.outputs
        kept: Computed | None = None
        with suppress(WarehouseError):  # its rows are written: without a record it computes again
            kept = keep_computed(
                self._work, self._key, lambda connection: self._record(connection, identity, protocol, warnings, window)
            )
        if window is None:
            return set()
        if kept is None:
            return set(_months_of(window.start, window.end))
        return {month for month in _months_of(window.start, window.end) if old.get(month) != kept.outputs.get(month)}

    def _record(
        self,
        connection: duckdb.DuckDBPyConnection,
        identity: str,
        protocol: str | None,
        warnings: Sequence[str],
        window: Window | None,
    ) -> Computed:
        trace, by_month = self._work.trace, self._rule.by_month
        whole = [self._own(each.rows) for each in trace.written if not (each.by_month and by_month is not None)]
        computed = Computed(
            identity,
            protocol,
            trace.reads_beside(self._not_read),
            {each: content_of(connection, each) for each in whole},
            warnings=list(warnings),
            state=self.left_state,
        )
        if window is None or by_month is None:
            return computed
        slices = [each.slice_ for each in trace.written if isinstance(each.slice_, Sessions)]
        since, others = min([window.start, *(each.start for each in slices)]).replace(day=1), self._kept(computed)
        # What is read of the months before was looked at before it was computed; of none: they were not asked.
        before = None if since == dt.date.min else self._inputs.get(f"{since - dt.timedelta(days=1):%Y-%m}")
        if before is None:
            now = _months(connection, by_month, window.end)
        else:
            now = _months(connection, by_month, window.end, since, before)
        made = set(_months_of(window.start, window.end))
        # A step may have put right what it left before its months; what stands in others is not its own.
        own = {month for each in slices for month in _in(each, now)}
        outputs = {
            month: now.outputs.get(month, found) if month in own else found for month, found in others.outputs.items()
        }
        return replace(
            computed,
            inputs={**others.inputs, **{month: found for month, found in now.inputs.items() if month in made}},
            outputs={**outputs, **{month: found for month, found in now.outputs.items() if month in made}},
        )

    def _kept(self, computed: Computed) -> Months:
        """What is on record of other months, if these follow from the same."""
        last = self._last
        if last is None or last.identity != computed.identity:
            return Months({}, {})
        if any(last.reads.get(rows, found) != found for rows, found in computed.reads.items()):
            return Months({}, {})
        return Months(last.inputs, last.outputs)

    def _full_identity(self) -> str | None:
        if self._identity is None:
            return None
        return digest([self._identity, self._rule.leaves(self._configuration)])

    def _is_same(self) -> bool:
        """Whether what decides a step beside its tables is what it was."""
        last = self._last
        if self._identity is None or last is None:
            return False
        with suppress(Exception):  # of the protocol: the step itself tells it
            return last.identity == self._full_identity() and last.protocol in (
                None,
                protocol_id(self._configuration),
            )
        return False

    def _stands(self) -> bool:
        """Whether all but the months is as it was."""
        if self._last is None or not self._is_same():
            return False
        with suppress(Exception):
            return stands(self._aside, self._last)
        return False

    def _to_confirm(self) -> int | None:
        """Commit up to which the step is found to be of what it rests on, if something of that was written since."""
        return None if self._last is None else commit_to_confirm(self._aside, self._last)

    def _confirm(self, number: int | None) -> None:
        with suppress(WarehouseError):
            if number is not None:
                confirm_computed(self._aside, self._key, number)

    def _own(self, rows: Selected) -> Selected:
        if not self._rule.own_rows or rows.source not in self._with_splits:
            return rows
        where = f"{rows.where} AND " if rows.where else " WHERE "
        return replace(rows, where=f"{where}({self._rule.own_rows})")


def _months(
    connection: duckdb.DuckDBPyConnection,
    by_month: ByMonth,
    end: dt.date,
    since: dt.date = dt.date.min,
    so_far: str = "",
) -> Months:
    """Hashes of what is read and left, by month up to the last, from one on if what is read before it is known."""
    span = Sessions(since, end)
    reads = Selected.of_table(by_month.reads.name, span, columns=by_month.columns)
    found = content_by_month(connection, reads)
    for each in by_month.beside:
        for month, content in content_by_month(connection, Selected.of_table(each.name, span)).items():
            found[month] = f"{found.get(month, '')} {each.name} {content}"
    leaves = [Selected.of_table(each.name, Sessions(since, dt.date.max)) for each in by_month.leaves]
    left = [content_by_month(connection, each) for each in leaves]
    inputs = dict[str, str]()
    for month in _months_between({*found, *(month for each in left for month in each)}, end):
        so_far = digest([so_far, found[month]]) if month in found else so_far
        inputs[month] = so_far
    return Months(inputs, {month: " ".join(each.get(month, "") for each in left) for month in inputs})


def _months_of(start: dt.date, end: dt.date) -> list[str]:
    return [
        f"{month // 12}-{month % 12 + 1:02d}"
        for month in range(start.year * 12 + start.month - 1, end.year * 12 + end.month)
    ]


def _in(slice_: Sessions, months: Months) -> list[str]:
    """Months of which every session is in a slice."""
    firsts = {month: _first(month) for month in months.outputs}
    return [month for month, day in firsts.items() if slice_.start <= day and last_of_month(day) <= slice_.end]


def _first(month: str) -> dt.date:
    return dt.date.fromisoformat(f"{month}-01")


def _months_between(names: Collection[str], end: dt.date) -> list[str]:
    first = min(names, default=None)
    return [] if first is None else _months_of(dt.date.fromisoformat(f"{first}-01"), end)
