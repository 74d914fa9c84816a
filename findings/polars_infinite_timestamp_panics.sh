#!/usr/bin/env bash
# polars 2.1.0 with duckdb 2.0.0: reading rows with a timestamp of infinity ends in a panic that `except Exception` does not catch.
# DuckDB stores 'infinity' in a TIMESTAMP and hands it to Polars as the largest 64-bit number. `iter_rows` then raises
# PanicException, which derives from BaseException; one would expect an OverflowError or ValueError. Matters for who reads
# a table that somebody else may have edited: compare the physical numbers with the range of Python's datetime first.
# Source: seen by running it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import duckdb
import polars as pl

print("polars", pl.__version__, "duckdb", duckdb.__version__)
print("expected: OverflowError or ValueError, an Exception")
rows = duckdb.sql("SELECT TIMESTAMP 'infinity' AS at").pl()
try:
    list(rows.iter_rows())
except Exception as error:
    raise SystemExit(f"changed: now a {type(error).__name__}")
except BaseException as error:
    print("seen:", type(error).__name__, "- no Exception, by", type(error).__mro__[1].__name__)
else:
    raise SystemExit("changed: no error any more")
PYTHON
