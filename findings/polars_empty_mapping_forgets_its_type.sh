#!/usr/bin/env bash
# Polars 2.1.0: `replace_strict` with an empty mapping and `return_dtype=Float64` is no Float64 in the plan of an expression.
# Where there are no rows, and so nothing to map, one would expect an empty column of the type that was asked for, as with a
# mapping that has a key. Seen: the product with a Float64 column is refused as arithmetic on Float64 and String. A mapping that
# is made from data is empty on the first quiet day. Make the column from the rows instead: `pl.Series([...], dtype=...)`.
# Source: seen by running it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import polars as pl

print("polars", pl.__version__)
rows = pl.DataFrame(schema={"key": pl.String, "quantity": pl.Float64})
share = {
    name: pl.col("key").replace_strict(mapping, return_dtype=pl.Float64)
    for name, mapping in (("one key", {"a": 0.5}), ("no key", {}))
}
print("expected: no rows of Float64 for both")
found = rows.select(pl.col("quantity") * share["one key"])
print("one key:", found.schema["quantity"])
assert found.schema["quantity"] == pl.Float64
try:
    rows.select(pl.col("quantity") * share["no key"])
except pl.exceptions.InvalidOperationError as error:
    print("seen with no key:", str(error).splitlines()[0])
    assert "f64 and str" in str(error), f"changed: {error}"
else:
    raise SystemExit("changed: no error any more")
PYTHON
