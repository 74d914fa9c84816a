"""The model registry: mlflow over a SQLite file and a local folder; no server, no network."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from trading_assets.config import Configuration
from trading_assets.models.paired_test import PairedTest
from trading_assets.models.promotion import CHAMPION, MINIMUM_EFFECT, Decision, Record, SessionLoss, decide
from trading_assets.models.tables import PROMOTIONS
from trading_assets.warehouse.lock import Patience, file_lock

EXPERIMENT = "models"
MODEL_FILE = "model.ubj"
WAIT_SECONDS = 120.0
LOSSES_FILE, FEATURES_FILE = "losses.json", "features.json"
#: Tags of a version: its content hash, and SHA-256 of its artifact and of the names of its features.
CONTENT, ARTIFACT_HASH, FEATURES_HASH = "content_version", "artifact_sha256", "features_sha256"
_TARGET, _DECISION, _REASON = "target", "decision", "reason"
_AGAINST, _TEST, _PROCEDURE, _HORIZON = "against", "test", "procedure", "horizon"


class RegistryError(Exception):
    """The registry cannot be used; `str()` is one block for people."""


class UnreadableRegistryError(RegistryError):
    """The registry's database is none, or is damaged: scores are computed, served and on record without it."""


@dataclass(frozen=True)
class Candidate:
    """A trained model that asks for a place in the registry.

    Attributes
    ----------
    version
        Content hash; registered once.
    artifact
        Bytes of the model, as its family saves them.
    parameters
        Settings that made it.
    record
        What it is judged by.
    metrics
        Out-of-sample metrics by the first session of a fold, then by name, for whoever looks at the registry.
    file_name
        Name of the file of the bytes, which says their format.
    features
        Names of the features, in the order in which the model takes them.
    """

    model: str
    version: str
    artifact: bytes
    parameters: Mapping[str, object]
    record: Record
    metrics: Mapping[dt.date, Mapping[str, float]] = field(default_factory=dict)
    file_name: str = MODEL_FILE
    features: Sequence[str] = ()

    def features_as_bytes(self) -> bytes:
        """Return the names of the features as they are kept."""
        return json.dumps(list(self.features)).encode()


@dataclass(frozen=True)
class ModelVersion:
    """A place in the registry: its number, what was decided when it got it, and the version that was champion then."""

    number: int
    decided: Decision
    against: str | None


def registry_state(configuration: Configuration) -> str:
    """Return whether the registry, in which a trained model has its place, is there and can be read."""
    database = database_of(configuration.home)
    try:
        require_readable(database)
    except UnreadableRegistryError:
        return "unreadable"
    return "readable" if database.exists() else "none"


def database_of(home: Path) -> Path:
    """Return the registry's database in the folder of a configuration."""
    return home / "tracking.db"


def artifacts_of(home: Path, run: str) -> Path:
    """Return the folder of the files of a run of the registry, wherever the folder of the configuration is now."""
    return home / "artifacts" / run / "artifacts"


