#!/usr/bin/env bash
# exchange_calendars 4.13.2: CMES closes at 17:00 Chicago on Juneteenth and on July 3rd, where CME_Equity of
# pandas_market_calendars 5.5.0 closes at 12:00, and has no session on Good Friday, where the other closes at 08:15.
# Why it matters: "is the session over?" and the share of a session's bars that are there are wrong on such days: a bar
# of a closed market counts as unfinished for five hours, which is the safe side, but minutes look as if missing.
# Source: run below; which of the two libraries is right on a day, CME Group's own holiday calendar says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    exchange_calendars==4.13.2 pandas==3.0.6 pandas_market_calendars==5.5.0
"$folder/venv/bin/python" <<'PYTHON'
import sys
import exchange_calendars
import pandas_market_calendars

def hour(stamp):
    return stamp.tz_convert("America/Chicago").strftime("%H:%M")

mine = exchange_calendars.get_calendar("CMES", start="2024-01-02", end="2024-12-31").closes
other = pandas_market_calendars.get_calendar("CME_Equity").schedule("2024-01-02", "2024-12-31")["market_close"]
days = ("2024-03-29", "2024-05-27", "2024-06-19", "2024-07-03")
seen = {day: (hour(mine[day]) if day in mine.index else "none", hour(other[day])) for day in days}
print(f"exchange_calendars {exchange_calendars.__version__}, pandas_market_calendars 5.5.0")
print("expected by most: the same early closes of the same exchange")
for day, (first, second) in seen.items():
    print(f"  {day}: CMES {first}, CME_Equity {second}")
expected = {
    "2024-03-29": ("none", "08:15"),
    "2024-05-27": ("12:00", "12:00"),
    "2024-06-19": ("17:00", "12:00"),
    "2024-07-03": ("17:00", "12:00"),
}
if seen != expected:
    sys.exit(f"this has changed: it was {expected}")
PYTHON
