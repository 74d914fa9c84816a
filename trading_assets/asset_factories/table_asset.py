"""One way to make an asset that writes tables.

Every asset of a stage is a function of a `Step`: read, call one pure function, write, return metadata. What all
of them share (group, kinds, owner, column schema, row count, contract check) is added here.
"""

import datetime as dt
import inspect
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from trading_assets.asset_factories import step_metering
from trading_assets.asset_factories.failures import UpstreamFailedError
from trading_assets.asset_factories.quoted_secrets import secrets_hidden
from trading_assets.asset_factories.step_log import Heard
from trading_assets.asset_factories.step_metering import StepMeter, metered
from trading_assets.asset_factories.step_record import Rule, StepRecord, Window, with_decisions
from trading_assets.config import Configuration
from trading_assets.config.redaction import secrets_of
from trading_assets.garbage import memory_given_back
from trading_assets.parallel.workers import WorkersError
from trading_assets.warehouse.errors import StaleInputError, WarehouseError
from trading_assets.warehouse.lake.switch import settle
from trading_assets.warehouse.table import ContractError, Table
from trading_assets.warehouse.warehouse import UnitOfWork, Warehouse

# Backfill policies and partition mappings are "beta" in name; a warning an asset hides everything else.
warnings.filterwarnings("ignore", category=dg.BetaWarning)

OWNERS = ["team:research"]
CONTRACT = "contract"
COMPLETED = "completed"
#: In the metadata of `completed`: the failure of another step, told there, is all that is wrong with this one.
CONSEQUENCE = "consequence"
#: A step whose input another run replaced meanwhile computes again from what is there now.
STALE_RETRIES, STALE_PAUSE = 5, 1  # times; seconds
CONFIG_HASH_TAG = "trading_assets/config_hash"
#: Tag of a run whose steps compute whatever is on record of them.
RECOMPUTE_TAG = "trading_assets/recompute"
#: Tag of a run that is made because another one failed: the id of that one.
RERUN_TAG = "trading_assets/rerun_of"
#: In the metadata of an observation: the step looked, and what it would compute is there.
UNCHANGED = "unchanged"
#: Pool of steps that ask vendors.
VENDORS = "vendors"
#: In the metadata of a definition: the asset is not made anew for as long as it is what it would be.
MAY_STAY_KEY = "trading_assets/may_stay"
#: Dagster's own mark of an output that is no event of its asset.
_NO_EVENT = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}


@dataclass(frozen=True)
class Step:
    """What a compute function gets.

    Attributes
    ----------
    work
        Reads and writes of this step; a write fails if what was read has been replaced meanwhile.
    window
        Set for partitioned assets.
    strategy
        Set for an asset of one strategy.
    now
        When the step started, UTC.
    record
        What is known of its last run, which it may continue from; None: it always computes everything.
    """

    configuration: Configuration
    work: UnitOfWork
    window: Window | None
    strategy: str | None
    run_id: str
    now: dt.datetime
    log: Any
    record: StepRecord | None = None

    @property
    def months(self) -> Window:
        """The window of a partitioned asset."""
        if self.window is None:
            raise ValueError("this asset has no partitions")
        return self.window


Compute = Callable[[Step], Mapping[str, Any] | None]
#: Records that a strategy failed: writes its failed row and empties its other rows.
OnFailure = Callable[[Step, Exception], None]


