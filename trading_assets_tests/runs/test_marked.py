"""A run carries the mark of its process, whichever executor runs its steps."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from trading_assets.config.runs import CONFIGURATION_TAG
from trading_assets.runs.marked import PROCESS_TAG, marked
from trading_assets.runs.processes import this_process


@dg.op
def one() -> int:
    return 1


@dg.job(executor_def=marked(dg.in_process_executor, "tiny"))
def here() -> None:
    one()


@dg.job(executor_def=marked(dg.multiprocess_executor, "tiny").configured({"max_concurrent": 1}))
def in_processes() -> None:
    one()


@pytest.mark.slow
@pytest.mark.parametrize("job", [here, in_processes])
def test_a_run_has_the_mark_of_this_process(job: dg.JobDefinition, tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        done = dg.execute_job(dg.reconstructable(globals()[job.name]), instance)
        assert done.success
        run = instance.get_run_by_id(done.run_id)
        assert run is not None
        assert run.tags[PROCESS_TAG] == str(this_process())
        assert run.tags[CONFIGURATION_TAG] == "tiny", "a home may have runs of several"
