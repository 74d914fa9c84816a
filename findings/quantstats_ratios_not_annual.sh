#!/usr/bin/env bash
# quantstats 0.0.86: the information ratio is a daily one, and the Treynor ratio divides the total return of the whole
# period by beta; Sharpe, Sortino, volatility and alpha beside them in the same table are annual.
# Why it matters: an information ratio of 0.02 beside a Sharpe of 0.83 reads as "no skill", where the annual one is 0.36
# (sqrt(252) times as much); a Treynor ratio grows with the length of the sample.
# Source: run below; annual definitions: Grinold and Kahn (2000), Active Portfolio Management, ch. 5; Treynor (1965).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check quantstats==0.0.86
"$folder/venv/bin/python" 2>/dev/null <<'PYTHON'
import sys
import numpy as np
import pandas as pd
import quantstats

days = pd.bdate_range("2020-01-01", periods=1008)
random = np.random.default_rng(5)
market = pd.Series(random.normal(0.0003, 0.01, 1008), days)
returns = 0.5 * market + pd.Series(random.normal(0.0004, 0.008, 1008), days)
active = returns - market
daily = active.mean() / active.std()
ratio = quantstats.stats.information_ratio(returns, market)
beta = quantstats.stats.greeks(returns, market)["beta"]
treynor = quantstats.stats.treynor_ratio(returns, market)
total = (1 + returns).prod() - 1
annual = (1 + total) ** (252 / 1008) - 1
print(f"quantstats {quantstats.__version__}")
print(f"expected by most: information ratio {daily * np.sqrt(252):.3f}, Treynor {annual / beta:.3f}")
print(f"seen: information ratio {ratio:.3f} (daily: {daily:.3f}), Treynor {treynor:.3f} (total return: {total / beta:.3f})")
if not (abs(ratio / daily - 1) < 1e-6 and abs(treynor / (total / beta) - 1) < 1e-6):
    sys.exit("this has changed")
PYTHON
