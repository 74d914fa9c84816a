#!/usr/bin/env bash
# DuckDB 2.0.0: commits whose write-ahead log is gone, empty or cut are dropped without a word.
# A commit is in `x.duckdb.wal`, synced, until the database is closed or checkpointed. A process that is killed leaves both files. One
# would expect that DuckDB notices at the next opening when the log, or its end, is missing: the checksums of entries look like it. Seen:
# only a wrong byte in the middle is an error. Without the log, with an empty one, one of zeros, or one that lacks a byte at its end, the
# database opens with what was there before; opened to write, it then removes what is left of the log. Matters for copies of
# the `.duckdb` file alone, for a log that somebody deletes, and after a loss of power: keep a number of the last commit elsewhere.
# Source: seen by running it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

print("duckdb", duckdb.__version__)
with duckdb.connect("x.duckdb") as connection:
    connection.execute("CREATE TABLE t (commit_number INTEGER, text VARCHAR)")
WRITER = """
import duckdb, os, signal
connection = duckdb.connect("x.duckdb")
for number in range(1, 6):
    connection.execute("INSERT INTO t SELECT ?, repeat('x', 100) FROM range(10)", [number])
os.kill(os.getpid(), signal.SIGKILL)
"""
subprocess.run([sys.executable, "-c", WRITER], check=False)
log = Path("x.duckdb.wal").read_bytes()
print("five commits, then SIGKILL: a log of", len(log), "bytes")


def commits(left: bytes | None) -> int:
    for name in ("y.duckdb", "y.duckdb.wal"):
        Path(name).unlink(missing_ok=True)
    shutil.copy("x.duckdb", "y.duckdb")
    if left is not None:
        Path("y.duckdb.wal").write_bytes(left)
    with duckdb.connect("y.duckdb") as connection:
        return connection.execute("SELECT count(DISTINCT commit_number) FROM t").fetchall()[0][0]


seen = {
    "whole": commits(log),
    "gone": commits(None),
    "empty": commits(b""),
    "zeros": commits(bytes(len(log))),
    "cut by a byte": commits(log[:-1]),
    "cut in half": commits(log[: len(log) // 2]),
}
print("expected: an error for each but the first")
for state, found in seen.items():
    print(f"seen: log {state}: {found} commits, no error")
assert seen["whole"] == 5, seen
assert all(found < 5 for state, found in seen.items() if state != "whole"), "changed: no commit was dropped"
wrong = bytearray(log)
wrong[len(log) // 2] ^= 0xFF
try:
    commits(bytes(wrong))
except duckdb.Error as error:
    print("seen: a wrong byte in the middle:", str(error).splitlines()[0][:120])
else:
    raise SystemExit("changed: a wrong byte is no error")
PYTHON
