#!/usr/bin/env bash
# Polars 2.1.0, DuckDB 2.0.0, PyArrow 26.0.1: none of their reads of a file raises Python's audit event `open`.
# Why it matters: an audit hook (sys.addaudithook) that is to say, or forbid, what a strategy reads sees `open()` alone; a
# table that Polars, DuckDB or Arrow reads goes past it. Only the kernel sees them all (Landlock).
# Source: run below; https://docs.python.org/3/library/audit_events.html lists events that Python itself raises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.0 pyarrow==26.0.1
printf 'a,b\n1,2\n' > "$folder/table.csv"
"$folder/venv/bin/python" - "$folder/table.csv" <<'PYTHON'
import sys
import duckdb, polars, pyarrow, pyarrow.csv

path, seen = sys.argv[1], []
sys.addaudithook(lambda event, arguments: seen.append(arguments[0]) if event == "open" and arguments[0] == path else None)

def by_python():
    with open(path) as file:
        file.read()

reads = {
    "open": by_python,
    "polars.read_csv": lambda: polars.read_csv(path),
    "polars.scan_csv": lambda: polars.scan_csv(path).collect(),
    "duckdb.sql": lambda: duckdb.sql(f"FROM read_csv('{path}')").fetchall(),
    "pyarrow.csv.read_csv": lambda: pyarrow.csv.read_csv(path),
}
print(f"polars {polars.__version__}, duckdb {duckdb.__version__}, pyarrow {pyarrow.__version__}")
print("expected by most: an audit event for every file that is read")
found = {}
for name, read in reads.items():
    seen.clear()
    read()
    found[name] = bool(seen)
    print(f"  {name}: {'seen' if seen else 'not seen'}")
if found != {name: name == "open" for name in reads}:
    sys.exit("this has changed: open alone was seen")
PYTHON
