#!/usr/bin/env bash
# exchange_calendars 4.13.2 with pandas 3.1.1: ASEX, XBEL, XBSE, XCYS and XTAE cannot be built for any span; with pandas
# 3.0.6 they can. Its requirement of pandas has no upper bound, so an upgrade installs the pair.
# Why it matters: Athens, Belgrade, Bucharest, Nicosia and Tel Aviv stop with an error that names holidays, not pandas.
# Source: run below; the requirement is in the library's own metadata.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
look() {
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check exchange_calendars==4.13.2 "pandas==$1"
    "$folder/venv/bin/python" - "$1" "$2" <<'PYTHON'
import sys
import exchange_calendars

pandas, expected = sys.argv[1:]
failed = []
for name in ("ASEX", "XBEL", "XBSE", "XCYS", "XNYS", "XTAE"):
    try:
        exchange_calendars.get_calendar(name, start="2023-01-02", end="2023-12-29")
    except Exception as error:
        print(f"  {name}: {type(error).__name__}: {str(error)[:90]}")
        failed.append(name)
seen = " ".join(failed) or "none"
print(f"exchange_calendars {exchange_calendars.__version__}, pandas {pandas}: of six, cannot be built: {seen}")
if seen != expected:
    sys.exit(f"this has changed: it was {expected}")
PYTHON
}
echo "expected by most: every calendar of the library can be built"
look 3.0.6 "none"
look 3.1.1 "ASEX XBEL XBSE XCYS XTAE"
