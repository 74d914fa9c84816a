#!/usr/bin/env bash
# pandera 0.35.0 with Polars: validate() of a LazyFrame looks at names and types alone unless PANDERA_VALIDATION_DEPTH says
# otherwise. Checks of values are made neither then nor at collect(): a close of -5 passes `Check.gt(0)` that the same
# eager frame fails.
# Why it matters: a pipeline that scans Parquet lazily believes that its contract on prices holds; turning scan into read
# is what makes the contract true.
# Source: run below; pandera's documentation of Polars (validation depth).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "pandera[polars]==0.35.0" polars==2.1.0
"$folder/venv/bin/python" <<'PYTHON'
import sys
from importlib.metadata import version
import pandera.polars as pa
import polars as pl

bars = pa.DataFrameSchema({"close": pa.Column(float, pa.Check.gt(0))})
frame = pl.DataFrame({"close": [1.0, -5.0]})

def passes(rows):
    try:
        return bars.validate(rows).lazy().collect().height == 2
    except pa.errors.SchemaError:
        return False

seen = {"DataFrame": passes(frame), "LazyFrame": passes(frame.lazy())}
print(f"pandera {version('pandera')}, polars {pl.__version__}")
print("expected by most: a bad value fails wherever it is, at the latest when rows are collected")
print("seen: passes", seen)
if seen != {"DataFrame": False, "LazyFrame": True}:
    sys.exit("this has changed")
PYTHON
