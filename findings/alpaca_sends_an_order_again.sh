#!/usr/bin/env bash
# alpaca-py 0.44.0: an order that is answered with 504 (the gateway waited in vain: it may have been taken) is sent again, three
# times after the first, as is one with 429. Without a client_order_id each of the four is another order to the service.
# Why it matters: one call of submit_order can buy four times. No argument of TradingClient switches it off.
# Source: run below against a server on this machine that takes every order and answers 504; alpaca/common/rest.py, _request.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check alpaca-py==0.44.0
"$folder/venv/bin/python" <<'PYTHON'
import inspect
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import MarketOrderRequest

taken = []

class Service(BaseHTTPRequestHandler):
    def do_POST(self):
        taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(504)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = HTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = TradingClient("key", "secret", url_override=f"http://127.0.0.1:{server.server_port}")
client._retry_wait = 0  # three seconds otherwise
order = MarketOrderRequest(symbol="AAA", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY)
try:
    client.submit_order(order)
except APIError:
    pass
switches = [name for name in inspect.signature(TradingClient.__init__).parameters if "retry" in name]
ids = [each.get("client_order_id") for each in taken]
print(f"alpaca-py {version('alpaca-py')}")
print("expected by most: one order, and an error that says that nobody knows whether it was taken")
print(f"seen: one submit_order, {len(taken)} orders, their client_order_id {ids}; arguments about retries: {switches}")
if not (len(taken) == 4 and set(ids) == {None} and not switches):
    sys.exit("this has changed")
PYTHON
