#!/usr/bin/env bash
# skl2onnx 1.20.0 with onnxruntime 1.32.0: a random forest of scikit-learn that has learnt from missing values says something
# else of them once it is converted, without an error. scikit-learn sends NaN to the side that each split has learnt
# (missing_go_to_left); the converted trees compare NaN with the threshold, and the comparison is false. One would expect the
# same scores or a refusal. Without NaN the scores agree to a millionth. Matters for who serves a converted forest.
# Source: seen by running it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import numpy as np
import onnxruntime
import skl2onnx
import sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

print("skl2onnx", skl2onnx.__version__, "onnxruntime", onnxruntime.__version__, "scikit-learn", sklearn.__version__)
print("expected: the same scores of rows with missing values, or an error")
draws = np.random.default_rng(0)
rows = draws.standard_normal((2000, 3)).astype(np.float32)
label = (rows[:, 0] > 0).astype(int)
holes = rows.copy()
holes[(draws.random(2000) < 0.5) & (label == 0), 0] = np.nan  # a missing value says that the label is 0
forest = RandomForestClassifier(20, max_depth=3, random_state=0).fit(holes, label)
converted = skl2onnx.convert_sklearn(
    forest, initial_types=[("x", FloatTensorType([None, 3]))], options={id(forest): {"zipmap": False}}
)
session = onnxruntime.InferenceSession(converted.SerializeToString(), providers=["CPUExecutionProvider"])


def apart(asked: np.ndarray) -> float:
    return float(np.abs(session.run(None, {"x": asked})[1][:, 1] - forest.predict_proba(asked)[:, 1]).max())


missing, complete = apart(holes), apart(rows)
print(f"seen: scores up to {missing:.2f} apart with missing values, {complete:.1e} without")
if missing < 0.1:
    raise SystemExit("changed: missing values are kept")
if complete > 1e-6:
    raise SystemExit("changed: complete rows differ, too")
PYTHON
