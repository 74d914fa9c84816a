#!/usr/bin/env bash
# duckdb 2.0.0: a schema with the name of the database's file makes every name in it ambiguous.
# DuckDB calls an opened database after its file. In `protocol.duckdb` the statement `FROM protocol.records` could mean the
# schema `protocol` or the table `records` of the database `protocol`: creating the schema is no error, using it is. One
# would expect the schema to win, or the creation to fail. Matters for who names a file after the schema that it holds: put the
# tables into the schema `main`, then `protocol.records` is unambiguous.
# Source: seen by running it; the error says "use a fully qualified path".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import duckdb

print("duckdb", duckdb.__version__)
with duckdb.connect("protocol.duckdb") as connection:
    connection.execute("CREATE SCHEMA protocol")
    print("expected: CREATE TABLE protocol.records works, as it does in a file of another name")
    try:
        connection.execute("CREATE TABLE protocol.records (row INTEGER)")
    except duckdb.BinderException as error:
        seen = str(error)
    else:
        raise SystemExit("changed: the name is no longer ambiguous")
    print("seen:", seen)
with duckdb.connect("other.duckdb") as connection:
    connection.execute("CREATE SCHEMA protocol")
    connection.execute("CREATE TABLE protocol.records (row INTEGER)")
with duckdb.connect("protocol.duckdb") as connection:
    connection.execute("CREATE TABLE main.records AS SELECT 1 AS row")
PYTHON
