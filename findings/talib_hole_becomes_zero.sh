#!/usr/bin/env bash
# TA-Lib 0.8.2: after one missing price RSI, CMO, CORREL and ULTOSC are 0 to the end of the series, ADX keeps its
# last value, and WMA has values again after a while; SMA, EMA and ATR are NaN to the end. Nothing says so.
# Why it matters: a hole is common in real bars, and 0 is a legal value: an RSI of 0 is the strongest buy of a rule of mean
# reversion, a correlation of 0 a diversifier. Rules that drop rows without indicators do not see these rows.
# Source: run below. Comparisons with NaN are false, so a sum that is NaN falls into the branch of a market that is flat.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check TA-Lib==0.8.2 numpy==2.4.6
"$folder/venv/bin/python" <<'PYTHON'
import sys
import numpy as np
import talib

random = np.random.default_rng(0)
whole = 100 + np.cumsum(random.normal(0, 1, 300))
other = 100 + np.cumsum(random.normal(0, 1, 300))
holed = whole.copy()
holed[50] = np.nan

def indicators(close):
    high, low = close + 1, close - 1
    return {
        "RSI": talib.RSI(close, 10),
        "CMO": talib.CMO(close, 10),
        "CORREL": talib.CORREL(close, other, 10),
        "ULTOSC": talib.ULTOSC(high, low, close),
        "ADX": talib.ADX(high, low, close, 14),
        "SMA": talib.SMA(close, 10),
        "EMA": talib.EMA(close, 10),
        "ATR": talib.ATR(high, low, close, 14),
    }

print(f"TA-Lib {talib.__version__}")
print("expected by most: NaN for a window after the hole, or to the end; never a number of its own")
right, seen = indicators(whole), indicators(holed)
for name in right:
    print(f"seen: {name:<6} 50 rows after the hole {seen[name][100]:8.3f}, without a hole {right[name][100]:8.3f}")
zero = all((seen[name][-100:] == 0).all() for name in ("RSI", "CMO", "CORREL", "ULTOSC"))
frozen = np.ptp(seen["ADX"][-100:]) == 0
lost = all(np.isnan(seen[name][-100:]).all() for name in ("SMA", "EMA", "ATR"))
if not (zero and frozen and lost):
    sys.exit("this has changed")
PYTHON
