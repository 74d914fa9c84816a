#!/usr/bin/env bash
# Dagster 1.13.29: monthly partitions whose start_date is not the first of a month begin with the NEXT month, and weekly
# ones with the next Sunday; no warning. A source that starts on 2 January has no partition for January.
# Why it matters: `start_date` reads as "data from then on". The first bars, which every moving average warms up on, are
# in no partition, no run asks for them, and nothing is missing on the page.
# Source: run below; a partition is a whole window of the cron schedule behind the definition.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dagster==1.13.29
"$folder/venv/bin/python" 2>/dev/null <<'PYTHON'
import datetime as dt
import sys
import dagster as dg

now = dt.datetime(2020, 4, 10, tzinfo=dt.timezone.utc)
first = {
    start: dg.MonthlyPartitionsDefinition(start_date=start).get_partition_keys(current_time=now)[0]
    for start in ("2020-01-01", "2020-01-02", "2020-01-15")
}
week = dg.WeeklyPartitionsDefinition(start_date="2020-01-01").get_partition_keys(current_time=now)[0]
print(f"dagster {dg.__version__}")
print("expected by most: the first partition is the one that start_date is in")
print("seen:", first, "weekly from 2020-01-01:", week)
if first != {"2020-01-01": "2020-01-01", "2020-01-02": "2020-02-01", "2020-01-15": "2020-02-01"} or week != "2020-01-05":
    sys.exit("this has changed")
PYTHON
