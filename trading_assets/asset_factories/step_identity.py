"""What decides a step beside the tables that it reads: configuration, code, the files it names, the data folder."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.config.plugins import code_hashes, plugins_of
from trading_assets.protocol import Protocol
from trading_assets.protocol.protocol import HEAD_FILE
from trading_assets.sources_hash import product_hash


def identity_of_step(configuration: Configuration, beside: object) -> str:
    """Return a hash that changes with all that may change what a step computes, its tables apart.

    The whole configuration is in it, whether the step reads all of it or not, the code of this package and of the
    user's own modules, and the versions of libraries.

    Parameters
    ----------
    configuration
        Configuration of the step.
    beside
        What this step alone reads beside them.
    """
    code = [product_hash(), own_code(configuration), library_versions()]
    return digest([configuration.hash, str(configuration.directory.resolve()), code, beside])


@lru_cache(maxsize=1)
def library_versions() -> list[str]:
    """Return Python's version, and the name and version of everything installed: a user's own module may import it."""
    folders = {Path(each) for each in sys.path if each}
    installed = {each.stem for folder in folders if folder.is_dir() for each in folder.glob("*.dist-info")}
    return [sys.version, *sorted(installed)]


def own_code(configuration: Configuration) -> dict[str, str]:
    """Return SHA-256 of each of the user's own modules, of strategies and of features, and of what they read.

    Raises
    ------
    LookupError
        The platform does not hold one of them to the files that it declares: what it follows from is not known.
    """
    found: dict[str, str] = {}
    for module in plugins_of(configuration):
        if not module.description["enforced"]["reads"]:
            raise LookupError(f"reads of {module.name} are not enforced on this platform")
        found |= code_hashes(module)
    return found


def protocol_id(configuration: Configuration) -> str | None:
    """Return what the protocol of the data folder began with, None before it did.

    As a protocol only grows, all that a step put on record in this one is there. It is read, and checked, again where
    its files are not those of the last time.
    """
    protocol = Protocol.of(configuration)
    files = [protocol.path, protocol.data / HEAD_FILE]
    if not all(file.exists() for file in files):
        return _first_hash(protocol)
    found = [file.stat() for file in files]
    state = tuple((each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in found)
    return _first_hash_as_of(protocol.data, protocol.configuration, state)


@lru_cache(maxsize=4)
def _first_hash_as_of(data: Path, configuration: str, state: tuple[tuple[int, ...], ...]) -> str | None:
    return _first_hash(Protocol(data, configuration))


def _first_hash(protocol: Protocol) -> str | None:
    records = protocol.read()
    return records[0].row_hash if records else None
