#!/usr/bin/env bash
# arch 8.0.0: SPA(studentize=True), the default, has the same p-values as studentize=False. The variances only choose the
# trials that the consistent p-value leaves out; neither the statistic nor its resamples are divided by deviations, as
# Hansen's (2005) T = max sqrt(n) mean_k / omega_k is.
# Why it matters: a reality check over strategies of different volatility is decided by the wildest. Here one with a
# t-statistic of 5 and a volatility of 0.1 % a day stands beside noise of 10 % a day: the test does not see it, and sees it
# at once where each column is divided by its deviation first.
# Source: Hansen, P. R. (2005), A test for superior predictive ability, JBES 23(4); run below.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check arch==8.0.0
"$folder/venv/bin/python" <<'PYTHON'
import sys
import arch
import numpy as np
from arch.bootstrap import SPA

random = np.random.default_rng(1)
returns = random.normal(0.0, 0.1, (1000, 20))
quiet = random.normal(0.0, 0.001, 1000)
returns[:, 0] = quiet - quiet.mean() + 0.001 * 5 / np.sqrt(1000)

def p_value(columns, **options):
    test = SPA(np.zeros(1000), -columns, block_size=5, reps=500, seed=1, **options)
    test.compute()
    return float(test.pvalues["upper"])

default, plain = p_value(returns, studentize=True), p_value(returns, studentize=False)
divided = p_value(returns / returns.std(axis=0))
print(f"arch {arch.__version__}")
print("expected by most: studentize=True divides by the deviations, so that a t-statistic of 5 among 20 has p < .01")
print(f"seen: studentize=True {default:.3f}, studentize=False {plain:.3f}, columns divided before {divided:.3f}")
if not (default == plain and default > 0.05 and divided < 0.01):
    sys.exit("this has changed")
PYTHON
