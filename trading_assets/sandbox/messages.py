"""Messages between two processes: a length, then plain values.

What comes from the other side is data: values are unpickled only as far as they are plain.
"""

from __future__ import annotations

import io
import pickle
import socket
import struct
import time
from typing import Any

_LENGTH = struct.Struct("!Q")
_CHUNK = 1 << 20
_PLAIN = {
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "builtins": {"set", "frozenset", "complex", "bytearray"},
}

#: Types of values that are plain in themselves.
ATOMS: tuple[type, ...] = (bool, int, float, str, bytes, type(None))


class ClosedError(Exception):
    """The other side is gone."""


class TooLateError(Exception):
    """The other side did not answer in time."""


def send(to: socket.socket, message: object) -> None:
    """Send plain values.

    Raises
    ------
    ClosedError
        The other side is gone.
    """
    content = pickle.dumps(message, protocol=5)
    try:
        to.sendall(_LENGTH.pack(len(content)))
        to.sendall(content)
    except OSError as error:
        raise ClosedError(str(error)) from None


def receive(source: socket.socket, seconds: float | None = None) -> Any:
    """Return the next message.

    Parameters
    ----------
    seconds
        How long to wait for the whole of it; None for ever.

    Raises
    ------
    ClosedError
        The other side is gone.
    TooLateError
        It did not answer in time.
    pickle.UnpicklingError
        The message holds what is not plain.
    """
    until = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(source, _LENGTH.size, until))
    return _PlainUnpickler(io.BytesIO(_exactly(source, length, until))).load()


def _exactly(source: socket.socket, length: int, until: float | None) -> bytearray:
    found = bytearray()
    while len(found) < length:
        remaining = None if until is None else until - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise TooLateError
        source.settimeout(remaining)
        try:
            part = source.recv(min(length - len(found), _CHUNK))
        except TimeoutError:
            raise TooLateError from None
        except OSError as error:
            raise ClosedError(str(error)) from None
        if not part:
            raise ClosedError("closed")
        found += part
    source.settimeout(None)
    return found


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PLAIN.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a message holds {module}.{name}")
