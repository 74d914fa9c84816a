"""The server: one process that listens, by default on this machine alone, and ends when it is told to."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable
from importlib.util import find_spec
from ipaddress import ip_address

from trading_assets import __version__
from trading_assets.config import Configuration, ConfigurationError
from trading_assets.models.session_scores import known_name
from trading_assets.serving.champion import ServedChampion
from trading_assets.serving.circuit import Circuit
from trading_assets.serving.watch import Watch

#: Seconds that requests have to end in, once the server is told to.
GRACEFUL_SECONDS = 10
#: Names of this machine for itself; of an IPv6 address in a header what is before its first colon is compared.
_LOCAL = ("127.0.0.1", "localhost", "[")
_LIBRARIES = ("fastapi", "uvicorn")


def require_libraries(libraries: tuple[str, ...] = _LIBRARIES) -> None:
    """Check that what the server is made of is installed.

    Raises
    ------
    ConfigurationError
        A library is missing; names the extra.
    """
    missing = next((each for each in libraries if find_spec(each) is None), None)
    if missing is not None:
        raise ConfigurationError(
            f"the library of `serve` is not installed: {missing}\n  what to do: pip install 'trading_assets[serve]'"
        )


def served_name(configuration: Configuration, name: str | None) -> str:
    """Return the name that is served: the one that is given, or the only one that there is.

    Raises
    ------
    ConfigurationError
        There is no such name, or none was given and there are several.
    """
    if name is not None:
        return known_name(configuration, name)
    competing = {model for each in configuration.champions for model in configuration.candidates_of(each)}
    names = [each for each in configuration.score_names if each not in competing]
    if len(names) == 1:
        return names[0]
    expected = f"one of {', '.join(names)}" if names else "a section `models` of the configuration, which has none"
    raise ConfigurationError(f"which model is served?\n  expected: {expected}\n  what to do: trading-assets serve NAME")


def serve(configuration: Configuration, name: str, host: str, port: int, say: Callable[[str], None]) -> None:
    """Answer requests until the process is told to end.

    Parameters
    ----------
    configuration, name
        Configuration, and the name of a model or a champion of it.
    host, port
        Where it listens; port 0 is a free one.
    say
        Is told where it listens, and what a person should know.

    Raises
    ------
    ConfigurationError
        The address cannot be listened on, or a library is missing.
    """
    require_libraries()
    import uvicorn

    from trading_assets.serving.app import make_app

    listening = _listen(host, port)
    circuit = Circuit(time.monotonic)
    watch = Watch(ServedChampion(configuration, name), circuit)
    watch.start()
    settings = uvicorn.Config(
        make_app(circuit, name, __version__, names_of(host)),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )
    if circuit.standing.trouble is not None:
        say(circuit.standing.trouble)
    if not _is_of_this_machine(host):
        say(f"{host} is reached from elsewhere: whoever reaches it may ask; put what asks for a password before it")
    address = listening.getsockname()
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    model = circuit.standing.answering
    what = "no model yet" if model is None else f"{model.model}, version {model.version}"
    say(f"serving {name} ({what}) on http://{shown}:{address[1]}")
    # The server hands the signal that ended it on once it has ended: an end that was asked for is no failure.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: None)
    try:
        uvicorn.Server(settings).run(sockets=[listening])
    finally:
        watch.end()
        listening.close()
    say("ended")


def names_of(host: str) -> tuple[str, ...]:
    """Return the names that requests may call a server by that listens on an address; of one for others any.

    Examples
    --------
    >>> names_of("127.0.0.2"), names_of("0.0.0.0")
    (('127.0.0.2', '127.0.0.1', 'localhost', '['), ('*',))
    """
    return (host, *_LOCAL) if _is_of_this_machine(host) else ("*",)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)  # who connects before the first answer waits for it
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: {error.strerror or error}\n"
            "  what to do: end who listens there, or choose another with --port; 0 is a free one"
        ) from None
    return listening


def _is_of_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