def register(home: Path, candidate: Candidate) -> ModelVersion:
    """Record a model, and make it champion if none exists or it is better than the one there is, see `promotion`.

    The same content is registered once: asking again returns what was decided then, and makes it champion once more if
    another fit of its procedure is. A file of it that is gone, or other bytes, is written again if the bytes are those
    that were registered. Safe to call from several processes at once.

    Parameters
    ----------
    home
        Folder of the configuration; ``tracking.db`` and ``artifacts/`` are made in it.

    Raises
    ------
    LockedError
        Another process held the registry for longer than `WAIT_SECONDS`.
    RegistryError
        The registry's database cannot be read.
    """
    home.mkdir(parents=True, exist_ok=True)
    client_of = registry_client()  # before the lock is taken: the import takes seconds
    # mlflow's first migration of a fresh database breaks when two processes run it at once.
    with file_lock(database_of(home), exclusive=True, patience=Patience(WAIT_SECONDS)):
        require_readable(database_of(home))
        client = client_of(home)
        known = _version_of(client, candidate)
        if known is not None:
            _restore(client, home, candidate, known)
            _set_current(client, candidate, known)
            return known
        run = _record(client, home, candidate)
        champion = _champion(client, home, candidate.model)
        decided = _decide(candidate.record, champion)
        against = champion.version if champion else None
        created = client.create_model_version(
            candidate.model,
            source=(artifacts_of(home.resolve(), run.info.run_id) / candidate.file_name).as_uri(),
            run_id=run.info.run_id,
            tags={
                CONTENT: candidate.version,
                ARTIFACT_HASH: hashlib.sha256(candidate.artifact).hexdigest(),
                FEATURES_HASH: hashlib.sha256(candidate.features_as_bytes()).hexdigest(),
                _TARGET: candidate.record.target,
                _PROCEDURE: candidate.record.procedure,
                _HORIZON: str(candidate.record.horizon),
                _DECISION: decided.decision,
                _REASON: decided.reason,
                _AGAINST: against or "",
                _TEST: json.dumps(asdict(decided.test)) if decided.test else "",
            },
        )
        client.set_registered_model_alias(candidate.model, decided.decision, created.version)
        return ModelVersion(int(created.version), decided, against)


def promotion_row(
    model: str, candidate: str, registered: ModelVersion, *, decided_at: dt.datetime, run_id: str
) -> pl.DataFrame:
    """Return the row of `models.promotions` of a registered candidate.

    Parameters
    ----------
    model, candidate
        Name of the model, and version of the candidate.
    registered
        Its place, see `register`.
    decided_at, run_id
        When and in which run.
    """
    test = registered.decided.test
    measured: dict[str, Any] = {}
    if test is not None:
        measured = {
            "test": "paired by session, long-run variance of cosines",
            **test.figures(),
            "power": test.power(MINIMUM_EFFECT),
        }
    row = {name: measured.get(name) for name in PROMOTIONS.columns} | {
        "model": model,
        "candidate": candidate,
        "champion": registered.against,
        "decision": registered.decided.decision,
        "reason": registered.decided.reason,
        "decided_at": decided_at,
        "run_id": run_id,
    }
    return pl.DataFrame([row], schema=PROMOTIONS.empty().schema)


def require_readable(database: Path) -> None:
    """Refuse a database that SQLite cannot read; mlflow tries one for more than four minutes before it says so.

    Raises
    ------
    UnreadableRegistryError
        It is there, and is none, or is damaged.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise UnreadableRegistryError(
            f"the model registry cannot be read\n  file: {database}\n  cause: {found}\n"
            "  what to do: restore the file from a copy, or move it aside, and run this again: models are registered "
            "anew, and the first of each is champion; until then scores are computed and served without it"
        )


def registry_client() -> Callable[[Path], Any]:
    """Return what opens the registry of a folder; the import takes seconds, so call it before a lock is taken."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every fresh database

    def client_of(home: Path) -> Any:
        database = f"sqlite:///{database_of(home.resolve())}"
        return MlflowClient(tracking_uri=database, registry_uri=database)

    return client_of


def _restore(client: Any, home: Path, candidate: Candidate, known: ModelVersion) -> None:
    """Write the artifact and the names of the features again, each where the file is not what was registered."""
    version = client.get_model_version(candidate.model, str(known.number))
    folder = artifacts_of(home, version.run_id)
    for tag, name, content in (
        (ARTIFACT_HASH, candidate.file_name, candidate.artifact),
        (FEATURES_HASH, FEATURES_FILE, candidate.features_as_bytes()),
    ):
        file, registered = folder / name, version.tags.get(tag)
        if registered != hashlib.sha256(content).hexdigest():
            continue
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != registered:
            folder.mkdir(parents=True, exist_ok=True)
            written = file.with_name(f"{name}.new")
            written.write_bytes(content)
            written.replace(file)


