#!/usr/bin/env bash
# alphalens-reloaded 0.5.1: a symbol without a price on a day has a forward return of that day all the same: prices are
# carried forward, so the return of the following days is booked as one day's, from a price at which nobody could buy.
# Why it matters: what resumes after a halt moves far. A factor that says "was halted" earns that move in the quantile
# returns and in the information coefficient, although no order could have been filled.
# Source: run below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check alphalens-reloaded==0.5.1 pandas==3.1.1
"$folder/venv/bin/python" 2>/dev/null <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version
import numpy as np
import pandas as pd
from alphalens.utils import get_clean_factor_and_forward_returns

random = np.random.default_rng(0)
days, symbols = pd.bdate_range("2020-01-01", periods=60), list("ABCDEFGHIJ")
prices = pd.DataFrame(100 * np.cumprod(1 + random.normal(0, 0.01, (60, 10)), axis=0), days, symbols)
prices.loc[days[10], "A"] = np.nan
prices.loc[days[11] :, "A"] *= 1.5
factor = pd.DataFrame(random.normal(size=(60, 10)), days, symbols).stack()
factor.index = factor.index.set_names(["date", "asset"])
with contextlib.redirect_stdout(io.StringIO()):
    rows = get_clean_factor_and_forward_returns(factor, prices, periods=(1,), quantiles=5)
halted = rows.xs("A", level="asset")["1D"].get(days[10], float("nan"))
two_days = prices.loc[days[11], "A"] / prices.loc[days[9], "A"] - 1
print(f"alphalens-reloaded {version('alphalens-reloaded')}")
print("expected by most: no row, or no return, of a symbol on a day on which it has no price")
print(f"seen: a return of one day of {halted:.4f}; from the last price before the halt to the first one after: {two_days:.4f}")
if not abs(halted - two_days) < 1e-9:
    sys.exit("this has changed")
PYTHON
