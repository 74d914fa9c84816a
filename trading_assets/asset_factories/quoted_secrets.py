"""Errors that leave a step without the secrets that they quote: Dagster, tables and terminals keep what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trading_assets.config import Configuration
from trading_assets.config.redaction import hidden, secrets_of

#: Errors that are raised from each other, at most.
_DEEPEST = 50


class HiddenError(Exception):
    """Stands for an error whose text cannot be changed and quotes a secret."""


@contextmanager
def secrets_hidden(configuration: Configuration) -> Iterator[None]:
    """Let no exception of the block quote a secret, nor one that it was raised from.

    An error of a vendor, a database or a library may quote an address with a password, or a key. Nothing is done, and
    nothing is looked up, where no error is raised.
    """
    try:
        yield
    except Exception as error:
        secrets = secrets_of(configuration)
        if not cleaned(error, secrets):
            raise HiddenError(f"{type(error).__name__}: {hidden(str(error), secrets)}") from None
        raise


def cleaned(error: BaseException, secrets: Sequence[str]) -> bool:
    """Take secrets out of the texts of an error and of those that it was raised from, and return whether that was done.

    What an error was raised from is cut off where its text cannot be changed; of a group every member is looked at.
    """
    seen: set[int] = set()
    waiting: list[tuple[BaseException | None, BaseException]] = [(None, error)]
    while waiting:
        if len(seen) >= _DEEPEST:
            return False
        parent, each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if not _cleaned_alone(each, secrets):
            if parent is None:
                return False
            parent.__cause__, parent.__context__ = None, None
            continue
        waiting += [(each, other) for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += [(None, member) for member in each.exceptions]
    return True


def _cleaned_alone(error: BaseException, secrets: Sequence[str]) -> bool:
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list):
        notes[:] = [hidden(each, secrets) if isinstance(each, str) else each for each in notes]
    if hidden(text := str(error), secrets) == text:
        return True
    error.args = tuple(hidden(each, secrets) if isinstance(each, str) else each for each in error.args)
    return hidden(text := str(error), secrets) == text