def _set_current(client: Any, candidate: Candidate, known: ModelVersion) -> None:
    """Make a version champion that comes up again, where a later fit of its own procedure is: as `decide` has it.

    So it is once a holdout is closed again that was open, or opened again: the later fit has learnt from other sessions
    than those that may be seen now. A champion of another procedure has won, and stays.
    """
    number = client.get_registered_model(candidate.model).aliases.get(CHAMPION)
    if number is None or int(number) == known.number:
        return
    champion = client.get_model_version(candidate.model, number)
    if champion.tags.get(_PROCEDURE) == candidate.record.procedure:
        client.set_registered_model_alias(candidate.model, CHAMPION, str(known.number))


def _version_of(client: Any, candidate: Candidate) -> ModelVersion | None:
    for version in client.search_model_versions(f"name = '{candidate.model}'"):
        if version.tags.get(CONTENT) == candidate.version:
            test = version.tags.get(_TEST)
            decided = Decision(
                version.tags[_DECISION], version.tags[_REASON], PairedTest(**json.loads(test)) if test else None
            )
            return ModelVersion(int(version.version), decided, version.tags.get(_AGAINST) or None)
    return None


def _record(client: Any, home: Path, candidate: Candidate) -> Any:
    from mlflow.entities import Metric, Param

    experiment = client.get_experiment_by_name(EXPERIMENT)
    identifier = (
        experiment.experiment_id
        if experiment
        else client.create_experiment(EXPERIMENT, artifact_location=(home.resolve() / "artifacts").as_uri())
    )
    run = client.create_run(identifier, run_name=f"{candidate.model}-{candidate.version}")
    client.log_batch(
        run.info.run_id,
        params=[Param(key, str(value)) for key, value in candidate.parameters.items()],
        metrics=[
            Metric(name, value, timestamp=0, step=_step(fold))
            for fold, values in candidate.metrics.items()
            for name, value in values.items()
        ],
    )
    # Not by the client, which writes to where the folder was when it was made.
    folder = artifacts_of(home, run.info.run_id)
    folder.mkdir(parents=True)
    (folder / candidate.file_name).write_bytes(candidate.artifact)
    (folder / FEATURES_FILE).write_bytes(candidate.features_as_bytes())
    found = {f"{day}": [each.loss, each.symbols] for day, each in candidate.record.losses.items()}
    (folder / LOSSES_FILE).write_text(json.dumps(found), "utf-8")
    client.set_terminated(run.info.run_id)
    if not client.search_registered_models(f"name = '{candidate.model}'"):
        client.create_registered_model(candidate.model)
    return run


@dataclass(frozen=True)
class _RegisteredChampion:
    version: str
    record: Record | None


def _decide(candidate: Record, champion: _RegisteredChampion | None) -> Decision:
    if champion is not None and champion.record is None:
        return Decision(CHAMPION, "the champion is of an earlier version, which kept no losses by session to compare")
    return decide(candidate, champion.record if champion else None)


def _champion(client: Any, home: Path, model: str) -> _RegisteredChampion | None:
    number = client.get_registered_model(model).aliases.get(CHAMPION)
    if number is None:
        return None
    version = client.get_model_version(model, number)
    if _PROCEDURE not in version.tags:
        return _RegisteredChampion(version.tags[CONTENT], None)
    losses = _losses(home, version.run_id, model)
    record = Record(version.tags[_TARGET], int(version.tags[_HORIZON]), version.tags[_PROCEDURE], losses)
    return _RegisteredChampion(version.tags[CONTENT], record)


def _losses(home: Path, run: str, model: str) -> dict[dt.date, SessionLoss]:
    """Losses by session of a registered model."""
    file = artifacts_of(home, run) / LOSSES_FILE
    if not file.is_file():
        raise RegistryError(
            f"the champion of model {model} has lost what it is judged by\n"
            f"  file: {file}\n"
            "  what to do: restore the artifacts from a copy, or move them and tracking.db aside and run this again: "
            "models are trained anew, and the first of each is champion"
        )
    text = file.read_text("utf-8")
    return {dt.date.fromisoformat(day): SessionLoss(*each) for day, each in json.loads(text).items()}


def _step(fold: dt.date) -> int:
    """A fold as mlflow's integer step: 2005-03-01 is 20050301."""
    return int(fold.strftime("%Y%m%d"))
