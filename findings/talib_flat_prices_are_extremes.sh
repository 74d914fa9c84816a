#!/usr/bin/env bash
# TA-Lib 0.8.2: where prices do not move, RSI is 0, the fast stochastic 0, MFI 0, Williams %R 0: the first three say
# "oversold" and the last one says "overbought", of the same bars. Neutral would be 50, 50, 50 and -50, or nothing.
# Why it matters: a suspended or illiquid share, a pegged coin and a padded holiday have flat prices for days, and a rule
# such as RSI < 30 buys all of them.
# Source: run below; the ratio of gains to moves is 0/0 there (Wilder 1978 does not define it).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check TA-Lib==0.8.2 numpy==2.4.6
"$folder/venv/bin/python" <<'PYTHON'
import sys
import numpy as np
import talib

moving = 100 + np.cumsum(np.random.default_rng(0).normal(0, 1, 60))
close = np.concatenate([moving, np.full(60, moving[-1])])
volume = np.full(120, 1000.0)
flat = np.full(120, 100.0)
seen = {
    "RSI, always flat": talib.RSI(flat, 14)[-1],
    "RSI, flat after moves": talib.RSI(close, 14)[-1],
    "fast stochastic": talib.STOCHF(flat, flat, flat)[0][-1],
    "MFI": talib.MFI(flat, flat, flat, volume, 14)[-1],
    "Williams %R": talib.WILLR(flat, flat, flat, 14)[-1],
}
print(f"TA-Lib {talib.__version__}")
print("expected by most: 50 (Williams %R: -50), or NaN")
print("seen:", {name: round(float(value), 2) for name, value in seen.items()})
after_moves = seen.pop("RSI, flat after moves")
if any(value != 0 for value in seen.values()) or not 20 < after_moves < 80:
    sys.exit("this has changed")
PYTHON
