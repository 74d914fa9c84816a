"""Everything put together: the pipeline from bars to verdict, top to bottom in the order data flows."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg

import trading_assets.analytics.assets
import trading_assets.analytics.checks
import trading_assets.backtests.assets
import trading_assets.backtests.checks
import trading_assets.features.assets
import trading_assets.features.checks
import trading_assets.market_data.assets
import trading_assets.market_data.checks
import trading_assets.models.assets
import trading_assets.models.checks
import trading_assets.monitoring.assets
import trading_assets.monitoring.checks
import trading_assets.reports.assets
import trading_assets.reports.checks
import trading_assets.robustness.assets
import trading_assets.robustness.checks
import trading_assets.strategies.assets
import trading_assets.trading.assets
import trading_assets.trading.checks
from trading_assets import automation
from trading_assets.asset_factories.sql_assets import build_sql_assets
from trading_assets.asset_factories.table_asset import CONFIG_HASH_TAG, MAY_STAY_KEY, tables_of
from trading_assets.config import Configuration, load_configuration
from trading_assets.config.redaction import secrets_of
from trading_assets.monitoring.end_of_run import after_steps
from trading_assets.monitoring.freshness_windows import MAY_STAY, window_of
from trading_assets.runs.marked import marked
from trading_assets.structured_log import going_on, open_log
from trading_assets.warehouse import Table, Warehouse

STAGES = (
    trading_assets.market_data,
    trading_assets.features,
    trading_assets.models,
    trading_assets.strategies,
    trading_assets.backtests,
    trading_assets.robustness,
    trading_assets.trading,
    trading_assets.analytics,
    trading_assets.reports,
    trading_assets.monitoring,
)
#: The logger of a run from a terminal.
TERMINAL = "terminal"
#: Stages with checks of their own: what a strategy decides is checked where it is traded.
CHECKED = tuple(stage for stage in STAGES if stage is not trading_assets.strategies)


def build_definitions(
    configuration: Configuration, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Return the code location of one configuration.

    Parameters
    ----------
    configuration
        Decides partitions, strategies, models and executor.
    resource_overrides
        Resources by name that replace the real ones, for tests.
    """
    assets = [asset for stage in STAGES for asset in stage.assets.build_assets(configuration)]
    assets += build_sql_assets(configuration, producers=tables_of(assets), tables=declared_tables())
    assets = with_freshness(configuration, assets)
    checks = [check for stage in CHECKED for check in stage.checks.build_checks(configuration)]
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=automation.build_jobs(configuration),
        schedules=automation.build_schedules(configuration),
        sensors=automation.build_sensors(configuration),
        executor=_executor(configuration),
        loggers={"console": dg.colored_console_logger, TERMINAL: _terminal_logger()},
        resources={
            "configuration": _configuration_resource(configuration),
            "warehouse": Warehouse(configuration.warehouse_path),
            **(resource_overrides or {}),
        },
    )


def with_freshness(configuration: Configuration, assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return assets with the age from which on the UI shows them as stale; where the end is fixed nothing ages."""
    window = window_of(configuration)
    if window is None:
        return list(assets)

    def with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
        own = MAY_STAY if spec.metadata.get(MAY_STAY_KEY) else window
        policy = dg.FreshnessPolicy.time_window(fail_window=own.stale, warn_window=own.warn)
        return spec.replace_attributes(freshness_policy=policy)

    return [each.map_asset_specs(with_policy) for each in assets]


def declared_tables() -> dict[str, Table]:
    """Return every table that a stage declares, by name."""
    return {item.name: item for stage in STAGES for item in vars(stage.tables).values() if isinstance(item, Table)}


def _configuration_resource(configuration: Configuration) -> dg.ResourceDefinition:
    """The configuration, refused to a step whose run started with another one.

    A run may outlive an edit of the file: with the multiprocess executor every step reads it again.
    """

    def initialise(context: dg.InitResourceContext) -> Iterator[Configuration]:
        assert_started_with_it(context)
        if context.run is None:
            yield configuration
            return
        with open_log(configuration.logs, configuration.home, secrets_of(configuration)):
            try:
                yield configuration
            finally:  # however the steps of this process have ended
                with going_on(run_id=context.run.run_id):
                    after_steps(configuration)

    def assert_started_with_it(context: dg.InitResourceContext) -> None:
        if context.run is None or context.instance is None:
            return
        run = context.instance.get_run_by_id(context.run.run_id)
        started_with = (run or context.run).tags.get(CONFIG_HASH_TAG)
        if started_with is None:
            context.instance.add_run_tags(context.run.run_id, {CONFIG_HASH_TAG: configuration.hash})
        elif started_with != configuration.hash:
            raise dg.Failure(
                f"the configuration changed while the run was going on: it started with {started_with}, "
                f"this step reads {configuration.hash}. Start a new run.",
                allow_retries=False,
            )

    return dg.ResourceDefinition(initialise, description="The validated configuration of this code location.")


class TerminalFormatter(logging.Formatter):
    """Format what a step says as one line for people: how bad it is, where, what."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        meta = getattr(record, "dagster_meta", {})
        where = (meta.get("step_key") or "").replace("__", "/")
        said = meta.get("orig_message") or record.getMessage()
        return f"{record.levelname.lower()}: {where + ': ' if where else ''}{said}"


def _is_warning(record: logging.LogRecord) -> bool:
    """Whether a step warns; events of the run, and what fails, the command tells itself."""
    meta = getattr(record, "dagster_meta", {})
    return record.levelno == logging.WARNING and meta.get("dagster_event") is None


def _terminal_logger() -> dg.LoggerDefinition:
    def initialise(context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.getLogger(f"trading_assets.{TERMINAL}")
        logger.propagate = False
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(TerminalFormatter())
        handler.addFilter(_is_warning)
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING)
        return logger

    return dg.LoggerDefinition(initialise, description="Warnings of steps, a line each, on stderr.")


def _executor(configuration: Configuration) -> dg.ExecutorDefinition:
    if configuration.executor == "multiprocess":
        preload = {"forkserver": {"preload_modules": ["trading_assets.definitions"]}}
        return marked(dg.multiprocess_executor, configuration.name).configured({"start_method": preload})
    return marked(
        dg.in_process_executor, configuration.name
    )  # with `dask` too: steps compute parts on workers, and write here


configuration = load_configuration()
defs = build_definitions(configuration)


def everything() -> dg.JobDefinition:
    """Return the job of all assets, for callers that need to rebuild it in another process."""
    return defs.resolve_job_def(automation.EVERYTHING)


@lru_cache(maxsize=1)
def everything_of(config: str, data: str, run: str) -> dg.JobDefinition:
    """Return the job of all assets of a configuration, made once for a run.

    Parameters
    ----------
    config, data
        The YAML file and the data folder.
    run
        Anything that no other run has: the same files may say something else then.
    """
    loaded = load_configuration(Path(config), Path(data))
    return build_definitions(loaded).resolve_job_def(automation.EVERYTHING)
