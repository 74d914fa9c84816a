"""The switch that stops all sending: on record of the protocol, and asked before each order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from trading_assets.config import Configuration, ConfigurationError
from trading_assets.protocol import Protocol, Record

_HALT, _RESUME = "halt", "resume"


def halt(configuration: Configuration, *, by: str, reason: str, now: dt.datetime) -> None:
    """Stop sending of orders by any process of the configuration, until `resume`.

    Parameters
    ----------
    configuration
        Configuration of the accounts.
    by, reason
        Who stops it, and why.
    now
        Time of the record, UTC.
    """
    halt_on(Protocol.of(configuration), by=by, reason=reason, now=now)


def halt_on(protocol: Protocol, *, by: str, reason: str, now: dt.datetime) -> None:
    """Put a halt on record in a protocol that may not be in its place yet.

    Parameters
    ----------
    protocol
        Protocol as the configuration of the accounts writes it.
    by, reason, now
        As `halt` takes them.
    """
    _put(protocol, _HALT, by, reason, now)


def resume(configuration: Configuration, *, by: str, reason: str, now: dt.datetime) -> None:
    """Let orders be sent again.

    Parameters
    ----------
    configuration, by, reason, now
        As `halt` takes them.

    Raises
    ------
    ConfigurationError
        Trading is not halted.
    """
    if not is_halted(configuration):
        raise ConfigurationError("trading is not halted\n  expected: a halt\n  what to do: nothing")
    _put(Protocol.of(configuration), _RESUME, by, reason, now)


def is_halted(configuration: Configuration) -> bool:
    """Return whether trading is halted, as it is on record now."""
    return halted_on(Protocol.of(configuration).read(), configuration.name)


def halted_on(records: Iterable[Record], configuration: str) -> bool:
    """Return whether the last word of a configuration on sending is a halt.

    Parameters
    ----------
    records, configuration
        Records of the protocol, and the name of the configuration.
    """
    words = [
        each.payload["action"]
        for each in records
        if each.kind == "account" and each.configuration == configuration and each.payload["action"] in (_HALT, _RESUME)
    ]
    return words[-1:] == [_HALT]


def _put(protocol: Protocol, action: str, by: str, reason: str, now: dt.datetime) -> None:
    if not reason.strip():
        raise ConfigurationError(
            f"a {action} without a reason\n  expected: --reason with some words\n"
            "  what to do: say why; it goes on record beside your name"
        )
    said = {"action": action, "by": by, "reason": reason.strip()}
    protocol.append("account", None, said, now=now)
