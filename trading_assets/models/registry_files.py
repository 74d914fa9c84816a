"""What the registry keeps on disk: artifacts held to their hashes, and versions that nobody needs any more."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import polars as pl

from trading_assets.models.registry import (
    ARTIFACT_HASH,
    CONTENT,
    FEATURES_HASH,
    WAIT_SECONDS,
    database_of,
    registry_client,
    require_readable,
)
from trading_assets.models.tables import OUTCOMES, PREDICTIONS
from trading_assets.warehouse import Warehouse
from trading_assets.warehouse.lock import Patience, file_lock

AS_REGISTERED, EDITED, GONE = "as registered", "edited", "gone"
#: Versions of earlier releases have no hash in the registry.
NO_HASH = "no hash on record"
#: States that are wrong.
FAULTS = (EDITED, GONE)
_SCHEMA = {
    "model": pl.String,
    "number": pl.Int64,
    "version": pl.String,
    "aliases": pl.String,
    "file": pl.String,
    "state": pl.String,
}


@dataclass(frozen=True)
class RegisteredFile:
    """A version of a model and its artifact, in the folder that is asked: it may be a copy of another one.

    Attributes
    ----------
    content
        Content hash, as `models.outcomes` has it.
    sha256
        Of the artifact as it was registered; None of versions of earlier releases.
    run
        Identifier of its run, whose parameters are those of the model.
    features_sha256
        Of the names of its features; None of versions of earlier releases.
    """

    model: str
    number: int
    content: str
    aliases: Sequence[str]
    file: Path
    sha256: str | None
    run: str
    features_sha256: str | None = None

    def read(self) -> bytes | None:
        """Return the bytes of the file; None if it is gone."""
        return self.file.read_bytes() if self.file.is_file() else None

    def line(self, state: str) -> tuple[object, ...]:
        """Return a row of `verify_artifacts`."""
        return self.model, self.number, self.content, ", ".join(self.aliases), str(self.file), state


def verify_artifacts(home: Path) -> pl.DataFrame:
    """Return the state of the artifact of each version of a registry.

    Parameters
    ----------
    home
        Folder of the configuration.

    Returns
    -------
    DataFrame
        model, number, version, aliases, file, state: one of `AS_REGISTERED`, `EDITED`, `GONE`, `NO_HASH`.

    Raises
    ------
    RegistryError
        The registry's database cannot be read.
    """
    with opened_registry(home) as client:
        lines = [each.line(state_of(each, each.read())) for each in registered_versions(client, home)]
    return pl.DataFrame(lines, schema=_SCHEMA, orient="row")


def versions_in_use(warehouse: Warehouse) -> dict[str, set[str]]:
    """Return the versions by model whose scores are in a table: what strategies read, or what is shadow to it."""
    found: dict[str, set[str]] = {}
    for table in (PREDICTIONS, OUTCOMES):
        for model, version in warehouse.read_or_empty(table, columns=["model", "version"]).unique().iter_rows():
            found.setdefault(model, set()).add(version)
    return found


def prune_versions(home: Path, in_use: Mapping[str, Set[str]], keep: int, *, dry_run: bool) -> pl.DataFrame:
    """Remove old versions and their artifacts from a registry.

    What stays: versions with an alias (champion, challenger), those in use by any model or champion, and the newest.
    `models.promotions` keeps what was decided of all of them.

    Parameters
    ----------
    home
        Folder of the configuration.
    in_use
        Versions by model that stay, see `versions_in_use`.
    keep
        How many of the newest of each model stay.
    dry_run
        Say what would go, and leave it.

    Returns
    -------
    DataFrame
        As `verify_artifacts` returns it, of the versions that are gone, or would be.
    """
    used = set[str]().union(*in_use.values())
    with opened_registry(home) as client:
        versions = list(registered_versions(client, home))
        newest = {
            (model, number)
            for model in {each.model for each in versions}
            for number in sorted((each.number for each in versions if each.model == model), reverse=True)[:keep]
        }
        gone = [
            each
            for each in versions
            if not each.aliases and each.content not in used and (each.model, each.number) not in newest
        ]
        lines = [each.line("would be removed" if dry_run else "removed") for each in gone]
        for each in () if dry_run else gone:
            client.delete_model_version(each.model, str(each.number))
            client.delete_run(each.run)
            shutil.rmtree(each.file.parent, ignore_errors=True)
    return pl.DataFrame(lines, schema=_SCHEMA, orient="row")


@contextmanager
def opened_registry(home: Path) -> Iterator[Any]:
    """Yield the client of the registry of a folder, nobody else writing; None, and nothing is made, without one."""
    database = database_of(home)
    if not database.exists():
        yield None
        return
    client_of = registry_client()
    with file_lock(database, exclusive=True, patience=Patience(WAIT_SECONDS)):
        require_readable(database)
        yield client_of(home)


def registered_versions(client: Any, home: Path) -> Iterator[RegisteredFile]:
    """Yield every version, by model and number."""
    if client is None:
        return
    for model in sorted(client.search_registered_models(), key=lambda each: each.name):
        aliases = client.get_registered_model(model.name).aliases
        found = client.search_model_versions(f"name = '{model.name}'")
        for each in sorted(found, key=lambda each: int(each.version)):
            own = sorted(alias for alias, number in aliases.items() if int(number) == int(each.version))
            parts = Path(unquote(urlparse(each.source).path)).parts
            inside = parts[parts.index(each.run_id) :] if each.run_id in parts else (each.run_id, *parts[-1:])
            file = home.joinpath("artifacts", *inside)
            tags = each.tags
            yield RegisteredFile(
                model.name,
                int(each.version),
                tags.get(CONTENT, ""),
                own,
                file,
                tags.get(ARTIFACT_HASH),
                each.run_id,
                tags.get(FEATURES_HASH),
            )


def state_of(version: RegisteredFile, content: bytes | None) -> str:
    """Return the state of the artifact of a version: one of those that `verify_artifacts` names.

    Parameters
    ----------
    version, content
        The version, and the bytes of its file; None: there is none.
    """
    if content is None:
        return GONE
    if version.sha256 is None:
        return NO_HASH
    return AS_REGISTERED if hashlib.sha256(content).hexdigest() == version.sha256 else EDITED
