"""Executors that write down which process a run is in, before its first step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig

from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.runs.processes import this_process

#: Tag of a run with the mark of its process.
PROCESS_TAG = "trading_assets/process"


def marked(definition: dg.ExecutorDefinition, of: str) -> dg.ExecutorDefinition:
    """Return an executor that does what another one does, and tags the run with the mark of its process.

    The run gets the name of its configuration, `of`, too, as one that somebody asked for in the UI has none yet.
    """
    create = definition.executor_creation_fn

    def creation(context: dg.InitExecutorContext) -> dg.Executor:
        assert create is not None
        return _Marked(create(context), of)

    return dg.ExecutorDefinition(
        name=definition.name,
        config_schema=definition.config_schema,  # type: ignore[arg-type]
        requirements=definition._requirements_fn,
        executor_creation_fn=creation,
        description=definition.description,
    )


class _Marked(dg.Executor):
    def __init__(self, inner: dg.Executor, of: str) -> None:
        self._inner, self._of = inner, of

    @property
    def retries(self) -> RetryMode:
        return self._inner.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        return self._inner.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        tags = {PROCESS_TAG: str(this_process()), CONFIGURATION_TAG: self._of}
        plan_context.instance.add_run_tags(plan_context.run_id, tags)
        yield from self._inner.execute(plan_context, execution_plan)
