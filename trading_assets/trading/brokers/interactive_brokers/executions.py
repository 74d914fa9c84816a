"""Fills as TWS tells them: an execution, what it cost, and the correction that takes its place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from ib_async import CommissionReport, Contract, Execution

from trading_assets.trading.brokers.interactive_brokers.line import Told
from trading_assets.trading.brokers.port import OUR_IDS, BrokerFill, BrokerRefusedError

_SIDES = {"BOT": "buy", "SLD": "sell"}
#: How long a fill is held back whose costs are not told: those of other programs are told to the master client alone.
PATIENCE = dt.timedelta(hours=1)


def stem_of(execution_id: str) -> str:
    """Return what an execution and its corrections have in common.

    Examples
    --------
    >>> stem_of("0000e0d5.674a1b2c.01.01"), stem_of("0000e0d5.674a1b2c.01.02")
    ('0000e0d5.674a1b2c.01', '0000e0d5.674a1b2c.01')
    """
    stem, _, version = execution_id.rpartition(".")
    return stem if stem and version.isdigit() else execution_id


def corrected(executions: Iterable[Told]) -> dict[str, tuple[Contract, Execution]]:
    """Return contract and execution by what its versions have in common: of each the last version.

    Parameters
    ----------
    executions
        What `execDetails` says.
    """
    found: dict[str, tuple[Contract, Execution]] = {}
    for _, contract, execution in executions:
        stem = stem_of(execution.execId)
        known = found.get(stem)
        if known is None or _version(known[1]) <= _version(execution):
            found[stem] = (contract, execution)
    return found


def costs_of(reports: Iterable[Told]) -> dict[str, CommissionReport]:
    """Return what executions cost by their ids; what TWS does not know yet is left out."""
    return {each.execId: each for (each,) in reports if abs(each.commission) < 1e300}


def fills_of(
    executions: Mapping[str, tuple[Contract, Execution]],
    costs: Mapping[str, CommissionReport],
    now: dt.datetime,
    *,
    named: Callable[[Contract], str],
    zones: Callable[[Contract], dt.tzinfo],
) -> list[BrokerFill]:
    """Return fills in the order in which they were made.

    Parameters
    ----------
    executions, costs
        What `corrected` and `costs_of` return. An execution without costs is held back until `PATIENCE` is over, and
        costs nothing then.
    now
        Time of IB, UTC.
    named, zones
        Our symbol of a contract, and the time zone whose day its sessions are named by.

    Raises
    ------
    BrokerRefusedError
        Costs are in another currency than the price.
    """
    found = []
    for stem, (contract, each) in executions.items():
        cost = costs.get(each.execId)
        if cost is None and now - each.time < PATIENCE:
            continue
        if cost is not None and cost.commission and cost.currency not in ("", contract.currency):
            raise BrokerRefusedError(
                f"fill {each.execId} of {contract.symbol} cost {cost.commission:g} {cost.currency}, its price is in "
                f"{contract.currency}\n  expected: an account in one currency\n"
                "  what to do: trade an account whose base currency is that of its universe"
            )
        found.append(
            (
                (each.time, stem),
                BrokerFill(
                    stem,
                    each.orderRef if each.orderRef.startswith(OUR_IDS) else None,
                    each.time.astimezone(zones(contract)).date(),
                    named(contract),
                    _SIDES.get(each.side, each.side),
                    each.shares,
                    each.price,
                    cost.commission if cost is not None else 0.0,
                ),
            )
        )
    return [fill for _, fill in sorted(found, key=lambda each: each[0])]


def _version(execution: Execution) -> int:
    """Number behind the last dot of an id."""
    version = execution.execId.rpartition(".")[2]
    return int(version) if version.isdigit() else 0
