#!/usr/bin/env bash
# ib_async 2.1.0: a note about an order ends it. TWS answers an order whose time in force a preset fills in with 10349, and
# goes on with it; the class IB calls the order Cancelled and done, and fires `cancelledEvent`. Shown with a small server
# on this machine that speaks the wire of TWS, sends the note, and a second later the status Submitted.
# Why it matters: whoever waits until `isDone()` reads that nothing was bought, orders again, and has bought twice.
# Source: run below; the list of warnings in `Wrapper.error`, which lacks the number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check ib_async==2.1.0 aeventkit==2.1.0 nest_asyncio==1.6.0 numpy==2.4.6 tzdata==2025.3
"$folder/venv/bin/python" <<'PYTHON'
import asyncio
import logging
import struct
import sys
from importlib.metadata import version

from ib_async import IB, MarketOrder, Stock
from ib_async.ib import StartupFetchNONE

logging.disable()

def message(*fields):
    body = "".join(f"{each}\0" for each in fields).encode()
    return struct.pack(">I", len(body)) + body

async def read(reader):
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    return (await reader.readexactly(length)).decode().split("\0")

async def serve(reader, writer):
    await reader.readexactly(4)
    await read(reader)
    writer.write(message(178, "20261130 18:00:00 EST"))
    try:
        while True:
            said = await read(reader)
            if said[0] == "71":  # who is there
                writer.write(message(15, 1, "DU1") + message(9, 1, 100))
            elif said[0] == "61":  # positions
                writer.write(message(62, 1))
            elif said[0] == "3":  # an order
                writer.write(message(4, 2, said[1], 10349, "Order TIF was set to DAY based on order preset.", ""))
                await asyncio.sleep(1)
                writer.write(message(3, said[1], "Submitted", 0, 10, 0, 9000, 0, 0, 1, "", 0))
    except asyncio.IncompleteReadError:
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    ib = IB()
    await ib.connectAsync("127.0.0.1", server.sockets[0].getsockname()[1], clientId=1, fetchFields=StartupFetchNONE)
    trade = ib.placeOrder(Stock("AAPL", "SMART", "USD"), MarketOrder("BUY", 10))
    fired = []
    trade.cancelledEvent += lambda each: fired.append(each.orderStatus.status)
    await asyncio.sleep(0.5)
    at_note = (trade.orderStatus.status, trade.isDone())
    await asyncio.sleep(1)
    found = at_note, fired, trade.orderStatus.status
    ib.disconnect()
    server.close()
    return found

at_note, fired, later = asyncio.run(main())
print(f"ib_async {version('ib_async')}")
print("expected by most: an order that TWS goes on with is not done")
print(f"seen: after the note {at_note[0]}, done: {at_note[1]}, cancelledEvent fired: {fired}; a second later {later}")
if not (at_note == ("Cancelled", True) and fired == ["Cancelled"] and later == "Submitted"):
    sys.exit("this has changed")
PYTHON
