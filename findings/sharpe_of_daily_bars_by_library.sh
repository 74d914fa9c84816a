#!/usr/bin/env bash
# vectorbt 1.2.0, ffn 1.4.1, empyrical-reloaded 0.7.1, quantstats 0.0.86, backtesting 0.6.6: five Sharpe ratios of the same
# daily returns, each on its defaults. vectorbt takes 365 days a year for shares, too (20 % more); ffn, empyrical and
# quantstats take 252 for coins, too (17 % less); backtesting.py looks for weekends, and divides the compounded return by a
# volatility that grows with it.
# Why it matters: 1.0 and 1.2 decide a go, and a coin's Sharpe of one tool is not that of another by a fifth.
# Source: run below; Sharpe (1994): mean over deviation of a period, times the root of the periods a year.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for each in vectorbt==1.2.0 "ffn==1.4.1 empyrical-reloaded==0.7.1 quantstats==0.0.86 backtesting==0.6.6"; do
    name="$folder/${each%%=*}"
    python3 -m venv "$name"
    # shellcheck disable=SC2086
    "$name/bin/python" -m pip install --quiet --disable-pip-version-check $each
done
cat > "$folder/returns.py" <<'PYTHON'
import numpy as np
import pandas as pd

drawn = np.random.default_rng(5).normal(0.0012, 0.01, 756)
SERIES = {
    "shares": pd.Series(drawn, pd.bdate_range("2020-01-01", periods=756)),
    "coins": pd.Series(drawn, pd.date_range("2020-01-01", periods=756)),
}
DAILY = drawn.mean() / drawn.std(ddof=1)
PYTHON
cd "$folder"
"$folder/vectorbt/bin/python" - 2>/dev/null >vectorbt.txt <<'PYTHON'
import vectorbt
from returns import DAILY, SERIES

for name, series in SERIES.items():
    print("vectorbt", name, float(series.vbt.returns(freq="1D").sharpe_ratio() / DAILY) ** 2)
PYTHON
"$folder/ffn/bin/python" - 2>/dev/null >others.txt <<'PYTHON'
import empyrical
import ffn
import pandas as pd
import quantstats
from backtesting import Backtest, Strategy
from returns import DAILY, SERIES


class Hold(Strategy):
    def init(self):
        pass

    def next(self):
        if not self.position:
            self.buy()


for name, series in SERIES.items():
    price = 100 * (1 + series).cumprod()
    found = {
        "ffn": ffn.calc_sharpe(series),
        "empyrical": empyrical.sharpe_ratio(series),
        "quantstats": quantstats.stats.sharpe(series),
    }
    for library, value in found.items():
        print(library, name, float(value / DAILY) ** 2)
    bars = pd.DataFrame({each: price for each in ("Open", "High", "Low", "Close")})
    result = Backtest(bars, Hold, cash=1e9, finalize_trades=True).run()
    held = result._equity_curve["Equity"].pct_change().dropna()
    print("backtesting", name, float(result["Sharpe Ratio"] / (held.mean() / held.std())) ** 2)
PYTHON
"$folder/ffn/bin/python" - <<'PYTHON'
import sys

rows = [line.split() for file in ("vectorbt.txt", "others.txt") for line in open(file) if line.count(" ") == 2]
seen = {(library, kind): float(value) for library, kind, value in rows}
print("expected by most: Sharpe = mean / deviation x sqrt(252) for shares, x sqrt(365) for coins")
for (library, kind), value in seen.items():
    print(f"seen: {library:<12} {kind:<7} as if a year had {value:6.1f} periods")
right = {"vectorbt": (365, 365), "ffn": (252, 252), "empyrical": (252, 252), "quantstats": (252, 252)}
same = all(
    abs(seen[library, kind] - periods) < 0.5
    for library, both in right.items()
    for kind, periods in zip(("shares", "coins"), both, strict=True)
)
if not (same and seen["backtesting", "shares"] < 240 and seen["backtesting", "coins"] != 365):
    sys.exit("this has changed")
PYTHON
