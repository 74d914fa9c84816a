"""How closely models are looked at decides no score: no hash knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config import ConfigurationError
from trading_assets_tests.config.test_loading import MINIMAL, load


def test_no_hash_knows_how_closely_models_are_looked_at(tmp_path: Path) -> None:
    plain, closer = (load(tmp_path, MINIMAL + text) for text in ("", "evaluation: {importance_repeats: 9}\n"))
    assert closer.evaluation.importance_repeats == 9
    assert closer.hash == plain.hash
    assert closer.hash_of_trials == plain.hash_of_trials
    assert [closer.hash_for(name) for name in closer.strategies] == [plain.hash_for(name) for name in plain.strategies]


def test_one_repeat_has_no_error_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="importance_repeats"):
        load(tmp_path, MINIMAL + "evaluation: {importance_repeats: 1}\n")
