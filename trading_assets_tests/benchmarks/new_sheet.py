"""From new bars to the order sheet of many symbols: seconds of `trading-assets orders --update`.

Arguments: symbols, years, folder (made once, and kept). The market is that of `wide_market`, in one file of history and
one a session. Everything is run once, an account is opened after the holdout, and evenings are lived; then the bars of
one session more are delivered and the command is timed as a process of its own, from its start to its end. The last
line on standard output is JSON; standard error has a line an evening.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import polars as pl

from trading_assets.config import load_configuration
from trading_assets.protocol import Protocol
from trading_assets.trading.opening import open_account
from trading_assets.trading.tables import EQUITY, ORDER_SHEETS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.benchmarks.wide_market import LEADER
from trading_assets_tests.benchmarks.wide_market import main as write_wide_market

STRATEGY = "equity_momentum"
#: Sessions after the holdout, evenings before one is timed, and evenings that are timed.
AFTER, LIVED, TIMED = 12, 2, 5
_CONFIGURATION = """\
name: new_sheet
seed: 7
start: {start}
market_data:
  - {{source: files, asset_class: equity, path: "bars/*.parquet"}}
benchmarks: {{equity: {leader}}}
splits: {{train: [{train}, {train_end}], validation: [{validation}, {validation_end}], holdout: [{holdout}, {end}]}}
strategies:
  {strategy}: {{type: equity_momentum}}
registration:
  {strategy}: {{registered_on: {validation_end}, hypothesis: "No edge is planted, so none is expected."}}
robustness: {{resamples: 50, permutations: 40, cross_validation_blocks: 4, look_ahead_cuts: 2}}
"""


def made_in(folder: Path, symbols: int, years: int) -> tuple[Path, list[dt.date]]:
    """Return the configuration of a folder with an open account, and the sessions that are not delivered yet.

    Parameters
    ----------
    folder, symbols, years
        Where it is made, and how large the market is.
    """
    config, market = folder / "project" / "new_sheet.yaml", folder / "market"
    if not (folder / ".market").exists():
        write_wide_market(str(market), symbols, years)
        (folder / ".market").touch()
    received = pl.read_parquet(market / "bars" / "*.parquet").sort("date", "symbol")
    days = received["date"].unique().sort().to_list()
    if not (folder / ".made").exists():
        (config.parent / "bars").mkdir(parents=True, exist_ok=True)
        first, last, end = days[int(0.6 * len(days))], days[int(0.8 * len(days))], days[-AFTER - 1]
        text = _CONFIGURATION.format(
            start=days[0].replace(day=1),
            leader=LEADER,
            train=days[0],
            train_end=first - dt.timedelta(days=1),
            validation=first,
            validation_end=last - dt.timedelta(days=1),
            holdout=last,
            end=end,
            strategy=STRATEGY,
        )
        config.write_text(text, encoding="utf-8")
        received.filter(pl.col("date") <= days[-AFTER]).write_parquet(config.parent / "bars" / "history.parquet")
        command(config, "run")
        configuration = load_configuration(config, folder / "data")
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        where = {"session": days[-AFTER], "capital": None, "mode": "paper", "by": "bench", "now": now}
        open_account(Warehouse(configuration.warehouse_path), configuration, STRATEGY, **where)  # type: ignore[arg-type]
        (folder / ".made").touch()
    delivered = {path.stem for path in (config.parent / "bars").glob("*.parquet")}
    return config, [day for day in days[-AFTER + 1 :] if str(day) not in delivered]


def deliver(config: Path, market: Path, day: dt.date) -> None:
    """Put the bars of a session into a file of their own, as a vendor delivers them."""
    rows = pl.scan_parquet(market / "bars" / "*.parquet").filter(pl.col("date") == day).collect()
    rows.write_parquet(config.parent / "bars" / f"{day}.parquet")


def command(config: Path, *arguments: str) -> tuple[float, float]:
    """Return the seconds and the CPU seconds of a command in a process of its own."""
    program = [str(Path(sys.executable).with_name("trading-assets")), *arguments]
    data = ["--config", str(config), "--data", str(config.parent.parent / "data")]
    start, before = time.perf_counter(), _cpu_of_children()
    done = subprocess.run([*program, *data], cwd=config.parent, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return seconds, _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(symbols: int = 500, years: int = 5, folder: str = "/tmp/trading_assets_sheet") -> None:
    """Live the evenings that are left, and print what they took."""
    own = Path(folder) / f"{symbols}-{years}"
    own.mkdir(parents=True, exist_ok=True)
    config, days = made_in(own, symbols, years)
    seconds = list[tuple[float, float]]()
    for day in days[: LIVED + TIMED]:
        deliver(config, own / "market", day)
        seconds.append(command(config, "orders", "--update"))
        print(f"{day}: {seconds[-1][0]:.1f} s, {seconds[-1][1]:.1f} CPU s", file=sys.stderr)
    configuration = load_configuration(config, own / "data")
    warehouse = Warehouse(configuration.warehouse_path)
    published, sheets = warehouse.read(EQUITY)["session"].max(), warehouse.read_or_empty(ORDER_SHEETS)
    assert published == days[: LIVED + TIMED][-1], published
    timed = seconds[LIVED:] or seconds
    wall, cpu = (round(statistics.median(each), 1) for each in zip(*timed, strict=True))
    found = {"seconds": wall, "cpu_seconds": cpu, "runs": len(timed), "symbols": symbols, "years": years}
    found["orders"] = sheets.height
    found["records"] = len(Protocol.of(configuration).read())
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
    else:
        main()
