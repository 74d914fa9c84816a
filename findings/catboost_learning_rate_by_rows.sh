#!/usr/bin/env bash
# CatBoost 1.2.10: a classifier without a learning rate chooses one by the number of rows and trees: 0.08 for 200 rows,
# 0.22 for 2,000, 0.5 for 20,000 (50 trees). The same rows in another order give another model, with the same seed.
# Why it matters: in a walk-forward with growing training sets each fold has another model than the one that was tuned,
# and folds are no longer repetitions of one procedure; results depend on how a table happened to be sorted.
# Source: run below; CatBoost's documentation of `learning_rate` and of ordered boosting (Prokhorenkova et al. 2018).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check catboost==1.2.10 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" <<'PYTHON'
import sys
import catboost
import numpy as np

random = np.random.default_rng(0)

def fitted(features, label):
    model = catboost.CatBoostClassifier(iterations=50, random_seed=1, verbose=0, allow_writing_files=False)
    return model.fit(features, label)

rates = {}
for rows in (200, 2000, 20000):
    features = random.normal(size=(rows, 5))
    label = (features[:, 0] + random.normal(size=rows) > 0).astype(int)
    rates[rows] = round(fitted(features, label).get_all_params()["learning_rate"], 3)
features, label = features[:2000], label[:2000]
order = random.permutation(2000)
one, other = (fitted(features[each], label[each]).predict_proba(features)[:, 1] for each in (np.arange(2000), order))
apart = float(np.abs(one - other).max())
print(f"catboost {catboost.__version__}")
print("expected by most: one learning rate; a model of rows, in whatever order")
print(f"seen: learning rates by rows {rates}; scores of the same rows in another order differ by up to {apart:.3f}")
if not (rates[200] < 0.1 < rates[2000] < 0.3 < rates[20000] and apart > 0.01):
    sys.exit("this has changed")
PYTHON
