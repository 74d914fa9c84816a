"""SQL models as assets: ``dbt_like_sql/<schema>/<table>.sql`` becomes the asset ``<schema>/<table>``.

A model is a table, computed when it is materialised, or a view, computed when it is read (`SqlModel.is_view`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
import polars as pl

import trading_assets
from trading_assets.asset_factories.step_metering import UNCHANGED, StepMeter, metered
from trading_assets.asset_factories.step_record import Rule, StepRecord
from trading_assets.asset_factories.table_asset import (
    MAY_STAY_KEY,
    OWNERS,
    RECOMPUTE_TAG,
    RERUN_TAG,
    unchanged,
)
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.configuration import STAGES
from trading_assets.warehouse import storage
from trading_assets.warehouse.errors import MissingTableError
from trading_assets.warehouse.slices import Whole
from trading_assets.warehouse.sql_models import SqlModel, SqlModelError, parse_models, with_replacements
from trading_assets.warehouse.table import Column, Table
from trading_assets.warehouse.warehouse import UnitOfWork, Warehouse

Producers = Mapping[str, Sequence[dg.AssetKey]]
#: Folder of SQL models beside a configuration, as the shipped ones have it.
FOLDER = "dbt_like_sql"
_VOLATILE = re.compile(
    r"\b(now|today|age|random|uuid\w*|gen_random_uuid|setseed|nextval|(table)?sample"
    r"|(get_)?current_\w+|localtime\w*|transaction_timestamp)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = frozenset({*STAGES, "main", "temp", "system", "information_schema", "pg_catalog", "protocol", storage.META})


def build_sql_assets(
    configuration: Configuration, producers: Producers, tables: Mapping[str, Table], folder: Path | None = None
) -> list[dg.AssetsDefinition]:
    """Return one asset for each SQL model.

    Parameters
    ----------
    producers
        Which assets write which table.
    tables
        Declared tables by name; one that is not written yet counts as empty.
    folder
        Where the models are; default the shipped ones, and those beside the configuration.

    Raises
    ------
    SqlModelError
        A file is not one SELECT on ``schema.table`` names.
    ConfigurationError
        One beside the configuration is not, or has a name that is of the house.
    """
    columns_of = {name: table.columns for name, table in tables.items() if table.extra is None}
    own = {} if folder else own_models(configuration)
    try:
        models = parse_models({**read_models(folder or models_folder()), **own}, columns_of)
    except SqlModelError as error:
        if not own:
            raise
        raise ConfigurationError(f"{error}\n  folder: {configuration.directory / FOLDER}") from None
    writers = {**producers, **{model.name: [_key(model.name)] for model in models}}
    return [_asset(configuration, model, writers, tables) for model in models]


def models_folder() -> Path:
    """``dbt_like_sql``: inside the package once installed, beside it in a source checkout."""
    package = Path(trading_assets.__file__).parent
    installed = package / "dbt_like_sql"
    return installed if installed.is_dir() else package.parent / "dbt_like_sql"


def own_models(configuration: Configuration) -> dict[str, str]:
    """Return the SQL of the models beside the configuration, by ``schema.table``; none where there is no such folder.

    Raises
    ------
    ConfigurationError
        A name is none, or its schema is one of the house, whose tables no model of a user's may replace.
    """
    folder, shipped = configuration.directory / FOLDER, read_models(models_folder())
    found = {name: sql for name, sql in read_models(folder).items() if shipped.get(name) != sql}
    for name in found:
        schema, table = name.split(".", 1)
        file = folder / schema / f"{table}.sql"
        if not (_NAME.fullmatch(schema) and _NAME.fullmatch(table)):
            raise ConfigurationError(
                f"{name} is no name of a table\n  file: {file}\n  expected: {FOLDER}/<schema>/<table>.sql, lower case"
            )
        if schema in _TAKEN:
            raise ConfigurationError(
                f"{schema} is a schema of the house\n  file: {file}\n  expected: a schema of your own, such as research"
            )
    return found


def read_models(folder: Path) -> dict[str, str]:
    """Return SQL by ``schema.table`` of every file in the folder."""
    return {
        f"{path.parent.name}.{path.stem}": path.read_text(encoding="utf-8") for path in sorted(folder.glob("*/*.sql"))
    }


def run_model(work: UnitOfWork, model: SqlModel, tables: Mapping[str, Table]) -> pl.DataFrame:
    """Compute a model from the warehouse and replace its table with the result.

    Parameters
    ----------
    work, model
        Reads and writes of the step, and the model.
    tables
        Declared tables by name: one of them that is not written yet is empty.

    Raises
    ------
    MissingTableError
        It reads a table that is neither written nor declared.
    """
    absent = _absent(work, model, tables)
    sql = with_replacements(model, {name: f"empty {name}" for name in absent}) if absent else model.sql
    frames = {f"empty {name}": tables[name].empty() for name in absent}
    frame = work.query(sql, reads=model.dependencies, frames=frames)
    work.replace(Whole(), {_table(model, frame): frame})
    return frame


def define_view(work: UnitOfWork, model: SqlModel, tables: Mapping[str, Table]) -> tuple[int, pl.DataFrame]:
    """Define the view of a model; return how many rows it has now, and an empty frame of its columns.

    Parameters
    ----------
    work, model
        Reads and writes of the step, and the model.
    tables
        Declared tables by name: one of them that is not written yet is empty.

    Raises
    ------
    MissingTableError
        It reads a table that is neither written nor declared.
    """
    _absent(work, model, tables)
    work.define_view(model.name, model.sql, [tables[name] for name in model.dependencies if name in tables])
    with work.held_open():
        rows = work.query(f"SELECT count(*) FROM {model.name}").item()
        return rows, work.query(f"FROM {model.name} LIMIT 0")


def _absent(work: UnitOfWork, model: SqlModel, tables: Mapping[str, Table]) -> list[str]:
    """Tables that a model reads, declared but not written; one that is neither raises `MissingTableError`."""
    with work.held_open():
        absent = [name for name in model.dependencies if not work.exists(name)]
    for name in absent:
        if name not in tables:
            raise MissingTableError(storage.missing(name))
    return absent


def is_volatile(sql: str) -> bool:
    """Return whether a SELECT may give something else from the same rows: by the clock, by chance, or of a sample."""
    return _VOLATILE.search(sql) is not None


def _asset(
    configuration: Configuration, model: SqlModel, writers: Producers, tables: Mapping[str, Table]
) -> dg.AssetsDefinition:
    key = _key(model.name)

    @dg.asset(
        key=key,
        group_name=key.path[0],
        deps=sorted({writer for name in model.dependencies for writer in writers.get(name, ())}),
        backfill_policy=dg.BackfillPolicy.single_run(),
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        description=model.description,
        code_version=model.code_version,
        metadata={
            "dagster/table_name": model.name,
            MAY_STAY_KEY: not model.is_view,
            "dagster/column_lineage": _column_lineage(model, writers),
            "sql": dg.MetadataValue.md(f"```sql\n{model.sql}\n```"),
            "warehouse": dg.MetadataValue.path(configuration.warehouse_path),
        },
        required_resource_keys={"configuration", "warehouse"},
    )
    def materialise(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        path, correlation = context.resources.warehouse.path, context.get_tag(RERUN_TAG)
        with metered(path, context.run_id, "/".join(key.path), None, correlation=correlation) as meter:
            return result(context, meter)

    def result(context: dg.AssetExecutionContext, meter: StepMeter) -> dg.MaterializeResult[None]:
        warehouse: Warehouse = context.resources.warehouse
        work = warehouse.unit_of_work()
        meter.heights = work.heights
        if model.is_view:
            rows, frame = define_view(work, model, tables)
        else:
            rule = Rule(None if is_volatile(model.sql) else lambda _: model.sql)
            record = StepRecord(context.resources.configuration, work, "/".join(key.path), (), rule)
            if not context.has_tag(RECOMPUTE_TAG) and record.is_unchanged():
                meter.outcome = UNCHANGED
                return unchanged(context)
            frame = run_model(work, model, tables)
            rows = frame.height
            record.keep([], None)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows,
                "dagster/column_schema": _column_schema(model, frame),
            }
        )

    return materialise


def _table(model: SqlModel, frame: pl.DataFrame) -> Table:
    """The table of a model's result: no key, so rows keep the order that the SELECT gives them."""
    columns = {name: Column(dtype, model.columns.get(name, ""), nullable=True) for name, dtype in frame.schema.items()}
    return Table(name=model.name, description=model.description, key=(), columns=columns)


def _column_schema(model: SqlModel, frame: pl.DataFrame) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, type=str(dtype), description=model.columns.get(name) or None)
            for name, dtype in frame.schema.items()
        ]
    )


def _column_lineage(model: SqlModel, writers: Producers) -> dg.TableColumnLineage:
    """Lineage by asset: tables that one asset writes together are one dependency."""
    by_column = {
        column: {(writer, source) for table, source in sources for writer in writers.get(table, ())}
        for column, sources in model.lineage.items()
    }
    return dg.TableColumnLineage(
        deps_by_column={
            column: [dg.TableColumnDep(asset_key=writer, column_name=source) for writer, source in sorted(pairs)]
            for column, pairs in by_column.items()
        }
    )


def _key(name: str) -> dg.AssetKey:
    return dg.AssetKey(name.split("."))
