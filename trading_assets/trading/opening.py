"""Openings of running accounts: a person's word, dated, on the record of the protocol; nothing takes one back.

An account begins after the holdout of its strategy was looked at, and after its end: it reads no closed holdout. A
paper account needs no `go`, and every line of it says which verdict it was opened under; a live one needs it, and what
`brokers/connect.py` asks for besides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from trading_assets import __version__
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.config.errors import nearest
from trading_assets.market_data import calendars
from trading_assets.market_data.tables import BARS, INSTRUMENTS
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.protocol import Protocol, Record
from trading_assets.protocol.looks import looks_of
from trading_assets.protocol.records import Entry
from trading_assets.robustness.verdict.current import VerdictMissingError, current_verdict
from trading_assets.strategies.evaluation.plan import plan_of
from trading_assets.strategies.interface.resolved import ResolvedStrategy, configured_strategy, resolve_strategy
from trading_assets.trading.brokers.permission import assert_may_be_live
from trading_assets.trading.closing.record import closing_of, left_on_record
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.errors import WarehouseError

PAPER, LIVE = "paper", "live"
#: Name of the broker that is simulated.
SIMULATED = "simulated"
_OPEN = "open"


@dataclass(frozen=True)
class Opening:
    """An account as it was opened.

    Attributes
    ----------
    strategy, account
        Name of the strategy, and of the account: the strategy and a number.
    session
        Session at whose close it first decides.
    capital
        Equity that it begins with.
    verdict, plan_hash
        Verdict on the strategy, and hash of its registered plan, when it was opened.
    by
        Who opened it.
    recorded_at
        When it went on record, UTC.
    universe
        Source, calendar and asset class of each symbol that the strategy traded then.
    mode, broker
        `paper` or `live`, and where its orders go for as long as it runs.
    """

    strategy: str
    account: str
    session: dt.date
    capital: float
    verdict: str
    plan_hash: str
    by: str
    recorded_at: dt.datetime
    universe: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    mode: str = PAPER
    broker: str = SIMULATED

    @property
    def label(self) -> str:
        """What every line of the account says."""
        return f"{self.mode}, verdict {self.verdict}"


def openings_on(records: Iterable[Record], configuration: str, strategy: str) -> list[Opening]:
    """Return the accounts of a strategy, oldest first: the last one is open.

    Parameters
    ----------
    records
        Records of the protocol.
    configuration, strategy
        Names of the configuration and of the strategy.
    """
    own = ("account", configuration, strategy)
    found = [each for each in records if (each.kind, each.configuration, each.subject) == own]
    return [_opening_of(each) for each in found if each.payload["action"] == _OPEN]


def open_accounts(configuration: Configuration) -> dict[str, Opening]:
    """Return the open account of each strategy of the configuration that has one.

    Of a protocol that cannot be read none is returned: the steps of a run say what is wrong with it.
    """
    try:
        return accounts_on_record(configuration)
    except WarehouseError:
        return {}


def accounts_on_record(configuration: Configuration) -> dict[str, Opening]:
    """Return the open account of each strategy of the configuration that has one.

    Raises
    ------
    WarehouseError
        The protocol is in use, or cannot be read: nothing is known of any account.
    """
    records = Protocol.of(configuration).read()
    found = {name: openings_on(records, configuration.name, name) for name in configuration.strategies}
    return {name: openings[-1] for name, openings in found.items() if openings}


def open_account(
    warehouse: Warehouse,
    configuration: Configuration,
    strategy: str,
    *,
    session: dt.date | None,
    capital: float | None,
    mode: str,
    by: str,
    now: dt.datetime,
) -> Opening:
    """Put the opening of an account on record.

    Parameters
    ----------
    warehouse, configuration, strategy
        Warehouse, configuration, and the name of the strategy.
    session
        Session at whose close it first decides, after the holdout; None: the last one with bars, or where the holdout
        ends with them the next one.
    capital
        Equity that it begins with; None: that of the section `risk`.
    mode
        `paper`, or `live`: with a `go` that stands, and where the configuration lets live accounts be.
    by, now
        Who opens it, and when, UTC.

    Raises
    ------
    ConfigurationError
        There is no such strategy, it may not be live, its holdout was not looked at, the session is none or too early,
        an account of the same plan is open at the same broker, and this version can go on with it, or one of another
        strategy is at a real one.
    """
    from trading_assets.trading.saved_state import is_of_another_layout

    assert_strategy(configuration, strategy)
    if mode not in (PAPER, LIVE):
        raise ConfigurationError(f"a {mode} account\n  expected: {PAPER} or {LIVE}\n  what to do: name one of them")
    if capital is not None and not 0 < capital < float("inf"):
        raise ConfigurationError(f"capital {capital:g}\n  expected: a number above 0\n  what to do: give another")
    verdict = _assert_looked_at(warehouse, configuration, strategy)
    if mode == LIVE:
        assert_may_be_live(configuration.trading, strategy, verdict)
    broker = configuration.trading.broker
    spans = spans_of(warehouse.read(SPLITS))
    plan = plan_of(configuration, configured_strategy(configuration, strategy), spans)
    resolved = resolve_strategy(configuration, strategy, warehouse.read(INSTRUMENTS))
    first, universe = _first_session(warehouse, resolved, session, spans["holdout"].end), universe_of(resolved)
    protocol = Protocol.of(configuration)
    equity = float(configuration.risk.starting_equity if capital is None else capital)

    def decide(records: Sequence[Record]) -> list[Entry]:
        """Under the lock of the protocol: of two who open at once the second one is refused."""
        known = openings_on(records, configuration.name, strategy)
        closing = closing_of(records, configuration.name, known[-1].account) if known else None
        is_closed = bool(known) and left_on_record(records, configuration.name, known[-1].account)
        _assert_alone(records, configuration.name, strategy, (mode, broker))
        is_there = known and (known[-1].plan_hash, known[-1].mode, known[-1].broker) == (plan.hash, mode, broker)
        is_over = is_closed or (known and is_of_another_layout(records, configuration.name, known[-1].account))
        if is_there and not is_over and not gone_from(known[-1].universe, universe):
            if closing is not None:
                raise ConfigurationError(
                    f"{known[-1].account} is being left: it still holds something\n"
                    "  expected: an account that is closed\n"
                    "  what to do: trading-assets run, until its state is closed"
                )
            raise ConfigurationError(
                f"{known[-1].account} is open already, since {known[-1].session}\n"
                "  expected: a strategy without an account, or one whose plan has changed since\n"
                f"  what to do: trading-assets account status {strategy}"
            )
        said = {
            "action": _OPEN,
            "account": f"{strategy}-{len(known) + 1}",
            "mode": mode,
            "broker": broker,
            "session": first.isoformat(),
            "capital": equity,
            "verdict": verdict,
            "plan_hash": plan.hash,
            "universe": universe,
            "by": by,
            "product_version": __version__,
        }
        return [Entry("account", strategy, said)]

    (record,) = protocol.append_decided(decide, now=now)
    return _opening_of(record)


def _assert_alone(records: Sequence[Record], configuration: str, strategy: str, where: tuple[str, str]) -> None:
    """Stop where another strategy has an account at the same account of a real broker: nobody could tell them apart."""
    if where[1] == SIMULATED:
        return
    said = [each for each in records if each.kind == "account" and each.configuration == configuration]
    opened = {each.subject or "" for each in said if each.payload["action"] == _OPEN} - {strategy}
    for last in (openings_on(said, configuration, name)[-1] for name in sorted(opened)):
        if (last.mode, last.broker) == where and not left_on_record(records, configuration, last.account):
            raise ConfigurationError(
                f"{last.account} is at the {last.mode} account of {last.broker} already\n"
                "  expected: one strategy at an account of a broker\n"
                f"  what to do: trading-assets account close {last.strategy}, or another configuration with other keys"
            )


def assert_strategy(configuration: Configuration, strategy: str) -> None:
    """Stop where the configuration has no strategy of a name.

    Raises
    ------
    ConfigurationError
        Naming the nearest ones.
    """
    if strategy not in configuration.strategies:
        there = nearest(strategy, list(configuration.strategies))
        raise ConfigurationError(f"no strategy {strategy!r}\n  expected: {there}\n  what to do: name one of them")


def _assert_looked_at(warehouse: Warehouse, configuration: Configuration, strategy: str) -> str:
    """The verdict on a strategy whose holdout was looked at as it is registered now."""
    closed = (
        f"the holdout of {strategy} is closed: an account would read it\n  expected: a look on record\n"
        f"  what to do: write registration.{strategy}, then trading-assets run"
    )
    member = (configuration.name, strategy)
    if strategy not in configuration.registration or not looks_of(Protocol.of(configuration).read(), member):
        raise ConfigurationError(closed)
    try:
        found = current_verdict(warehouse, configuration, strategy)
    except VerdictMissingError as error:
        raise ConfigurationError(str(error)) from None
    if found.refused is not None:
        raise ConfigurationError(
            f"the verdict on {strategy} is of an earlier registration\n  expected: one of this registration\n"
            f"  what to do: {found.refused}"
        )
    return found.result


def universe_of(strategy: ResolvedStrategy) -> dict[str, list[str]]:
    """Return source, calendar and asset class of each symbol that a strategy trades."""
    rows = strategy.instruments.select("symbol", "source", "calendar", "asset_class").sort("symbol")
    return {symbol: list(said) for symbol, *said in rows.iter_rows()}


def gone_from(before: Mapping[str, Sequence[str]], now: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the symbols of an earlier universe that are not in another one as they were; that one may have more.

    Examples
    --------
    >>> gone_from({"A": ["file", "XNYS", "equity"], "B": ["file", "XNYS", "equity"]}, {"A": ["api", "XNYS", "equity"]})
    ['A', 'B']
    """
    return sorted(symbol for symbol, said in before.items() if list(now.get(symbol, ())) != list(said))


