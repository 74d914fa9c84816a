"""One connection to TWS or IB Gateway: what is asked, all that is told, and how long it is waited for.

`ib_async.Client` speaks the wire. What it hears is kept as it was told, in its order. The class `IB` of that library
is not used: it takes notes about an order that lives on for its end, loses an execution whose time zone it does not
know, and connects without an error where an answer is missing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace, TracebackType
from typing import Any, Self, TypeVar

from ib_async import Contract, ContractDetails
from ib_async.client import Client

from trading_assets.config.interactive_brokers import LIVE_PORTS, InteractiveBrokersSettings
from trading_assets.trading.brokers.interactive_brokers import answers
from trading_assets.trading.brokers.port import BrokerRefusedError, BrokerUnavailableError

KEYS = "trading.interactive_brokers"
Found = TypeVar("Found")
Told = tuple[Any, ...]
_EXECUTION, _TIME_OF_EXECUTION = 11, 15
#: `20261201-14:30:00` is UTC; a time with a space has its zone behind it, or nobody knows which it is in.
_UTC_TIME, _TIME_WITH_ZONE = re.compile(r"\d{8}-\d\d:\d\d:\d\d"), re.compile(r"\d{8} \d\d:\d\d:\d\d \S+")
_BETWEEN_TRIES = 0.25


class RequestRefusedError(Exception):
    """TWS says no to one request; `code` and `str()` say why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(answers.in_words(code, text))
        self.code = code


class Hearing:
    """All that was told on a connection: name of the message and what it says, in its order.

    The client calls a method by the name of each message: every name is a method here, which writes it down.
    """

    def __init__(self) -> None:
        self.told: list[tuple[str, Told]] = []
        self.news = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = {"defaultTimezone": dt.UTC, "ib": SimpleNamespace(TimezoneTWS="UTC")}
        return known[name] if name in known else lambda *said: self.hear(name, said)

    def hear(self, name: str, said: Told) -> None:
        """Write a message down.

        Parameters
        ----------
        name, said
            Name of the message, and what it says.
        """
        self.told.append((name, said))
        self.news.set()

    def all(self, name: str, since: int = 0) -> list[Told]:
        """Return what the messages of a name say.

        Parameters
        ----------
        name, since
            Name, and how many messages of any name are passed over.
        """
        return [said for each, said in self.told[since:] if each == name]


