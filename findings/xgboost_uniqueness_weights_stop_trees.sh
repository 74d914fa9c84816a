#!/usr/bin/env bash
# XGBoost 3.2.0: the scale of sample weights decides whether a tree is grown at all. `min_child_weight` (default 1) is
# compared with the sum of weight x p (1 - p): with weights of 1/1000 2,000 rows give no split, and every score is the same.
# LightGBM 4.7.0 goes on growing with the same weights, for its least rows of a leaf are counted.
# Why it matters: weights by average uniqueness (Lopez de Prado 2018, ch. 4) are about 1 / horizon by construction, so a
# label of 20 sessions divides the data that a leaf has by 20: a search over horizons tunes the depth of the trees unseen.
# Source: run below; xgboost's documentation of `min_child_weight` (sum of instance weight, hessian).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    xgboost==3.2.0 lightgbm==4.7.0 scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" <<'PYTHON'
import sys
import lightgbm
import numpy as np
import xgboost

random = np.random.default_rng(0)
features = random.normal(size=(2000, 5))
label = (features[:, 0] + random.normal(size=2000) > 0).astype(int)

def spread(model, weight):
    fitted = model.fit(features, label, sample_weight=np.full(2000, weight))
    return float(np.ptp(fitted.predict_proba(features)[:, 1]))

seen = {}
for weight in (1.0, 1 / 20, 1 / 1000):
    boosted = xgboost.XGBClassifier(n_estimators=50, max_depth=3, random_state=1)
    light = lightgbm.LGBMClassifier(n_estimators=50, random_state=1, verbose=-1)
    seen[weight] = spread(boosted, weight), spread(light, weight)
print(f"xgboost {xgboost.__version__}, lightgbm {lightgbm.__version__}")
print("expected by most: weights that are all the same change nothing")
for weight, (one, other) in seen.items():
    print(f"seen: weights of {weight:.3f}: largest minus smallest score {one:.3f} (xgboost), {other:.3f} (lightgbm)")
if not (seen[1.0][0] > 0.9 and seen[1 / 20][0] < seen[1.0][0] and seen[1 / 1000][0] == 0 and seen[1 / 1000][1] > 0.9):
    sys.exit("this has changed")
PYTHON
