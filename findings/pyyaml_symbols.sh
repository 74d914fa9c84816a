#!/usr/bin/env bash
# PyYAML 6.0.2: plain `0700` is the number 448, `ON` and `NO` are truth values, `1_000` is 1000, but `1e5` is text.
# A list of stock codes loses its leading zeros before any schema sees it, so a message that shows the value received
# (448, False) names something that is nowhere in the file; a float without a dot is no float, other than in YAML 1.2.
# Source: YAML 1.1 (https://yaml.org/type/int.html, bool.html, float.html), which PyYAML's SafeLoader implements.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyyaml==6.0.2
"$folder/venv/bin/python" - <<'PY'
import yaml

print("PyYAML", yaml.__version__)
print("expected by most: every code is text, 1e5 is a number")
seen = yaml.safe_load("[0700, 000001, ON, NO, 1_000, 1e5, 600519, y]")
print("seen:", seen)
assert seen == [448, 1, True, False, 1000, "1e5", 600519, "y"], seen
PY