class Line:
    """A connection that is open within `async with`: see the module.

    Parameters
    ----------
    settings
        Section of the configuration.
    live_account
        The one account with real money that may be meant; empty: none.
    """

    def __init__(self, settings: InteractiveBrokersSettings, *, live_account: str = "") -> None:
        self.settings, self.live_account = settings, live_account
        self.account = ""
        self._start_anew()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises
        ------
        BrokerUnavailableError
            Nobody listens or answers.
        BrokerRefusedError
            The client id is in use, or the account is not what the configuration means.
        """
        settings = self.settings
        if settings.port in LIVE_PORTS and not self.live_account:
            raise BrokerRefusedError(
                _refusal("port", f"{settings.port} is the port of live accounts", "a paper port (7497, 4002)")
            )
        deadline = _now() + settings.timeout_seconds
        while not await self._connected(deadline):
            if _now() + _BETWEEN_TRIES > deadline:
                raise BrokerRefusedError(
                    _refusal("client_id", f"client id {settings.client_id} is in use (326)", "a number of its own")
                )
            await asyncio.sleep(_BETWEEN_TRIES)  # TWS frees the id of a connection some time after its end
            self._start_anew()
        try:
            self.account = self._checked_account(self.client.getAccounts())
        except BrokerRefusedError:
            self.close()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()
        await asyncio.sleep(0)  # the loop closes the socket

    def close(self) -> None:
        """Hang up."""
        self.client.disconnect()

    async def until(self, found: Callable[[], Found | None], what: str, within: float | None = None) -> Found:
        """Return what `found` returns as soon as it is not None.

        Parameters
        ----------
        found
            Asked again after each message.
        what
            What is waited for, in words.
        within
            Seconds; None: the time-out of the configuration.

        Raises
        ------
        BrokerUnavailableError
            It does not come, or the line is lost.
        BrokerRefusedError
            TWS gives nothing through its API, or tells times that nobody can read.
        """
        seconds = self.settings.timeout_seconds if within is None else within
        deadline = _now() + seconds
        while True:
            self.hearing.news.clear()
            answer = found()
            self._check()
            if answer is not None and not self._is_cut_off():
                return answer  # else: what TWS lists may be behind what IB has
            if not self.client.isConnected():
                raise BrokerUnavailableError("the line to TWS is lost")
            try:
                await asyncio.wait_for(self.hearing.news.wait(), max(deadline - _now(), 0.0))
            except TimeoutError:
                why = ": it has lost its line to IB (1100)" if self._is_cut_off() else ""
                raise BrokerUnavailableError(f"TWS did not tell {what} within {seconds:g} s{why}") from None

    async def ask(
        self, send: Callable[..., None], *said: object, told: str, end: str, by_id: bool = False
    ) -> list[Told]:
        """Return what is told until the end of an answer.

        Parameters
        ----------
        send, said
            Method of the client that asks, and its arguments.
        told, end
            Name of the messages, and of the one after the last of them.
        by_id
            Whether the request has a number, which is put before `said` and stands first in what is told.

        Raises
        ------
        RequestRefusedError
            TWS says no to the request.
        BrokerUnavailableError
            It does not answer.
        """
        since = len(self.hearing.told)
        number = self.client.getReqId() if by_id else None
        self.send(send, *([] if number is None else [number]), *said)

        def is_over() -> bool | None:
            for name, args in self.hearing.told[since:]:
                if name == end and (number is None or args[0] == number):
                    return True
                if name == "error" and number is not None and args[0] == number and not answers.informs_only(args[1]):
                    raise RequestRefusedError(args[1], args[2])
            return None

        await self.until(is_over, told)
        return [each for each in self.hearing.all(told, since) if number is None or each[0] == number]

    def send(self, send: Callable[..., None], *said: object) -> None:
        """Send a request that nothing is waited for.

        Parameters
        ----------
        send, said
            Method of the client, and its arguments.

        Raises
        ------
        BrokerUnavailableError
            The line is lost.
        """
        try:
            send(*said)
        except ConnectionError as error:
            raise BrokerUnavailableError(f"the line to TWS is lost: {error}") from error

    async def time(self) -> dt.datetime:
        """Return the time of IB, UTC, in whole seconds."""
        (told,) = await self.ask(self.client.reqCurrentTime, told="currentTime", end="currentTime")
        return dt.datetime.fromtimestamp(told[0], dt.UTC)

    async def details(self, contract: Contract) -> list[ContractDetails]:
        """Return what IB says of the securities that a contract may mean."""
        said = await self.ask(
            self.client.reqContractDetails, contract, told="contractDetails", end="contractDetailsEnd", by_id=True
        )
        return [each[1] for each in said]

    def errors_of(self, number: int) -> list[tuple[int, str]]:
        """Return code and text of what says no to a request or an order."""
        return [
            (said[1], said[2])
            for said in self.hearing.all("error")
            if said[0] == number and not answers.informs_only(said[1])
        ]

    def _start_anew(self) -> None:
        self.hearing = Hearing()
        self.client: Any = Client(self.hearing)  # type: ignore[no-untyped-call]

    async def _connected(self, deadline: float) -> bool:
        """Whether it is connected; False: the client id is in use."""
        settings, hearing = self.settings, self.hearing
        self._read_strictly()
        left = max(deadline - _now(), 0.001)
        connecting = asyncio.ensure_future(
            self.client.connectAsync(settings.host, settings.port, settings.client_id, left)
        )
        closed = asyncio.ensure_future(self._closed())
        try:
            await asyncio.wait([connecting, closed], return_when=asyncio.FIRST_COMPLETED)
            if connecting.done():
                connecting.result()
                return True
        except (OSError, TimeoutError) as error:
            said = str(error) or f"no answer within {settings.timeout_seconds:g} s"
            raise BrokerUnavailableError(
                f"no TWS or IB Gateway at {settings.host}:{settings.port} (502): {said}"
            ) from error
        finally:
            for each in (connecting, closed):
                each.cancel()
            await asyncio.gather(connecting, closed, return_exceptions=True)
        if any(said[1] == answers.CLIENT_ID_IN_USE for said in hearing.all("error")):
            return False
        raise BrokerUnavailableError(f"TWS at {settings.host}:{settings.port} hung up before it was ready")

    async def _closed(self) -> None:
        """Return when the other side has hung up."""
        while not self.hearing.all("setEventsDone"):
            self.hearing.news.clear()
            await self.hearing.news.wait()

    def _read_strictly(self) -> None:
        """Write down what cannot be read, where the client would log and lose it."""
        decoder, hearing = self.client.decoder, self.hearing
        decoder.logger = logging.Logger("tws", logging.ERROR)
        decoder.logger.addHandler(_Unreadable(hearing))
        read = decoder.handlers[_EXECUTION]

        def read_execution(fields: list[str]) -> None:
            time = fields[_TIME_OF_EXECUTION]
            if not (_UTC_TIME.fullmatch(time) or _TIME_WITH_ZONE.fullmatch(time)):
                hearing.hear("unreadable", (f"the time of an execution, {time!r}, has no time zone",))
            read(fields)

        decoder.handlers[_EXECUTION] = read_execution

    def _check(self) -> None:
        """Raise what makes every answer worthless."""
        for (said,) in self.hearing.all("unreadable"):
            raise BrokerRefusedError(
                f"TWS told what cannot be read: {said}\n  expected: times with a time zone in English letters\n"
                "  what to do: in the API settings of TWS choose that times are sent in UTC format"
            )
        for _, code, text, *_ in self.hearing.all("error"):
            if code == answers.READ_ONLY and "read-only" in text.lower():
                raise BrokerRefusedError(
                    f"TWS lets this program read only (321: {text})\n  expected: an API that takes orders\n"
                    "  what to do: switch 'Read-Only API' off in the API settings of TWS"
                )

    def _is_cut_off(self) -> bool:
        """Whether TWS has lost its line to IB."""
        codes = [said[1] for said in self.hearing.all("error") if said[1] in (*answers.LOST, *answers.RESTORED)]
        return bool(codes) and codes[-1] in answers.LOST

    def _checked_account(self, accounts: Sequence[str]) -> str:
        """The account that is meant."""
        wanted = self.settings.account or self.live_account or (accounts[0] if len(accounts) == 1 else "")
        if not wanted:
            raise BrokerRefusedError(_refusal("account", "the login has more than one account", f"one of {accounts}"))
        if wanted not in accounts:
            raise BrokerRefusedError(_refusal("account", f"the login has no account {wanted}", f"one of {accounts}"))
        if self.live_account and wanted != self.live_account:
            raise BrokerRefusedError(_refusal("account", f"{wanted} is not trading.live_account", self.live_account))
        if not is_paper(wanted) and not self.live_account:
            raise BrokerRefusedError(
                _refusal("account", f"{wanted} is a live account", "a paper account, whose name begins with D")
            )
        return wanted


class _Unreadable(logging.Handler):
    """Writes down what the decoder could not read."""

    def __init__(self, hearing: Hearing) -> None:
        super().__init__()
        self.hearing = hearing

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.hearing.hear("unreadable", (f"{record.getMessage()[:200]} {error!r}",))


def is_paper(account: str) -> bool:
    """Return whether an account has no money in it: its name begins with a D.

    Examples
    --------
    >>> is_paper("DU1234567"), is_paper("U1234567")
    (True, False)
    """
    return account.startswith("D")


def run_apart(work: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
    """Return what a coroutine returns, run in a thread and an event loop of its own, which end with it.

    The thread of the caller may have a loop that runs, or none at all; neither is touched.
    """
    with ThreadPoolExecutor(1, "interactive-brokers") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _refusal(key: str, what: str, expected: str) -> str:
    return f"{KEYS}.{key}: {what}\n  expected: {expected}\n  what to do: correct the key; nothing was sent"