def table_asset(
    compute: Compute,
    *,
    stage: str,
    tables: Sequence[Table],
    name: str | None = None,
    strategy: str | None = None,
    deps: Sequence[str | dg.AssetDep] = (),
    partitions: dg.PartitionsDefinition[str] | None = None,
    kinds: Sequence[str] = ("polars", "duckdb"),
    code_version: str = "1",
    on_failure: OnFailure | None = None,
    rule: Rule | None = None,
    pool: str | None = None,
) -> dg.AssetsDefinition:
    """Make an asset of a compute function.

    Parameters
    ----------
    compute
        Function of the step; its docstring is the asset's description.
    stage
        Asset group and first part of the key.
    tables
        The tables it writes, the main one first.
    name
        Second part of the key, or several parted by a slash; default the function's name. With `strategy` the key is
        ``stage/strategy``, or ``stage/name/strategy`` if a name is given.
    deps
        Keys such as ``"market_data/bars"``, or `AssetDep`.
    on_failure
        Given, an exception of `compute` is recorded by it and becomes the failed check ``completed``
        instead of a failed step, so that one strategy's failure leaves its neighbours alone, a broken contract
        of its rows included. Errors of the warehouse still fail the step.
    rule
        By what it is told whether the step would compute again what is there; it then leaves its tables as they are.
        None: it always computes.
    pool
        Pool of which the daemon starts so many runs at a time as the home says.
    """
    own_name = name or compute.__name__
    if rule is not None and strategy is not None:
        rule = with_decisions(rule, strategy)
    path = [stage, *([name] if name else []), strategy] if strategy else [stage, *own_name.split("/")]
    specs = [
        dg.AssetCheckSpec(
            CONTRACT,
            asset=path,
            blocking=on_failure is None,  # else the record of the failure stops what follows, and only that
            description="Frames kept the contract of their tables.",
        )
    ]
    if on_failure:
        specs.append(dg.AssetCheckSpec(COMPLETED, asset=path, description="The strategy ran to its end."))

    @dg.asset(
        key=path,
        group_name=stage,
        deps=[dep if isinstance(dep, dg.AssetDep) else dg.AssetKey(dep.split("/")) for dep in deps],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds=set(kinds),
        owners=OWNERS,
        description=inspect.cleandoc(compute.__doc__ or ""),
        code_version=code_version,
        metadata={**_definition_metadata(tables), **({MAY_STAY_KEY: True} if rule and not rule.by_month else {})},
        tags={"strategy": strategy} if strategy else {},
        check_specs=specs,
        pool=pool,
        required_resource_keys={"configuration", "warehouse"},
        output_required=False,
    )
    def materialise(context: dg.AssetExecutionContext) -> Iterator[Any]:
        kept, name = context.resources.warehouse.path, "/".join(path)
        again = (dg.RetryRequested,)
        correlation = context.get_tag(RERUN_TAG)
        with metered(kept, context.run_id, name, strategy, again, correlation) as meter, memory_given_back():
            yield from events(context, meter)

    def events(context: dg.AssetExecutionContext, meter: StepMeter) -> Iterator[Any]:
        step = _step(context, strategy, has_months=partitions is not None)
        meter.heights = step.work.heights
        mixed = step.configuration.lifecycle.hot_months
        settle(step.work.path, step.work.wait_seconds, tables, lake=step.configuration.warehouse.lake, mixed=mixed)
        heard = Heard(context.log, partial(secrets_of, step.configuration))
        window, record = step.window, None
        if rule is not None:
            is_anew = context.has_tag(RECOMPUTE_TAG)
            record = StepRecord(step.configuration, step.work, "/".join(path), tables, rule, anew=is_anew)
            window = _window_of_what_is_new(record, step)
            if window is None and (step.window is not None or record.is_unchanged()):
                meter.outcome = step_metering.UNCHANGED
                for warning in record.warnings:
                    heard.warning(warning)
                if step.window is None:
                    yield unchanged(context)
                else:
                    _observe(context)
                    yield from _told(context, dg.MaterializeResult(metadata={UNCHANGED: True}), set())
                yield from _passed(with_completed=on_failure is not None)
                return
        step = replace(step, window=window, log=heard, record=record)
        try:
            with secrets_hidden(step.configuration):
                metadata = dict(compute(step) or {})
        except ContractError as error:
            shown = {"error": str(error)} | ({} if error.rows is None else {"first": _plain(error.rows)})
            meter.outcome = step_metering.FAILED
            if on_failure is not None:
                yield from _failed(step, tables, on_failure, error)
                yield dg.AssetCheckResult(passed=False, check_name=CONTRACT, metadata=shown)
                return
            yield dg.AssetCheckResult(passed=False, check_name=CONTRACT, metadata=shown)
            raise dg.Failure(f"nothing was written: {error}", allow_retries=False) from error
        except StaleInputError as error:
            raise dg.RetryRequested(max_retries=STALE_RETRIES, seconds_to_wait=STALE_PAUSE) from error
        except Exception as error:
            if on_failure is None or not _is_of_the_strategy(error):
                raise
            meter.outcome = step_metering.FAILED
            yield from _failed(step, tables, on_failure, error)
            yield dg.AssetCheckResult(passed=True, check_name=CONTRACT)
            return
        changed = None if record is None else record.keep(heard.warnings, window)
        yield from _told(context, _result(step, tables, metadata), None if window is None else changed)
        yield from _passed(with_completed=on_failure is not None)

    return materialise


def _window_of_what_is_new(record: StepRecord, step: Step) -> Window | None:
    """The months from the first that has to be computed on; None if none has, or the step has no months."""
    if step.window is None:
        return None
    first = record.first_changed(step.window.start, step.window.end)
    return None if first is None else Window(first, step.window.end)


