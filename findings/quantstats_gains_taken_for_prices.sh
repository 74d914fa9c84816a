#!/usr/bin/env bash
# quantstats 0.0.86: a series of returns without a loss, with one gain above 100 %, is taken for prices and differenced
# again: its Sharpe, volatility and drawdown are those of another series. No warning; `comp` of the same series does not.
# Why it matters: monthly returns of a lottery-like strategy, of a coin that is launched, or a series of winning trades
# looks like that; the page then shows a drawdown although the series has no loss.
# Source: run below; the guess is made where returns are prepared (smallest value >= 0, largest > 1).
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

days = pd.bdate_range("2020-01-01", periods=500)
returns = pd.Series(np.abs(np.random.default_rng(5).normal(0.0005, 0.01, 500)), days)
returns.iloc[10] = 1.5
sharpe = quantstats.stats.sharpe(returns)
right = returns.mean() / returns.std() * np.sqrt(252)
smaller = returns.clip(upper=0.9)
agrees = quantstats.stats.sharpe(smaller) / (smaller.mean() / smaller.std() * np.sqrt(252))
print(f"quantstats {quantstats.__version__}")
print("expected by most: a Sharpe of mean / deviation x sqrt(252)")
print(f"seen: {sharpe:.4f} instead of {right:.4f}; with the gain cut to 90 %: {agrees:.4f} of the usual one")
if not (abs(sharpe / right - 1) > 0.1 and abs(agrees - 1) < 1e-9):
    sys.exit("this has changed")
PYTHON
