#!/usr/bin/env bash
# river 0.26.1: ADWIN and PageHinkley on their defaults do not see a log loss that rises for good by 1.5 of its deviations
# (0.69 to 0.72); of the same series in units of its deviation both do. Their thresholds belong to values of the size of an
# error of 0 or 1: ADWIN's bound has a term for the range 1, PageHinkley's threshold is 50 of whatever unit is given.
# Why it matters: the losses of models of returns hardly leave 0.69. A watch that hands them over as they are never rings.
# Source: run below; Bifet and Gavalda (2007), Learning from time-changing data with adaptive windowing, theorem 3.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check river==0.26.1 numpy==2.4.6
"$folder/venv/bin/python" <<'PYTHON'
import sys
from importlib.metadata import version
import numpy as np
from river import drift

random = np.random.default_rng(1)
losses = np.concatenate([random.normal(0.69, 0.02, 500), random.normal(0.72, 0.02, 500)])

def first_alarm(detector, values):
    for place, value in enumerate(values):
        detector.update(float(value))
        if detector.drift_detected:
            return place
    return None

seen = {
    name: (first_alarm(make(), losses), first_alarm(make(), (losses - 0.69) / 0.02))
    for name, make in (("ADWIN", drift.ADWIN), ("PageHinkley", drift.PageHinkley))
}
print(f"river {version('river')}")
print("expected by most: an alarm soon after 500, in whatever unit the loss is")
for name, (plain, scaled) in seen.items():
    print(f"seen: {name}: first alarm at {plain} of losses as they are, at {scaled} of losses in deviations")
if not all(plain is None and scaled is not None and scaled >= 500 for plain, scaled in seen.values()):
    sys.exit("this has changed")
PYTHON
