#!/usr/bin/env bash
# duckdb 2.0.0 with polars 2.1.0: an INTERVAL (also inside a list or a struct) makes `relation.pl()` panic, and a BLOB, BIT or
# BIGNUM column arrives but makes `DataFrame.write_json()` panic. What is raised is a PanicException, which is no Exception:
# `except Exception` lets it pass, and the process prints Rust's words.
# Why it matters: a SELECT that a person types, such as `SELECT list(session - lag_session)`, ends a program that catches
# every error it knows. Cast such types to text in SQL before a frame is made of them.
# Source: run below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
"$folder/venv/bin/python" 2>"$folder/rust" <<'PYTHON'
import sys
import duckdb
import polars as pl

def outcome(action):
    try:
        return f"value {action()!r}"
    except Exception as error:
        return f"Exception {type(error).__name__}"
    except BaseException as error:
        return f"no Exception {type(error).__name__}"

nested = outcome(lambda: duckdb.sql("SELECT [INTERVAL 1 DAY] AS x").pl())
written = outcome(lambda: duckdb.sql("SELECT 'x'::BLOB AS x").pl().write_json())
as_text = outcome(lambda: duckdb.sql("SELECT CAST([INTERVAL 1 DAY] AS VARCHAR[]) AS x").pl()["x"].to_list())
print(f"duckdb {duckdb.__version__}, polars {pl.__version__}")
print("expected by most: a value, or an error that `except Exception` catches")
print(f"seen: interval in a list: {nested}; JSON of a BLOB: {written}; cast before: {as_text}")
if not (nested == written == "no Exception PanicException" and as_text == "value [['1 day']]"):
    sys.exit("this has changed")
PYTHON
