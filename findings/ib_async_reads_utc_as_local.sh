#!/usr/bin/env bash
# ib_async 2.1.0: the time of an execution as TWS sends it, `20261201-00:30:00` (UTC), is read as local time of the machine.
# In New York it becomes 05:30 UTC: the evening of 30 November is the night of 1 December. One with a time zone that Python
# does not know is left out: a line in the log, no error, and `fills()` is without it.
# Why it matters: the session of a fill depends on the machine that asks, and a fill may be missing without a word.
# Source: run below; the API's own message 10314: "You can also provide yyyymmddd-hh:mm:ss time is in UTC".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check ib_async==2.1.0 aeventkit==2.1.0 nest_asyncio==1.6.0 numpy==2.4.6 tzdata==2025.3
TZ=America/New_York "$folder/venv/bin/python" <<'PYTHON'
import logging
import sys
from importlib.metadata import version

from ib_async import IB

logging.disable()

def told(number, time):
    contract = (1, "AAPL", "STK", "", 0, "", "", "NASDAQ", "USD", "AAPL", "NMS")
    what = (number, time, "DU1", "NASDAQ", "BOT", 10, 200.0, 9000, 1, 0, 10, 200.0, "", "", "", "", 2, 0)
    return [str(each) for each in (11, -1, 1, *contract, *what)]

ib = IB()
ib.client.decoder.serverVersion = 178
ib.client.decoder.interpret(told("a.b.01", "20261201-00:30:00"))
ib.client.decoder.interpret(told("a.c.01", "20261201 09:30:00 Est (Kanada)"))
seen = {each.execution.execId: f"{each.execution.time:%Y-%m-%d %H:%M %Z}" for each in ib.fills()}
print(f"ib_async {version('ib_async')}")
print("expected by most: two executions, the first at 2026-12-01 00:30 UTC; or an error")
print(f"seen: {seen}")
if seen != {"a.b.01": "2026-12-01 05:30 UTC"}:
    sys.exit("this has changed")
PYTHON
