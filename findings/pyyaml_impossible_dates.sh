#!/usr/bin/env bash
# PyYAML 6.0.3: `yaml.safe_load("as_of: 2010-02-30")` raises ValueError, which is no yaml.YAMLError; so does an integer of
# more than 4,300 digits. A list nested 100,000 deep raises RecursionError.
# Why it matters: a reader of configurations that catches yaml.YAMLError shows its user a traceback for a wrong date.
# Source: run below; constructor.py, construct_yaml_timestamp and construct_yaml_int.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pyyaml==6.0.3
"$folder/venv/bin/python" <<'PYTHON'
import sys
import yaml

texts = {"2010-02-30": "a: 2010-02-30", "5,000 digits": "a: " + "9" * 5000, "100,000 deep": "a: " + "[" * 100_000}
seen = {}
for name, text in texts.items():
    try:
        yaml.safe_load(text)
    except Exception as error:
        seen[name] = (type(error).__name__, isinstance(error, yaml.YAMLError))
print(f"PyYAML {yaml.__version__}")
print("expected by most: yaml.YAMLError for whatever is wrong with a document")
for name, (kind, is_yaml) in seen.items():
    print(f"  {name}: {kind}, {'a' if is_yaml else 'no'} YAMLError")
if seen != {"2010-02-30": ("ValueError", False), "5,000 digits": ("ValueError", False), "100,000 deep": ("RecursionError", False)}:
    sys.exit("this has changed: ValueError twice, then RecursionError, none of them a YAMLError")
PYTHON
