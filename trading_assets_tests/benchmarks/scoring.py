"""Milliseconds that one row takes to be scored, by family in this process, and by a server under load.

Arguments: seconds of load, requests a second. Models are of 60 features, fitted on 6,000 rows as shipped; the server
has the default family, and a process of its own. Requests leave by the clock, whether answers have come or not, and
count from when they were due. What else the machine does is in these figures: the load is given beside them, and the
processor time of a request, which hardly depends on it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from trading_assets.config.models import FAMILIES
from trading_assets.models.families.interface import TrainingSet
from trading_assets.models.families.xgboost import load_booster
from trading_assets.models.registered_model import RegisteredModel
from trading_assets.models.threads import one_thread
from trading_assets.models.training import Learner
from trading_assets.serving.app import make_app
from trading_assets.serving.circuit import Circuit
from trading_assets_tests.benchmarks.measuring import RUNS

FEATURES, ROWS, ASKED = 60, 6_000, 2_000
NAMES = tuple(f"f{number:02d}" for number in range(FEATURES))
#: Families that have others in them.
_MEMBERS: dict[str, dict[str, Any]] = {
    "per_regime": {"feature": NAMES[3], "member": {"type": "xgboost"}},
    "stacking": {"members": [{"type": "xgboost"}, {"type": "ridge"}, {"type": "random_forest"}]},
}


def main(seconds: float, rate: int) -> None:
    with one_thread("sklearn.linear_model", "xgboost"):
        models = {family: fitted(family) for family in sorted(FAMILIES)}
        found = {family: percentiles(in_process(model)) for family, model in models.items()}
    print(json.dumps({"one row, ms": found, "server, ms": of_server(models["xgboost"], seconds, rate)}))


def fitted(family: str) -> RegisteredModel:
    """A model of a family that learnt from noise with a signal in it."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, FEATURES)).astype(np.float32)
    features[rng.random(features.shape) < 0.03] = np.nan
    earned = np.nan_to_num(features[:, 0]) * 0.5 + rng.normal(size=ROWS)
    days = np.repeat(np.arange(ROWS // 20), 20).astype(np.int32)
    settings = FAMILIES[family].model_validate({"type": family, **_MEMBERS.get(family, {})})
    target = None if settings.label == "sign" else earned.astype(np.float32)
    label, weight = (earned > 0).astype(np.float32), np.ones(ROWS, np.float32)
    learner = Learner(settings, seed=3)
    content = learner.fit(TrainingSet(features, label, weight, days, days + 5, target=target, names=NAMES)).save()
    return RegisteredModel(family, "1", 1, NAMES, learner.load(content), None, "", Path(family))


def in_process(model: RegisteredModel) -> list[float]:
    """Seconds of single rows, each of them new."""
    rows = np.random.default_rng(1).normal(size=(ASKED, FEATURES)).astype(np.float32)
    for row in rows[:100]:
        model.score(row[None, :])
    seconds = []
    for row in rows:
        start = time.perf_counter()
        model.score(row[None, :])
        seconds.append(time.perf_counter() - start)
    return seconds


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds."""
    return {f"p{share}": round(1e3 * float(np.quantile(seconds, share / 100)), 3) for share in (50, 95, 99)}


def of_server(model: RegisteredModel, seconds: float, rate: int) -> list[dict[str, float]]:
    """The application as `trading-assets serve` has it, asked over sockets of this machine; a row for each run."""
    found = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = multiprocessing.get_context("spawn").Process(target=_answer, args=(listening, model.fitted.save()))
        server.start()
        try:
            for _ in range(RUNS):
                before = _processor_seconds(server.pid)
                waits = asyncio.run(_loaded(listening.getsockname()[1], seconds, rate))
                spent = 1e3 * (_processor_seconds(server.pid) - before) / len(waits)
                found.append({"load": os.getloadavg()[0], "processor": round(spent, 3), **percentiles(waits)})
        finally:
            server.terminate()
            server.join()
    return found


def _processor_seconds(process: int | None) -> float:
    """Of a process so far, by the kernel's count (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answer(listening: socket.socket, content: bytes) -> None:
    circuit = Circuit(time.monotonic)
    circuit.put(RegisteredModel("xgboost", "1", 1, NAMES, load_booster(content), None, "", Path("xgboost")))
    app = make_app(circuit, "m", "0")
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listening])


async def _loaded(port: int, seconds: float, rate: int) -> list[float]:
    rng = np.random.default_rng(2)
    bodies = [
        json.dumps({"rows": [dict(zip(NAMES, row, strict=True))]}).encode()
        for row in rng.normal(size=(200, FEATURES)).tolist()
    ]
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(32):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    # The first answers wait for the process to start.
    for _ in range(64):
        reader, writer = await free.get()
        await _asked(reader, writer, bodies[0])
        free.put_nowait((reader, writer))
    begin = time.perf_counter() + 0.5

    async def ask(number: int) -> float:
        due = begin + number / rate
        await asyncio.sleep(due - time.perf_counter())
        reader, writer = await free.get()
        await _asked(reader, writer, bodies[number % len(bodies)])
        free.put_nowait((reader, writer))
        return time.perf_counter() - due

    return list(await asyncio.gather(*(ask(number) for number in range(int(seconds * rate)))))


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"POST /score HTTP/1.1\r\nHost: m\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    answer = await reader.readexactly(length)
    if b" 200 " not in head.split(b"\r\n")[0] or b'"scores":[' not in answer:
        raise ValueError(f"no score: {head.decode()} {answer.decode()}")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
