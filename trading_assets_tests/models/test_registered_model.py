"""A registered model scores as the one that was fitted, and is nothing else than what was registered."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trading_assets.models.calibration import Curve
from trading_assets.models.registered_model import ArtifactError, RegisteredModel, artifacts_in, load_artifact
from trading_assets.models.registry import FEATURES_FILE, artifacts_of, register
from trading_assets_tests.models.families.planted import learner, planted, training
from trading_assets_tests.models.test_registry import candidate


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of a model, of which the first is calibrated."""
    folder = tmp_path_factory.mktemp("registered") / "own"
    names, content = training().names, learner("logistic").fit(training()).save()
    made = replace(candidate("m", "v1", 0.6), artifact=content, file_name="model.npz", features=names)
    curve = {"calibration_slope": 0.1 + 0.2, "calibration_intercept": -1 / 3}
    register(folder, replace(made, parameters=curve))
    register(folder, replace(candidate("m", "v2", 0.7), artifact=b"no model", features=names))
    return folder


def loaded(folder: Path) -> RegisteredModel:
    return load_artifact(artifacts_in(folder, "m")[-1], learner("logistic"))


def test_scores_are_those_of_the_fitted_model_through_the_curve_that_was_registered(home: Path) -> None:
    """The curve is of two numbers that no short decimal is equal to."""
    features = planted().features
    fitted = learner("logistic").fit(training())
    model = loaded(home)
    assert (model.model, model.version, model.number, model.features) == ("m", "v1", 1, training().names)
    assert np.array_equal(model.said(features), fitted.score(features))
    expected = Curve(0.1 + 0.2, -1 / 3, rows=0).score(fitted.score(features))
    assert np.array_equal(model.score(features), expected)
    alone = [model.score(features[row : row + 1])[0] for row in range(0, len(features), 97)]
    assert alone == expected[::97].tolist()
    assert np.array_equal(replace(model, curve=None).score(features), fitted.score(features))


def test_versions_are_the_newest_first_and_what_a_family_cannot_read_is_told(home: Path) -> None:
    found = artifacts_in(home, "m")
    assert [each.file.content for each in found] == ["v2", "v1"]
    assert found[0].curve() is None
    assert artifacts_in(home, "other") == []
    with pytest.raises(ArtifactError, match="cannot be read as logistic"):
        load_artifact(found[0], learner("logistic"))


def test_a_moved_folder_scores_and_another_file_does_not(home: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(home, tmp_path / "moved")
    file = artifacts_in(moved, "m")[-1].file
    assert file.file.is_relative_to(moved)
    assert loaded(moved).sha256 == loaded(home).sha256 == file.sha256
    file.file.write_bytes(b"other")
    with pytest.raises(ArtifactError, match=f"the artifact of model m is edited(?s:.*){file.sha256}"):
        loaded(moved)
    file.file.unlink()
    with pytest.raises(ArtifactError, match="the artifact of model m is gone"):
        loaded(moved)


def test_names_of_features_in_another_order_are_refused(home: Path, tmp_path: Path) -> None:
    """A model takes its features by position."""
    moved = shutil.copytree(home, tmp_path / "moved")
    path = artifacts_of(moved, artifacts_in(moved, "m")[-1].file.run) / FEATURES_FILE
    path.write_text(json.dumps([*reversed(training().names)]))
    with pytest.raises(ArtifactError, match="not as registered"):
        loaded(moved)


def test_a_version_of_an_earlier_release_takes_the_names_that_there_are(home: Path) -> None:
    artifact = artifacts_in(home, "m")[-1]
    earlier = replace(artifact, file=replace(artifact.file, features_sha256=None))
    assert earlier.features() is None
    assert load_artifact(earlier, learner("logistic"), ("a", "b", "c")).features == ("a", "b", "c")
