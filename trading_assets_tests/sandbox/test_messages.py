"""Messages are plain values, and arrive whole, in time, or not at all."""

from __future__ import annotations

import datetime as dt
import pickle
import socket
import threading
from decimal import Decimal
from pathlib import Path

import pytest

from trading_assets.sandbox.messages import ClosedError, TooLateError, receive, send

PLAIN = {"a": [1, 2.5, None, True], "b": (b"x", "y"), "c": {1}, "d": dt.date(2020, 1, 2), "e": Decimal("1.5")}


def test_plain_values_arrive_as_they_are() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, PLAIN)
        assert receive(theirs, 1.0) == PLAIN


def test_a_message_beyond_any_buffer_arrives() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=send, args=(ours, b"x" * 5_000_000))
        sender.start()
        assert len(receive(theirs, 10.0)) == 5_000_000
        sender.join()


def test_what_is_not_plain_is_not_made() -> None:
    """A pickle can call anything: this one would only make a path."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, [Path("x")])
        with pytest.raises(pickle.UnpicklingError, match="a message holds pathlib"):
            receive(theirs, 1.0)


def test_silence_and_absence_are_told_apart() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with pytest.raises(TooLateError):
            receive(theirs, 0.01)
        ours.close()
        with pytest.raises(ClosedError):
            receive(theirs, 1.0)
        with pytest.raises(ClosedError):
            send(theirs, b"x" * 10_000_000)
