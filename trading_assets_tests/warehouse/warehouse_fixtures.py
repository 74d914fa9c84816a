"""Tables for the tests of the warehouse, and what they do in other processes."""

from __future__ import annotations

import ctypes
import datetime as dt
import fcntl
import itertools
import multiprocessing
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pandera.polars  # noqa: F401 - loaded once by the fork server, not by each process
import polars as pl

from trading_assets.warehouse import Column, MissingTableError, Rows, Table, Warehouse, Whole

BARS = Table(
    name="market_data.bars",
    description="",
    key=("symbol", "session"),
    columns={
        "symbol": Column(pl.String, ""),
        "session": Column(pl.Date, ""),
        "close": Column(pl.Float64, "", above=0),
        "flags": Column(pl.List(pl.String), "", nullable=True),
    },
)
DAILY = Table(
    name="features.daily",
    description="",
    key=("symbol", "session"),
    columns={"symbol": Column(pl.String, ""), "session": Column(pl.Date, "")},
    extra=Column(pl.Float64, "", nullable=True),
)
EQUITY = Table(
    name="backtests.equity",
    description="",
    key=("strategy", "session"),
    columns={
        "strategy": Column(pl.String, ""),
        "session": Column(pl.Date, ""),
        "equity": Column(pl.Float64, "", nullable=True),
    },
)
LEDGER = Table(
    name="robustness.holdout_ledger",
    description="",
    key=("look",),
    columns={"look": Column(pl.Int64, ""), "previous": Column(pl.Int64, "")},
)
VERSIONS = tuple(
    Table(
        name=f"tests.version_{number}",
        description="",
        key=("row",),
        columns={"row": Column(pl.Int64, ""), "version": Column(pl.Int64, "")},
    )
    for number in range(8)
)
ROWS = 5_000

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__])


def day(number: int) -> dt.date:
    return dt.date(2020, 1, 1) + dt.timedelta(days=number)


def bars(symbol: str, days: range, close: float = 1.0, flags: list[str] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": [symbol] * len(days),
            "session": [day(number) for number in days],
            "close": [close] * len(days),
            "flags": [flags or []] * len(days),
        },
        schema={name: column.dtype for name, column in BARS.columns.items()},
    )


def equity(strategy: str, values: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"strategy": strategy, "session": [day(number) for number in range(len(values))], "equity": values},
        schema={name: column.dtype for name, column in EQUITY.columns.items()},
    )


def version(number: int) -> dict[Table, pl.DataFrame]:
    """Tables that belong together: all hold nothing but `number`."""
    return dict.fromkeys(VERSIONS, pl.DataFrame({"row": range(ROWS), "version": number}))


def start(work: Callable[..., None], *arguments: object) -> BaseProcess:
    process = _processes.Process(target=work, args=arguments, daemon=True)  # a failed test leaves nobody behind
    process.start()
    return process


def write_for_ever(path: Path, first: int, ready: Path, ready_after: int) -> None:
    """Write versions `first`, `first` + 1, ...; `ready` appears after the given number of commits."""
    warehouse = Warehouse(path)
    for number in itertools.count(first):
        if number == first + ready_after:
            ready.touch()
        warehouse.replace(Whole(), version(number))


def is_writing(path: Path) -> bool:
    """Whether another process is in the middle of a write."""
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def write_slice(path: Path, strategy: str, times: int) -> None:
    warehouse = Warehouse(path)
    for number in range(times):
        warehouse.replace(Rows("strategy", strategy), {EQUITY: equity(strategy, [float(number)] * 50)})
        warehouse.append_chained(LEDGER, next_look)


def read_slices(path: Path, times: int) -> None:
    """Read again and again; every slice seen must be of one write."""
    warehouse = Warehouse(path)
    for _ in range(times):
        try:
            seen = warehouse.read(EQUITY)
        except MissingTableError:
            continue
        per_strategy = seen.group_by("strategy").agg(pl.len(), pl.col("equity").n_unique())
        assert per_strategy.filter((pl.col("len") != 50) | (pl.col("equity") != 1)).is_empty(), seen


def next_look(rows: pl.DataFrame) -> pl.DataFrame:
    """A chain: each row points to the one before."""
    return pl.DataFrame({"look": [rows.height], "previous": [rows["look"].max() if rows.height else -1]})


def hold_with_duckdb(path: Path, *, read_only: bool = False) -> subprocess.Popen[str]:
    """Another program, which knows nothing of our lock, keeps the file open until its input ends."""
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == '1')"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{script}; print('open', flush=True); sys.stdin.read()", path, str(int(read_only))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    return holder


def outcome_of(work: Callable[..., object], *arguments: object) -> str:
    """What a function returned, or its error, after a process of its own ran it."""
    answer = _processes.SimpleQueue()
    process = start(_report, answer, work, *arguments)
    process.join()
    assert process.exitcode == 0
    return str(answer.get())


def _report(answer: SimpleQueue[str], work: Callable[..., object], *arguments: object) -> None:
    try:
        answer.put(str(work(*arguments)))
    except Exception as error:
        answer.put(f"{type(error).__name__}: {error}")


def write_on_a_full_disk(path: Path, limit: int) -> None:
    """The operating system lets no file grow past `limit` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    Warehouse(path).replace(Whole(), version(2))


def write_without_permission(path: Path) -> None:
    obey_permissions()
    Warehouse(path).replace(Whole(), version(2))


def read_without_permission(path: Path) -> int:
    obey_permissions()
    return Warehouse(path).read(VERSIONS[0]).height


def obey_permissions() -> None:
    """From now on even root needs the permission bits: this process gives up two Linux capabilities."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3; this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    assert libc.capget(header, sets) == 0
    override, read_search = 1 << 1, 1 << 2
    sets[0] &= ~(override | read_search)
    assert libc.capset(header, sets) == 0
