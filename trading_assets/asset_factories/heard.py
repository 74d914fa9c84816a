"""What a step says while it runs, without secrets: Dagster keeps its words, and so does the warehouse."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from trading_assets.config import Configuration
from trading_assets.config.redaction import hidden, secrets_of


class Heard:
    """A log that hides secrets, and also keeps what was warned of.

    An error that a step gets over is never raised: what it quotes, such as the address of a database, would come into
    events and tables through the log.

    Parameters
    ----------
    log, configuration
        Dagster's log of the step, and the configuration whose secrets are hidden.
    """

    def __init__(self, log: Any, configuration: Configuration) -> None:
        self._log, self._configuration = log, configuration
        self.warnings: list[str] = []

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return secrets_of(self._configuration)

    def debug(self, message: object) -> None:
        """Say for who looks for a fault."""
        self._log.debug(hidden(str(message), self._secrets))

    def info(self, message: object) -> None:
        """Say."""
        self._log.info(hidden(str(message), self._secrets))

    def warning(self, message: object) -> None:
        """Warn, and keep it."""
        said = hidden(str(message), self._secrets)
        self.warnings.append(said)
        self._log.warning(said)

    def error(self, message: object) -> None:
        """Say what is wrong."""
        self._log.error(hidden(str(message), self._secrets))
