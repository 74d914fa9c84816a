"""A model as it is registered: its artifact held to its hash, loaded, and asked for scores without training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trading_assets.config import Configuration
from trading_assets.models.calibration import Curve
from trading_assets.models.families.interface import Days, Features, Fitted, Floats
from trading_assets.models.registry import FEATURES_FILE
from trading_assets.models.registry_files import FAULTS, RegisteredFile, opened_registry, registered_versions, state_of
from trading_assets.models.training import Learner, learner_of, model_scores

#: A session after all others.
_LATEST = np.iinfo(np.int32).max


class ArtifactError(Exception):
    """A registered model cannot be used; `str()` is one block for people."""


class UnscoredError(Exception):
    """A session cannot be scored without a run; `str()` is one block for people."""


@dataclass(frozen=True)
class Artifact:
    """A version of a model in the registry, read and nothing done with it yet.

    Attributes
    ----------
    file
        Its place in the registry, and its file.
    parameters
        What its run has on record: settings, seed, and the curve of a calibrated model.
    """

    file: RegisteredFile
    parameters: Mapping[str, str]

    def curve(self) -> Curve | None:
        """Return the curve of the fold of the model; None of a model that is not calibrated.

        Raises
        ------
        ArtifactError
            It has no two numbers.
        """
        said = [self.parameters.get(f"calibration_{name}") for name in ("slope", "intercept")]
        if said == [None, None]:
            return None
        try:
            slope, intercept = (float(each or "") for each in said)
        except ValueError:
            raise ArtifactError(
                f"the curve of model {self.file.model} is not as registered: version {self.file.number}\n"
                f"  expected: a slope and an intercept\n  found: {said[0]}, {said[1]}\n"
                "  what to do: move tracking.db and artifacts aside, and run: trading-assets run --recompute"
            ) from None
        return Curve(slope, intercept, rows=0)

    def content(self) -> bytes:
        """Return the bytes of the model, as they were registered.

        Raises
        ------
        ArtifactError
            The file is gone, or other bytes.
        """
        found = self.file.read()
        state = state_of(self.file, found)
        if found is None or state in FAULTS:
            raise ArtifactError(
                f"the artifact of model {self.file.model} is {state}\n"
                f"  version: {self.file.number}, {self.file.content}\n  file: {self.file.file}\n"
                f"  expected: SHA-256 {self.file.sha256}\n"
                "  what to do: restore the file from a copy, or make it anew: trading-assets run --select models "
                "--recompute; trading-assets model verify names all that differ"
            )
        return found

    def features(self) -> tuple[str, ...] | None:
        """Return the names of its features, as they were registered; None of a version of an earlier release.

        Raises
        ------
        ArtifactError
            They are other names.
        """
        if self.file.features_sha256 is None:
            return None
        path = self.file.file.with_name(FEATURES_FILE)
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != self.file.features_sha256:
            raise ArtifactError(
                f"the names of the features of model {self.file.model} are not as registered: "
                f"version {self.file.number} ({self.file.content})\n  file: {path}\n"
                f"  expected: SHA-256 {self.file.features_sha256}\n  what to do: restore the file from a copy"
            )
        return tuple(json.loads(content))


@dataclass(frozen=True)
class RegisteredModel:
    """A model of the registry that can score.

    Attributes
    ----------
    model, version, number
        Name of the model, content hash of the version, and its number in the registry.
    features
        Names of the features, in the order in which the model takes them.
    fitted
        What was fitted.
    curve
        What makes a score of what that says; None: it is the score.
    sha256, path
        Of the artifact, and where it is.
    """

    model: str
    version: str
    number: int
    features: tuple[str, ...]
    fitted: Fitted
    curve: Curve | None
    sha256: str
    path: Path

    def said(self, features: Features, session: Days | None = None) -> Floats:
        """Return what the model says of rows, before the curve.

        Parameters
        ----------
        features
            (rows, features) float32; a missing value is NaN.
        session
            (rows,) days since 1970-01-01, which a user's own model is asked about in turn, and by which an online one
            is as far as it was then; None: of one session, after all that it has learnt.
        """
        days: Days = np.full(len(features), _LATEST, dtype=np.int32) if session is None else session
        return model_scores(self.fitted, np.ascontiguousarray(features, dtype=np.float32), days)

    def score(self, features: Features, session: Days | None = None) -> Floats:
        """Return the probability of label 1 of rows; a row scores alone as among others, to the bit.

        Parameters
        ----------
        features, session
            As `said` takes them.
        """
        said = self.said(features, session)
        return said if self.curve is None else self.curve.score(said)


def artifacts_in(home: Path, model: str) -> list[Artifact]:
    """Return the versions of a model in the registry of a folder, the newest first.

    Parameters
    ----------
    home
        Folder of the configuration.
    model
        Name of the model.

    Raises
    ------
    RegistryError
        The registry's database cannot be read.
    """
    with opened_registry(home) as client:
        found = [each for each in registered_versions(client, home) if each.model == model]
        return [Artifact(each, client.get_run(each.run).data.params) for each in reversed(found)]


def load_artifact(artifact: Artifact, learner: Learner, otherwise: tuple[str, ...] = ()) -> RegisteredModel:
    """Return the model of an artifact.

    Parameters
    ----------
    artifact, learner
        The artifact, and what the configuration makes of its bytes.
    otherwise
        Names of features where the artifact is of an earlier release, which kept none.

    Raises
    ------
    ArtifactError
        It is not as registered, or its family cannot read it.
    """
    content, features = artifact.content(), artifact.features()
    try:
        fitted = learner.load(content)
    except Exception as error:  # a library's own, of whatever kind
        raise ArtifactError(
            f"the artifact of model {artifact.file.model} cannot be read as {learner.type}\n"
            f"  file: {artifact.file.file}\n  cause: {type(error).__name__}: {error}\n"
            "  what to do: if the type of the model was changed, run: trading-assets run"
        ) from error
    return RegisteredModel(
        artifact.file.model,
        artifact.file.content,
        artifact.file.number,
        otherwise if features is None else features,
        fitted,
        artifact.curve(),
        hashlib.sha256(content).hexdigest(),
        artifact.file.file,
    )


def registered_artifact(configuration: Configuration, model: str, version: str) -> Artifact:
    """Return a version of a model of the configuration in its registry.

    Parameters
    ----------
    configuration, model
        Configuration, and the name of the model.
    version
        Content hash.

    Raises
    ------
    ArtifactError
        The version is not registered.
    """
    found = artifacts_in(configuration.home, model)
    artifact = next((each for each in found if each.file.content == version), None)
    if artifact is None:
        raise ArtifactError(
            f"model {model} is not registered in its version {version}\n"
            f"  expected: one of {', '.join(each.file.content for each in found) or 'none: the registry is empty'}\n"
            "  what to do: trading-assets run --select models"
        )
    return artifact


def loaded_version(configuration: Configuration, model: str, version: str, columns: tuple[str, ...]) -> RegisteredModel:
    """Return a version of a model of the configuration, loaded.

    Parameters
    ----------
    configuration, model, version
        As `registered_artifact` takes them.
    columns
        Features that there are now, for versions that kept no names.
    """
    return load_artifact(registered_artifact(configuration, model, version), learner_of(configuration, model), columns)