def unchanged(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Return what an asset without months yields whose rows are there; an instance that has no event of it gets one."""
    _observe(context)
    is_known = context.instance.get_latest_materialization_event(context.asset_key) is not None
    return dg.MaterializeResult(metadata=_NO_EVENT if is_known else {UNCHANGED: True})


def _observe(context: dg.AssetExecutionContext) -> None:
    context.log.info(f"unchanged: {context.asset_key.to_user_string()} is what it would be")
    context.log_event(dg.AssetObservation(context.asset_key, metadata={UNCHANGED: True}))


def _told(
    context: dg.AssetExecutionContext, result: dg.MaterializeResult[None], changed: Collection[str] | None
) -> Iterator[Any]:
    """Yield the event of an asset, of one by month those of the months that have changed or have none yet."""
    if changed is None or (not context.has_partition_key_range and not context.has_partition_key):
        yield result
        return
    keys = context.partition_keys
    known = context.instance.get_materialized_partitions(context.asset_key)
    told = [key for key in keys if key not in known or key[:7] in changed]
    if len(told) == len(keys):
        yield result
        return
    for key in told:
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=result.metadata))
    yield dg.MaterializeResult(metadata=_NO_EVENT)


def _passed(*, with_completed: bool) -> Iterator[dg.AssetCheckResult]:
    yield dg.AssetCheckResult(passed=True, check_name=CONTRACT)
    if with_completed:
        yield dg.AssetCheckResult(passed=True, check_name=COMPLETED)


def _failed(step: Step, tables: Sequence[Table], on_failure: OnFailure, error: Exception) -> Iterator[Any]:
    """Record the failure of a strategy, and yield what there is and that it did not complete."""
    is_consequence = isinstance(error, UpstreamFailedError)
    said = str(error) if is_consequence else f"{type(error).__name__}: {error}"
    (step.log.info if is_consequence else step.log.error)(f"strategy {step.strategy} failed: {said}")
    on_failure(step, error)
    yield _result(step, tables, {"error": said})
    metadata: dict[str, Any] = {"error": str(error), CONSEQUENCE: is_consequence}
    yield dg.AssetCheckResult(passed=False, check_name=COMPLETED, metadata=metadata)


def tables_of(assets: Sequence[dg.AssetsDefinition]) -> dict[str, list[dg.AssetKey]]:
    """Return which assets write which table, from the metadata that `table_asset` gave them."""
    producers: dict[str, list[dg.AssetKey]] = {}
    for asset in assets:
        for spec in asset.specs:
            for table in spec.metadata.get("tables", ()):
                producers.setdefault(table, []).append(spec.key)
    return producers


def column_schema(table: Table) -> dg.TableSchema:
    """Return the Dagster column schema of a table, descriptions included."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name,
                type=str(column.dtype),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (name,)),
            )
            for name, column in table.columns.items()
        ]
    )


def _definition_metadata(tables: Sequence[Table]) -> dict[str, Any]:
    if not tables:
        return {}
    return {
        "dagster/table_name": tables[0].name,
        "dagster/column_schema": column_schema(tables[0]),
        "tables": [table.name for table in tables],
    }


def _step(context: dg.AssetExecutionContext, strategy: str | None, *, has_months: bool) -> Step:
    warehouse: Warehouse = context.resources.warehouse
    window = None
    if has_months and (context.has_partition_key or context.has_partition_key_range):
        bounds = context.partition_time_window
        window = Window(bounds.start.date(), bounds.end.date() - dt.timedelta(days=1))
    return Step(
        configuration=context.resources.configuration,
        work=warehouse.unit_of_work(),
        window=window,
        strategy=strategy,
        run_id=context.run_id,
        now=dt.datetime.now(dt.UTC).replace(tzinfo=None),
        log=context.log,
    )


def _is_of_the_strategy(error: Exception) -> bool:
    return not isinstance(error, WarehouseError | WorkersError | dg.Failure | dg.RetryRequested)


def _result(step: Step, tables: Sequence[Table], metadata: Mapping[str, Any]) -> dg.MaterializeResult[None]:
    rows = {table.name: height for table, height in step.work.heights.items()}
    counts: dict[str, Any] = {"dagster/row_count": rows[tables[0].name]} if tables and tables[0].name in rows else {}
    counts |= {f"rows in {name}": count for name, count in rows.items() if name != (tables[0].name if tables else None)}
    return dg.MaterializeResult(metadata={**counts, **{key: _plain(value) for key, value in metadata.items()}})


def _plain(value: Any) -> Any:
    if isinstance(value, pl.DataFrame):
        return dg.MetadataValue.md(_markdown(value))
    if isinstance(value, dt.date):
        return value.isoformat()
    return "" if value is None else value


def _markdown(frame: pl.DataFrame) -> str:
    header = "| " + " | ".join(frame.columns) + " |\n|" + "---|" * frame.width + "\n"
    return header + "\n".join(
        "| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in frame.iter_rows()
    )
