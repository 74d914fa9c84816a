#!/usr/bin/env bash
# Dagster 1.13.29: a run whose process was killed stays STARTED for ever with the default launcher, run monitoring or not:
# monitoring asks launchers that can tell whether a worker lives, and the default one cannot. Deleting a run leaves the
# file of its events.
# Why it matters: a run under way takes one of the places of the queue. After as many killed runs as it has places
# (ten), as by a machine that lost power, nothing is started any more, and nothing says so.
# Source: run below; `monitor_started_run` in dagster/_daemon/monitoring/run_monitoring.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dagster==1.13.29
export DAGSTER_HOME="$folder/home"
mkdir "$DAGSTER_HOME"
printf 'run_monitoring: {enabled: true}\ntelemetry: {enabled: false}\n' > "$DAGSTER_HOME/dagster.yaml"
"$folder/venv/bin/python" 2>/dev/null <<'PYTHON'
import logging
import os
import pathlib
import sys
from unittest.mock import MagicMock

import dagster as dg
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration


@dg.op
def killed():
    os.kill(os.getpid(), 9)


@dg.job
def job():
    killed()


if not os.fork():
    with dg.DagsterInstance.get() as instance:
        job.execute_in_process(instance=instance)
os.wait()
with dg.DagsterInstance.get() as instance:
    [run] = instance.get_runs()
    context = MagicMock(instance=instance)
    list(execute_run_monitoring_iteration(context, logging.getLogger("monitoring")))
    status = instance.get_run_by_id(run.run_id).status.value
    can_tell = instance.run_launcher.supports_check_run_worker_health
    file = pathlib.Path(os.environ["DAGSTER_HOME"], "history", "runs", f"{run.run_id}.db")
    instance.delete_run(run.run_id)
print(f"dagster {dg.__version__}")
print("expected by most: the killed run is failed by run monitoring; deleting it frees its space")
print(f"seen: {status}, the launcher can tell: {can_tell}, the file of events after deletion: {file.exists()}")
if (status, can_tell, file.exists()) != ("STARTED", False, True):
    sys.exit("this has changed")
PYTHON
