"""A year of an account at a hostile broker, killed a hundred times: what was survived.

Run by `python -m trading_assets_tests.benchmarks.paper_year [SESSIONS KILLS FOLDER]`, which prints a table and
writes it into docs/trading.md. Three folders live the same year: `clean` at a clean broker in one go,
`whole` at a hostile one evening by evening in one process, `killed` at the same one in processes that are killed by
SIGKILL at random moments that follow from a seed. What was done is kept in the folder: started again it goes on.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trading_assets.trading.tables import DIFFERENCES, PUBLISHED, RECONCILIATIONS
from trading_assets.warehouse import Warehouse
from trading_assets_tests.benchmarks.hostile_desk import HostileDesk
from trading_assets_tests.benchmarks.paper_findings import findings, other_tables, trail_of
from trading_assets_tests.benchmarks.paper_lives import desk_of, evening
from trading_assets_tests.benchmarks.paper_market import made_in, sessions
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced
from trading_assets_tests.robustness.pipeline import Experiment

PAGE, RESULTS = REPOSITORY / "docs" / "trading.md", REPOSITORY / "docs" / "paper_year.json"
MARKS = ("<!-- paper year: written by `make paper` -->", "<!-- /paper year -->")
YEAR, KILLS, SEED = 250, 100, 7
#: Where the years are lived, unless another folder is said: kept, so that one goes on where it was stopped.
LIVES = REPOSITORY / "build" / "paper"
STEPS = ("account", "fills", "accept", "orders")
_FOUND_AS = {
    "rejects": ("an order is rejected", "`rejected`"),
    "partial": ("half of an order is filled", "`partial`"),
    "late": ("an order is filled a session late, or not at all", "`missed`, then `excess`"),
    "price": ("a fill at another price", "`price`"),
    "fee": ("a wrong fee", "`fee`"),
    "by hand": ("a trade by hand", "`manual_trade`"),
}


@dataclass(frozen=True)
class Kill:
    """When a process is to be killed: so many seconds after it has begun a step of a session, or a later one."""

    session: int
    step: int
    seconds: float


def kills_of(sessions: int, count: int) -> list[Kill]:
    """Return when processes are to be killed, in order.

    Parameters
    ----------
    sessions, count
        Sessions of the year, and how many kills fall into them.
    """
    draws = random.Random(SEED)
    found = [
        Kill(draws.randrange(sessions), draws.randrange(len(STEPS)), draws.uniform(0.0, 0.6)) for _ in range(count)
    ]
    return sorted(found, key=lambda kill: (kill.session, kill.step, kill.seconds))


def live_killed(folder: Path, count: int, kills: int) -> list[str]:
    """Live a year in processes that are killed, and return the step that each was killed in."""
    days, state = [str(day) for day in sessions(count)], folder / "kills.json"
    done: list[str] = json.loads(state.read_text()) if state.exists() else []
    for kill in kills_of(count, kills)[len(done) :]:
        step = None
        while step is None:
            step = _killed(folder, count, days, kill)
        done.append(step)
        state.write_text(json.dumps(done))
    _process(folder, count).wait()
    return done


def _process(folder: Path, count: int) -> subprocess.Popen[str]:
    module = "trading_assets_tests.benchmarks.paper_lives"
    arguments = [sys.executable, "-m", module, str(folder), str(count), "hostile"]
    log = (folder / "lives.log").open("a")
    return subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=log, text=True)


def _killed(folder: Path, count: int, days: list[str], kill: Kill) -> str | None:
    """Start a process and kill it; None if it came to its end before."""
    process = _process(folder, count)
    assert process.stdout is not None
    for line in process.stdout:
        day, _, step = line.strip().partition(" ")
        if step and (days.index(day), STEPS.index(step)) >= (kill.session, kill.step):
            time.sleep(kill.seconds)
            process.send_signal(signal.SIGKILL)
            said = process.stdout.read().split()
            return None if process.wait() == 0 else (said[-1] if said and said[-1] in STEPS else step)
    if process.wait() != 0:
        raise RuntimeError(f"a process failed: see {folder / 'lives.log'}")
    return None


def live_clean(experiment: Experiment, count: int) -> None:
    """Live the year at a clean broker in one go, as a run that comes late does."""
    evening(experiment.configuration, sessions(count)[-1], lambda _: None, hostile=False)


def lived(folder: Path, count: int, kills: int) -> dict[str, Any]:
    """Live the year in three folders, and return what was found, as it is kept in docs/paper_year.json."""
    made = made_in(folder / "made", count)
    found: dict[str, Experiment] = {}
    for name in ("clean", "whole", "killed"):
        own = folder / name
        if not (own / ".copied").exists():
            shutil.rmtree(own, ignore_errors=True)
            made.copy_to(own)
            (own / ".copied").touch()
        found[name] = Experiment(own)
    live_clean(found["clean"], count)
    whole = _process(folder / "whole", count)
    killed = live_killed(folder / "killed", count, kills)
    if whole.communicate() and whole.returncode != 0:
        raise RuntimeError(f"a process failed: see {folder / 'whole' / 'lives.log'}")
    return result_of(found, count, killed)


def result_of(found: dict[str, Experiment], count: int, killed: list[str]) -> dict[str, Any]:
    """Return what there is to say of the three folders.

    Parameters
    ----------
    found
        Experiments by the name of their folder.
    count, killed
        Sessions, and the step that each killed process was in.
    """
    configurations = {name: each.configuration for name, each in found.items()}
    whole, other = configurations["whole"], configurations["killed"]
    desk = desk_of(other)
    assert isinstance(desk, HostileDesk)
    year = findings(other, desk)
    tables = {name: Warehouse(each.warehouse_path) for name, each in configurations.items()}
    account = [
        table.name for table in PUBLISHED if tables["clean"].fingerprint(table) != tables["killed"].fingerprint(table)
    ]
    entries, is_sound = trail_of(other)
    return {
        "sessions": count,
        "settled": tables["killed"].read(RECONCILIATIONS).height,
        "kills": dict(sorted(Counter(killed).items())),
        "orders": year.orders,
        "fills": year.fills,
        "splits": year.splits,
        "told_twice": year.told_twice,
        "calls": year.calls,
        "lost": year.lost,
        "doubled": year.doubled,
        "other_than_undisturbed": other_tables(whole, other),
        "account_other_than_clean": account,
        "injected": dict(sorted(Counter(name for name, _ in year.injected).items())),
        "not_found": [list(map(str, each)) for each in year.not_found],
        "unnamed": [list(each) for each in year.unnamed],
        "in_consequence": len(year.in_consequence),
        "clean_differences": tables["clean"].read_or_empty(DIFFERENCES).height,
        "clean_orders": int(tables["clean"].read(RECONCILIATIONS)["orders"].sum()),
        "trail_entries": entries,
        "trail_is_sound": is_sound,
    }


def table_of(result: dict[str, Any]) -> str:
    """Return the table of the page."""
    kills, killed_in = sum(result["kills"].values()), ", ".join(f"{n} in {name}" for name, n in result["kills"].items())
    lines = [
        f"| {result['sessions']} sessions, {result['orders']} orders, {result['fills']} fills | how often | found |",
        "|---|---|---|",
        f"| a process is killed ({killed_in}) | {kills} | tables other than undisturbed: "
        f"{len(result['other_than_undisturbed'])} |",
        f"| an order is lost, or doubled | 0 meant | {len(result['lost'])}, {len(result['doubled'])} |",
    ]
    for name, (what, kind) in _FOUND_AS.items():
        times = result["injected"].get(name, 0)
        missing = sum(each[0] == name for each in result["not_found"])
        lines.append(f"| {what} | {times} | {times - missing} as {kind} |")
    lines += [
        f"| an exit is cut, or not sent, because of these | {result['in_consequence']} | "
        "as `partial` or `missed`: `not_held` |",
        f"| a fill is told twice | {result['told_twice']} | one fill each |",
        f"| a split | {result['splits']} | no difference |",
        f"| a difference that nothing injected explains | 0 meant | {len(result['unnamed'])} |",
        f"| the same year at a clean broker, {result['clean_orders']} orders | 0 meant | "
        f"{result['clean_differences']} differences |",
        f"| tables of the account other than in the clean year | 0 meant | {len(result['account_other_than_clean'])} |",
        f"| the audit trail, {result['trail_entries']:,} entries | | "
        f"{'sound' if result['trail_is_sound'] else 'broken'} |",
    ]
    return "\n".join(lines)


def main(count: int = YEAR, kills: int = KILLS, folder: str = str(LIVES)) -> None:
    """Live the year, print what was survived, and write it into the page."""
    result = lived(Path(folder) / f"{count}-{kills}", count, kills)
    print(table_of(result))
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), *MARKS, table_of(result)), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
    else:
        main()
