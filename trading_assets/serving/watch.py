"""Looks, beside the requests, whether another model is champion, and hands it to the circuit."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol

from trading_assets.config import ConfigurationError
from trading_assets.models.registered_model import RegisteredModel
from trading_assets.serving.champion import EXPECTED, state_of_file
from trading_assets.serving.circuit import Circuit
from trading_assets.warehouse import LockedError, WarehouseError

LOOK_SECONDS = 1.0
#: A run writes scores, puts them on record and registers the model one after the other: what does not fit together
#: for as long as this is a fault.
GRACE_SECONDS = 5.0
#: How often a champion that cannot be used is tried again though nothing has changed.
AGAIN_SECONDS = 30.0

logger = logging.getLogger(__name__)


class Registered(Protocol):
    """Where a champion is found, see `champion.ServedChampion`."""

    def load(self) -> RegisteredModel:
        """Return the registered model, verified."""

    def load_earlier(self) -> RegisteredModel | None:
        """Return the newest version that is as it was registered; None if there is none."""

    def state(self) -> Hashable:
        """Return what is another value whenever the champion may be another one."""


class Watch:
    """Keeps a circuit at the champion of a name.

    Parameters
    ----------
    champion, circuit
        Where the model is found, and what answers with it.
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(self, champion: Registered, circuit: Circuit, clock: Callable[[], float] = time.monotonic) -> None:
        self._champion, self._circuit, self._clock = champion, circuit, clock
        self._seen: Hashable = None
        self._failing_since: float | None = None
        self._tried = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="watch", daemon=True)

    def start(self) -> None:
        """Load the champion, then look again and again until `end`."""
        self.look()
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join(timeout=LOOK_SECONDS)

    def look(self) -> None:
        """Load the champion if it may be another one, or could not be used before."""
        try:
            state = self._champion.state()
        except WarehouseError as error:  # in use, or being written: what answers goes on
            if self._circuit.standing.current is None:
                self._circuit.refuse(str(error))
            return
        waited = self._clock() - self._tried
        again = self._failing_since is not None and waited >= self._pause()
        if (state, self._artifact()) == self._seen and not again:
            return
        self._tried = self._clock()
        self._load()
        # The state from before: what was written while the model was loaded is looked at next.
        self._seen = (state, self._artifact())

    def _artifact(self) -> Hashable:
        current = self._circuit.standing.current
        return None if current is None else state_of_file(current.path)

    def _pause(self) -> float:
        """Seconds until what failed is tried again: at once while a run may be on its way."""
        since = self._failing_since
        return LOOK_SECONDS if since is None or self._clock() - since < 2 * GRACE_SECONDS else AGAIN_SECONDS

    def _load(self) -> None:
        try:
            model = self._champion.load()
        except LockedError:
            self._failing_since = self._failing_since or self._clock()
        except (*EXPECTED, ConfigurationError) as error:
            self._failed(str(error))
        except Exception as error:  # whatever it is, requests go on to be answered
            logger.exception("the champion could not be loaded")
            self._failed(f"{type(error).__name__}: {error}")
        else:
            self._failing_since = None
            self._circuit.put(model)

    def _failed(self, why: str) -> None:
        now = self._clock()
        self._failing_since = self._failing_since or now
        if self._circuit.standing.current is None:
            self._circuit.refuse(why)
            self._fall_back(why)
        elif now - self._failing_since >= GRACE_SECONDS:
            self._circuit.refuse(why)

    def _fall_back(self, why: str) -> None:
        """Answer by an earlier version of the registry, if one is as it was registered."""
        try:
            earlier = self._champion.load_earlier()
        except (*EXPECTED, ConfigurationError):
            return
        if earlier is not None:
            self._circuit.put(earlier, refused=why)

    def _go_on(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception:  # a warehouse that is moved away meanwhile, a full disk
                logger.exception("looking for the champion failed")
