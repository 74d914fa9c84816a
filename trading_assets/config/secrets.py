"""Secrets: from the environment, or from a file that the environment names; never from a configuration.

`NAME` holds the secret itself, `NAME_FILE` the path of a file that does, as Docker and Kubernetes mount them. A file
of secrets is in no image, in no process list and in no shell history.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from trading_assets.config.errors import ConfigurationError, KeyPath, block

#: What a variable's name ends with that names a file.
FILE_SUFFIX = "_FILE"
MOST_BYTES = 65_536
#: Variables that the product reads by default, and what each is for; those of vendors are named by the vendor.
VARIABLES: Mapping[str, str] = {
    "TRADING_ASSETS_WEBHOOK_TOKEN": "token that is sent with alerts (`notifier.token_variable`)",
    "TRADING_ASSETS_SQL_URI": "address of the database of `source: sql`, with its password",
    "APCA_API_KEY_ID": "key of Alpaca, of its bars and of its accounts",
    "APCA_API_SECRET_KEY": "secret of Alpaca",
    "ALPHAVANTAGE_API_KEY": "key of Alpha Vantage",
    "POLYGON_API_KEY": "key of Polygon.io",
    "MASSIVE_API_KEY": "the same, under the new name of the service",
    "FRED_API_KEY": "key of ALFRED (`alternative_data.<provider>.alfred`)",
}

_NAMES = re.compile(
    r"(.*[_-])?(password|passwd|passphrase|secret|secret_key|token|api_?key|access_key|private_key|credentials?"
    r"|authorization|bearer)",
    re.IGNORECASE,
)
#: A password within an address: scheme://user:password@host. One with a slash in it ends the host for a parser, and is
#: one all the same; a path with both a colon and an @ writes the latter as %40.
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^\s@]+@", re.IGNORECASE)
#: A user alone, where there are no accounts: what stands there is a token. A database has users.
_TOKEN = re.compile(r"https?://[^/\s@?#]+@", re.IGNORECASE)
#: What an address asks with: `?name=value`, `&name=value`.
_ASKED = re.compile(r"[?&;#]([^=&;#?\s]+)=[^&;#\s]")
_ASKED_NAMES = re.compile(r"key|auth|sig|signature|pwd|pass", re.IGNORECASE)
#: Parts whose keys are names that a person chooses: of symbols, strategies, models, parameters of own modules.
_FREE = frozenset(
    {"benchmarks", "universe", "sectors", "strategies", "models", "champions", "registration", "robustness"}
)
_FREE_BELOW = frozenset({"symbols", "coins", "columns"})


def secret_of(variable: str) -> str:
    """Return the secret of a variable, or of the file that `<variable>_FILE` names; empty if neither is set.

    Raises
    ------
    ConfigurationError
        Both are set; the file cannot be read, is empty, is no text or is larger than any secret. Never with the secret.
    """
    value, named = os.environ.get(variable, ""), os.environ.get(variable + FILE_SUFFIX, "")
    if not named:
        return value
    if value:
        raise ConfigurationError(
            f"one secret comes from two places\n  variables: {variable} and {variable}{FILE_SUFFIX}\n"
            "  what to do: unset one of them"
        )
    return _read(variable + FILE_SUFFIX, Path(named))


def is_set(variable: str) -> bool:
    """Return whether a secret is there, whether it can be read or not."""
    return bool(os.environ.get(variable) or os.environ.get(variable + FILE_SUFFIX))


def _read(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode("utf-8").strip()
        cause = "" if text else "it is empty"
    except OSError as error:
        text, cause = "", error.strerror or type(error).__name__
    except UnicodeDecodeError:  # its message quotes what it could not read
        text, cause = "", "it is no text"
    if len(content if not cause else b"") > MOST_BYTES:
        cause = f"it has more than {MOST_BYTES:,} bytes"
    if cause:
        raise ConfigurationError(
            f"cannot read a secret\n  variable: {variable}\n  file: {path}\n  cause: {cause}\n"
            "  expected: a file with the secret alone"
        )
    return text


def refuse_secrets(path: Path, values: Mapping[str, Any], lines: Mapping[KeyPath, int]) -> None:
    """Refuse a configuration that holds a secret: files are copied, sent and committed.

    Parameters
    ----------
    path, lines
        File of the configuration, and the line of each key.
    values
        Plain values of the configuration.

    Raises
    ------
    ConfigurationError
        A key has the name of a secret, or an address holds a password or a token; the value is not quoted.
    """
    for where, value in _scalars(values, ()):
        name = str(where[-1])
        expected = "an environment variable, or a file that one names: NAME=..., NAME_FILE=/run/secrets/..."
        do = "take it out of the file, set the variable, and have the secret replaced if others saw the file"
        if _is_secret(where):
            if where in {("notifier", "token"), ("alerts", "escalation", "token")}:
                expected = "the name of an environment variable: `token_variable: TRADING_ASSETS_WEBHOOK_TOKEN`"
            what = "a token never comes from a file" if name == "token" else "a secret never comes from a file"
            raise ConfigurationError(block(path, lines, where, what, expected, do))
        if isinstance(value, str) and "://" in value and _holds_secret(value):
            raise ConfigurationError(block(path, lines, where, "an address with a password or a token", expected, do))


def _holds_secret(address: str) -> bool:
    asked = (unquote(found) for found in _ASKED.findall(address))
    return (
        _PASSWORD.search(address) is not None
        or _TOKEN.search(address) is not None
        or any(_NAMES.fullmatch(name) or _ASKED_NAMES.fullmatch(name) for name in asked)
    )


def _is_secret(where: KeyPath) -> bool:
    is_free = where[0] in _FREE or any(part in _FREE_BELOW for part in where[:-1])
    names = [part for part in where if isinstance(part, str)]
    return not is_free and bool(names) and _NAMES.fullmatch(names[-1]) is not None


def _scalars(value: Any, where: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _scalars(each, (*where, str(key)))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from _scalars(each, (*where, index))
    elif where:
        yield where, value
