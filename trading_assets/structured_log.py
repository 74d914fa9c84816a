"""Records of what happens as JSON or in words, each with the run, the step and the strategy that it is of.

Structlog makes the lines, through Python's own logging, whose handlers rotate them. Nothing global is configured:
Dagster uses structlog, too, and keeps its own. What goes on is noted for the process, not for a thread, as steps of a
run follow one another and their threads are theirs.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_assets.config.redaction import hidden

if TYPE_CHECKING:
    from trading_assets.config.logs import Logs

PACKAGE, RECORDS = "trading_assets", "trading_assets.records"
FOLDER, FILE = "logs", "records.jsonl"
_MIB = 2**20
_Event = MutableMapping[str, Any]

_GOING_ON: dict[str, Any] = {}
_LOGGER = logging.getLogger(RECORDS)
_LOGGER.propagate = False


def record(event: str, level: int = logging.INFO, **fields: object) -> None:
    """Write a record, if there is a log that is open.

    Parameters
    ----------
    event
        What happened: `step ended`, `signal`, `order`, `trade`, `portfolio`.
    level
        As of Python's logging.
    fields
        What is known of it.
    """
    if _LOGGER.handlers and _LOGGER.isEnabledFor(level):
        _LOGGER.log(level, event, extra={"fields": fields})


@contextmanager
def going_on(**ids: object) -> Iterator[None]:
    """Have every record of the block, of whichever thread, name what it is of: run, step, strategy, correlation."""
    before = dict(_GOING_ON)
    _GOING_ON.update({name: value for name, value in ids.items() if value is not None})
    try:
        yield
    finally:
        _GOING_ON.clear()
        _GOING_ON.update(before)


@contextmanager
def open_log(settings: Logs, home: Path, secrets: Iterable[str]) -> Iterator[None]:
    """Write records, and what modules of the package say, while the block runs.

    A log that cannot be written stops nobody.

    Parameters
    ----------
    settings, home
        How the log looks, and the folder that `logs` is in.
    secrets
        What no line shows.
    """
    handler = _handler(settings, home, tuple(secrets))
    if handler is None:
        yield
        return
    with ExitStack() as opened:
        package = logging.getLogger(PACKAGE)
        if not package.hasHandlers() and logging.lastResort is not None:
            opened.enter_context(_attached(package, logging.lastResort))  # warnings are on stderr as they were
        for logger in (package, _LOGGER):
            opened.enter_context(_attached(logger, handler, handler.level))
        opened.callback(handler.close)
        yield


@contextmanager
def _attached(logger: logging.Logger, handler: logging.Handler, level: int | None = None) -> Iterator[None]:
    before = logger.level
    logger.addHandler(handler)
    if level is not None:
        logger.setLevel(level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _handler(settings: Logs, home: Path, secrets: tuple[str, ...]) -> logging.Handler | None:
    if settings.to == "off":
        return None
    handler: logging.Handler
    try:
        if settings.to == "stderr":
            handler = logging.StreamHandler(sys.stderr)
        else:
            folder = home / FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            size = int(settings.largest_mib * _MIB)
            handler = _Quiet(folder / FILE, maxBytes=size, backupCount=settings.keep, encoding="utf-8", delay=True)
    except OSError:
        return None
    handler.setLevel(settings.level.upper())
    handler.setFormatter(_formatter(settings.format, secrets))
    return handler


class _Quiet(RotatingFileHandler):
    """A full disk is told by whoever has to write there, not by a traceback for each line of a log."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a name of Python's logging
        """Leave the line out."""


def _formatter(format: str, secrets: tuple[str, ...]) -> logging.Formatter:
    import structlog
    from structlog.stdlib import ProcessorFormatter

    shown = structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    renderer = shown if format == "console" else structlog.processors.JSONRenderer(default=str, sort_keys=False)
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _with_fields,
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            partial(_without, secrets),
            renderer,
        ],
    )


def _with_fields(logger: object, method: str, event: _Event) -> _Event:
    event.update(_GOING_ON)
    event.update(getattr(event.get("_record"), "fields", {}))
    return event


def _without(secrets: tuple[str, ...], logger: object, method: str, event: _Event) -> _Event:
    return {name: _shown(value, secrets) for name, value in event.items()}


def _shown(value: object, secrets: tuple[str, ...]) -> object:
    """A value of a record without secrets, however deep they are in it, or in what is no value of JSON."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {hidden(str(name), secrets): _shown(each, secrets) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(each, secrets) for each in value]
    return hidden(str(value), secrets)
