#!/usr/bin/env bash
# numba 0.68.1: a compiled function that calls another with a constant gets a copy of it for each constant.
# `inner(values, 0) + inner(values, 1)` within compiled code makes two machine codes of `inner`, of the types
# `Literal[int](0)` and `Literal[int](1)`; called with the same numbers in variables, or from Python, it is one. One would
# expect one for all integers, as `numba.literally` is the documented way to ask for a type a value. Matters for whoever
# writes an engine of many small functions with codes of reasons and sides as arguments: the same function was compiled
# eleven times, and a quarter of the time that an entry point takes to compile went there. Pass codes in variables or
# records, or take the literal out of the types.
# Source: seen by running it; `numba.literally` in numba's reference, "Notes on Literal Types".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numba==0.68.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import numba
import numpy as np

print("numba", numba.__version__)


def compiled() -> tuple:
    @numba.njit
    def signed_sum(values, side):
        total = 0.0
        for value in values:
            total += value if side > 0 else -value
        return total

    @numba.njit
    def of_constants(values):
        return signed_sum(values, 0) + signed_sum(values, 1) + signed_sum(values, 2)

    @numba.njit
    def of_variables(values, first, second, third):
        return signed_sum(values, first) + signed_sum(values, second) + signed_sum(values, third)

    return signed_sum, of_constants, of_variables


prices = np.ones(3)
function, of_constants, of_variables = compiled()
of_variables(prices, 0, 1, 2)
function(prices, 0), function(prices, 1)
print("of variables, and from Python:", len(function.signatures), "machine code")
assert len(function.signatures) == 1, "changed: values in variables make several"
function, of_constants, of_variables = compiled()
of_constants(prices)
print("expected: as many of constants")
print("seen:", len(function.signatures), [str(types[1]) for types in function.signatures])
if len(function.signatures) != 3:
    raise SystemExit("changed: constants no longer make a machine code each")
PYTHON
