"""A process that lives evenings of an account at a broker, from where the one before it was killed.

Arguments: folder, number of sessions, `hostile` or `clean`. It says each step before it makes it.

What is driven directly: the functions of the stage's assets, without Dagster around them, in the order of a run; the
bars of the year are in the warehouse, and cut at the evening. The person who accepts each difference is played here.
"""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from trading_assets.asset_factories.table_asset import Step
from trading_assets.backtests.backtest import prepare
from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.strategies.evaluation.inputs import read_frames
from trading_assets.trading import at_broker
from trading_assets.trading.assets import carried_on
from trading_assets.trading.brokers.port import BrokerUnavailableError
from trading_assets.trading.brokers.simulated import Quote, SimulatedBroker
from trading_assets.trading.differences_on_record import accept_difference, standing_differences
from trading_assets.trading.opening import Opening, openings_on
from trading_assets.trading.tables import EQUITY
from trading_assets.warehouse import Warehouse
from trading_assets_tests.benchmarks.hostile_desk import HOSTILE, HostileDesk
from trading_assets_tests.benchmarks.paper_market import STRATEGY, SYMBOLS, sessions
from trading_assets_tests.loaded import loaded

SEED = 11
CLOSED = dt.time(21, 30)  # UTC


def desk_of(configuration: Configuration, account: str = f"{STRATEGY}-1", *, hostile: bool = True) -> SimulatedBroker:
    """Return the broker of an account."""
    path = configuration.home / "brokers" / f"{account}.db"
    return HostileDesk(path, HOSTILE, SEED) if hostile else SimulatedBroker(path)


def step_of(configuration: Configuration, now: dt.datetime) -> Step:
    """Return a step of the strategy as an asset gets it."""
    work = Warehouse(configuration.warehouse_path).unit_of_work()
    return Step(configuration, work, None, STRATEGY, "paper", now, logging.getLogger("paper"))


def openings_of(configuration: Configuration) -> list[Opening]:
    """Return the accounts of the strategy."""
    return openings_on(Protocol.of(configuration).read(), configuration.name, STRATEGY)


def carry_on(configuration: Configuration, day: dt.date, now: dt.datetime) -> None:
    """Run the account to the close of a day, on what is known by then."""
    step = step_of(configuration, now)
    frames = read_frames(step.work, configuration, STRATEGY, day)
    carried_on(step, openings_of(configuration), frames, prepare(configuration, frames, day))


def evening(configuration: Configuration, day: dt.date, say: Callable[[str], None], *, hostile: bool) -> None:
    """Live an evening: account, what the broker made of the day, differences accepted, orders for the next open."""
    now, broker = dt.datetime.combine(day, CLOSED), desk_of(configuration, hostile=hostile)
    warehouse = Warehouse(configuration.warehouse_path)
    with patch.object(at_broker, "broker_of", lambda *_: broker):  # a broker is outside of the product
        say(f"{day} account")
        carry_on(configuration, day, now)
        if isinstance(broker, HostileDesk) and day > openings_of(configuration)[-1].session:
            broker.by_hand(day, SYMBOLS, Quote(50.0, 0.01))
        say(f"{day} fills")
        until_answered(at_broker.fills, configuration, now)
        say(f"{day} accept")
        for name in standing_differences(configuration, STRATEGY)["difference_id"]:
            accept_difference(warehouse, configuration, STRATEGY, name, by="ops", reason="seen", now=now)
        say(f"{day} orders")
        until_answered(at_broker.orders, configuration, now)


def until_answered(asset: Callable[[Step], Mapping[str, Any]], configuration: Configuration, now: dt.datetime) -> None:
    """Run an asset again where the broker did not answer a question, as the next run would."""
    while True:
        try:
            asset(step_of(configuration, now))
        except BrokerUnavailableError:
            continue
        return


def live(folder: Path, count: int, say: Callable[[str], None], *, hostile: bool) -> None:
    """Live the sessions that are left, the last one that was published again: it may not have come to its end."""
    configuration, days = loaded(folder / "config.yaml", folder / "data"), sessions(count)
    warehouse = Warehouse(configuration.warehouse_path)
    published = warehouse.read_or_empty(EQUITY)["session"].to_list()
    for day in days:
        if not published or day >= max(published):
            evening(configuration, day, say, hostile=hostile)
    say("done")


def main() -> None:
    """Live as the arguments say."""
    live(Path(sys.argv[1]), int(sys.argv[2]), lambda text: print(text, flush=True), hostile=sys.argv[3] == "hostile")


if __name__ == "__main__":
    main()
