#!/usr/bin/env bash
# dagster 1.13.20: with the default storage, each event of a run opens a SQLite database and closes it again, index and run
# alike; nothing is kept open between two events, so each closing connection is the last one and copies the write-ahead
# log back to the disk.
# Why it matters: a run of an hour's pipeline in small steps waits for the disk thousands of times. A process that runs jobs
# itself can hold a connection to each database open meanwhile (https://sqlite.org/wal.html, section 2.1).
# Source: run below; the databases are described in https://docs.dagster.io/deployment/oss/oss-instance-configuration.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dagster==1.13.20
mkdir "$folder/home"
cat >"$folder/count.py" <<'PYTHON'
import logging
import sys
from importlib.metadata import version

import dagster as dg

opened = 0


def count(event, arguments):
    global opened
    opened += event == "sqlite3.connect"


sys.addaudithook(count)


@dg.op
def nothing():
    pass


@dg.job
def ten_steps():
    for number in range(10):
        nothing.alias(f"step_{number}")()


logging.disable(logging.CRITICAL)
with dg.DagsterInstance.get() as instance:
    before = opened
    result = ten_steps.execute_in_process(instance=instance)
    during = opened - before
    events = len(instance.all_logs(result.run_id))
print(f"dagster {version('dagster')}: {events} events on record, {during} connections opened while they were written")
print("expected by most: one connection for each database, or a few")
print(f"seen: {during / events:.1f} connections an event")
sys.exit(0 if events > 40 and during >= events else 1)
PYTHON
cat >"$folder/home/dagster.yaml" <<'YAML'
telemetry: {enabled: false}
YAML
DAGSTER_HOME="$folder/home" "$folder/venv/bin/python" "$folder/count.py"
