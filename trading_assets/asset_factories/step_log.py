"""What a step says: kept where it is a warning, and without secrets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from trading_assets.config.redaction import hidden


class Heard:
    """A log that also keeps what was warned of, and quotes no secret: an error that is caught may be told in it.

    Parameters
    ----------
    log, secrets
        Log of the step, and what returns the secrets that no text may quote.
    """

    def __init__(self, log: Any, secrets: Callable[[], Sequence[str]] = tuple) -> None:
        self._log = log
        self._secrets = secrets
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        """Warn, and keep it."""
        message = hidden(message, self._secrets())
        self.warnings.append(message)
        self._log.warning(message)

    def info(self, message: str) -> None:
        """Tell."""
        self._log.info(hidden(message, self._secrets()))

    def error(self, message: str) -> None:
        """Tell of an error."""
        self._log.error(hidden(message, self._secrets()))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
