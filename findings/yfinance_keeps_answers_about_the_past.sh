#!/usr/bin/env bash
# yfinance 1.7.0: Ticker.history of dates that are over (`end` more than half an hour ago) is answered from memory the second
# time in one process: nobody is asked, though another Ticker and another session are used. With an `end` ahead of now it asks.
# Why it matters: vendors correct the past (a split, a late print). A notebook or a service that fetches a closed range again to
# see a revision gets the old bars without a word; and whoever tests against a second server reads the answers of the first.
# Source: run below, against a local server that counts what it is asked; yfinance/scrapers/history.py of that version.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check yfinance==1.7.0 pandas==3.0.3 curl_cffi==0.15.0
cd "$folder"
HOME="$folder" "$folder/venv/bin/python" <<'PYTHON'
import datetime as dt
import json
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import yfinance
from curl_cffi import requests

DAYS = [dt.datetime(2024, 1, day, 14, 30, tzinfo=dt.timezone.utc) for day in (2, 3, 4)]
asked = []

def chart(close):
    stamps = [int(day.timestamp()) for day in DAYS]
    zone = {"timezone": "EST", "gmtoffset": -18000}
    period = {"start": stamps[-1], "end": stamps[-1] + 23400, **zone}
    meta = {"currency": "USD", "symbol": "AAA", "instrumentType": "EQUITY", "regularMarketPrice": close, "range": "",
            "currentTradingPeriod": {"pre": period, "regular": period, "post": period}, "dataGranularity": "1d",
            "validRanges": ["1d", "max"], "exchangeTimezoneName": "America/New_York", **zone}
    prices = [close] * len(DAYS)
    quote = {name: prices for name in ("open", "high", "low", "close")} | {"volume": [1000] * len(DAYS)}
    indicators = {"quote": [quote], "adjclose": [{"adjclose": prices}]}
    result = {"meta": meta, "timestamp": stamps, "events": {}, "indicators": indicators}
    return {"chart": {"result": [result], "error": None}}

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if "/chart/" in self.path:
            asked.append(self.path)
        body = json.dumps(chart(100.0 + len(asked))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

class Local(requests.Session):
    def request(self, method, url, *args, **more):
        parts = urllib.parse.urlsplit(url)
        here = f"http://127.0.0.1:{server.server_address[1]}"
        return super().request(method, here + urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")), *args, **more)

def closes(end):
    before = len(asked)
    ticker = yfinance.Ticker("AAA", session=Local(impersonate="chrome"))
    found = ticker.history(start="2024-01-01", end=end, auto_adjust=False, raise_errors=True)["Close"]
    return float(found.iloc[-1]), len(asked) - before

tomorrow = dt.date.today() + dt.timedelta(days=2)
closes("2024-01-05")  # asks for the zone of the symbol, too
over = [closes("2024-01-06") for _ in range(2)]
ahead = [closes(tomorrow) for _ in range(2)]
print(f"yfinance {version('yfinance')}")
print("expected by most: each call asks the service, and shows the price of now")
print(f"seen: (close, requests) of a range that is over {over}, of one that is not {ahead}")
if not (over[0][1] > 0 and over[1] == (over[0][0], 0) and ahead[1][1] > 0 and ahead[1][0] > ahead[0][0]):
    sys.exit("this has changed")
PYTHON