def _first_session(
    warehouse: Warehouse, resolved: ResolvedStrategy, asked: dt.date | None, holdout_end: dt.date
) -> dt.date:
    of_strategy = sorted(set(resolved.instruments["calendar"]))
    newest = warehouse.query(
        f"SELECT max(session) FROM {BARS.name} WHERE list_contains(?, symbol)", [list(resolved.symbols)]
    ).item()
    if asked is None:
        is_after = isinstance(newest, dt.date) and newest > holdout_end
        return dt.date.fromisoformat(str(newest)) if is_after else next_session(of_strategy, holdout_end)
    if asked <= holdout_end:
        raise ConfigurationError(
            f"{asked} is in the holdout of {resolved.name} or before it\n  expected: a session after {holdout_end}\n"
            f"  what to do: --on {next_session(of_strategy, holdout_end)}, or leave --on out"
        )
    if not any(calendars.sessions(each, asked, asked).len() for each in of_strategy):
        after = next_session(of_strategy, asked)
        raise ConfigurationError(
            f"{asked} is no session of {', '.join(of_strategy)}\n  expected: a session\n  what to do: --on {after}"
        )
    return asked


def next_session(of_calendars: Sequence[str], day: dt.date) -> dt.date:
    """Return the first session of any of some calendars after a day.

    Raises
    ------
    CalendarError
        None is recorded in the thirty days that follow.
    """
    following = (day + dt.timedelta(days=1), day + dt.timedelta(days=30))
    found: list[dt.date] = [day for each in of_calendars for day in calendars.sessions(each, *following).head(1)]
    if not found:
        raise calendars.CalendarError(f"no session of {', '.join(of_calendars)} is recorded after {day}")
    return min(found)


def _opening_of(record: Record) -> Opening:
    said = record.payload
    return Opening(
        strategy=record.subject or "",
        account=said["account"],
        session=dt.date.fromisoformat(said["session"]),
        capital=said["capital"],
        verdict=said["verdict"],
        plan_hash=said["plan_hash"],
        by=said["by"],
        recorded_at=record.recorded_at,
        universe=said["universe"],
        mode=said["mode"],
        broker=said.get("broker", SIMULATED),
    )
