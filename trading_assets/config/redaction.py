"""What no log, event, tag or table may quote: keys of the environment, tokens, addresses that have a password."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from trading_assets.config.errors import ConfigurationError
from trading_assets.config.remote_sources import SQL_URI_VARIABLE
from trading_assets.config.secrets import secret_of

HIDDEN = "***"
#: Variables that sections of databases read, or their clients do.
_OF_DATABASES = (SQL_URI_VARIABLE, "PGPASSWORD")
#: Shorter values are in half of all texts: hiding them would hide everything.
_SHORTEST = 6
#: A password in an address, and keys in its query or in a header, whoever wrote them.
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")
_NAMED = re.compile(
    r"(?i)\b((?:api[-_]?key|apikey|access[-_]?token|auth[-_]?token|token|secret|password|passwd)[\"']?\s*[=:]\s*[\"']?)"
    r"([^\s\"'&,;)}\]]{6,})"
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)([A-Za-z0-9._~+/=-]{6,})")


def secrets_of(section: object) -> tuple[str, ...]:
    """Return the secrets that a configuration knows of, the longest first: one may be a part of another."""
    found = {*_secrets(section), *(_secret(name) for name in _OF_DATABASES)}
    found |= {password for each in found if "://" in each for password in _passwords(each)}
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=lambda each: (-len(each), each)))


def _secret(variable: str) -> str:
    """The secret of a variable; empty where it cannot be read, as whoever wants it then says."""
    try:
        return secret_of(variable).strip()
    except ConfigurationError:
        return ""


def _passwords(address: str) -> Iterator[str]:
    """Yield the password of an address, as it is written and as it is meant."""
    try:
        password = urlsplit(address).password
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))


def _secrets(section: object) -> Iterator[str]:
    if not isinstance(section, BaseModel):
        return
    for name in dir(type(section)) + list(type(section).model_fields):
        if "variable" in name and not name.startswith("_"):
            named = getattr(section, name, None)
            for variable in (named,) if isinstance(named, str) else named if isinstance(named, tuple) else ():
                yield _secret(variable)
    for name in type(section).model_fields:
        yield from _within(getattr(section, name))


def _within(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from _secrets(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _within(each)


def hidden(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without secrets: those that are known, and what looks like a key or a password of an address.

    Examples
    --------
    >>> hidden("GET https://ann:hunter22@host/?apikey=0123456789&symbol=A failed")
    'GET https://***@host/?apikey=***&symbol=A failed'
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    text = _IN_ADDRESS.sub(HIDDEN, text)
    return _BEARER.sub(rf"\1{HIDDEN}", _NAMED.sub(rf"\1{HIDDEN}", text))
