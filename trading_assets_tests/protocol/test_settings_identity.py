"""Every key of the configuration has its place in both identities, and both are what they have been on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.backtests.trial_registry import hash_settings
from trading_assets.config import Configuration
from trading_assets.protocol.made_under import settings_of_scores, settings_of_strategy
from trading_assets.protocol.settings_identity import PARTS, Part, rows_identity, trial_identity
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.protocol.test_made_under import PARTS as CONFIGURED

#: A value of each key that is none of its default, as far as a file of the tests can state one.
OTHERS: dict[str, Any] = {
    "seed": 8,
    "risk": {"max_positions": 3},
    "costs": {"noise": "off"},
    "benchmarks": {},
    "as_of": "2020-01-02",
    "allow_missing": True,
    "quality": {"extreme_move": 0.4},
    "risk_free": {"rate": 0.02},
    "limits": {"plugin_memory_mb": 3000},
    "regimes": {"number": 2},
    "executor": "multiprocess",
    "robustness": {"look_ahead_cuts": 3},
    "monitoring": {"alarm_share": 0.4},
    "evaluation": {"importance_repeats": 3},
    "runs": {"keep_days": 50},
    "warehouse": {"lake": True},
}
#: Hashes that version 0.4 put on record of the configuration of `test_made_under`: rows, and trials.
ROWS = {
    "breakouts": "17b4c1e7c2ea131e1aebd7138f31aa10a432c6abe86b2abc1f1cf27aec95e7b9",
    "gated": "51424bba315c79f547b51b11ffbbaee6bbff1ee39097e56f1c7d09ae0729e95a",
    "both": "af344fc3f2c95189be86659c657dc00dcfdd2d7fcd64bbdecaeb90bd1c016f70",
    "champion_of": "f99e0296d4d72a4851967dfe15a3f8062bab8e52a5f275e6fd62b660f9f51f59",
}
SCORES = {
    "pays": "40775f6b5a7845ef62bc239f03d2cd84a56d3970523d4cfac9adaff73d4131c1",
    "plain": "9e7353fcf4a980120652e0a59deac6bb708c79c8ae120874d9cd5d7172cb07f3",
    "best": "cb89b87d0d721b0c7bfb1fa5c1f7cdd665d258c9dcf0e4c56d0452b63a8146bb",
}
TRIALS = {
    "breakouts": "8304c8260787fe6d",
    "gated": "e43cbafb0220052c",
    "both": "abc6ddbc6fe7d44c",
    "champion_of": "212933333b0ce540",
}


def trial_of(configuration: Configuration, strategy: str) -> str:
    return hash_settings(configuration, configured_strategy(configuration, strategy))


def test_every_key_of_the_configuration_has_its_place_and_no_other_has_one() -> None:
    assert set(PARTS) == set(Configuration.model_fields)


def test_rows_and_trials_on_record_keep_their_hashes(tmp_path: Path) -> None:
    """Else every row on record is outdated at the next upgrade, and every trial is forgotten."""
    made = loaded(tmp_path, **CONFIGURED)
    rows = {name: settings_of_strategy(made, name).parts[f"strategies/{name}"]["settings"] for name in ROWS}
    of_scores = [("pays", "models/pays"), ("plain", "models/plain"), ("best", "models/champion/best")]
    assert rows == ROWS
    assert {name: settings_of_scores(made, name).parts[asset]["settings"] for name, asset in of_scores} == SCORES
    assert {name: trial_of(made, name) for name in TRIALS} == TRIALS


@pytest.mark.parametrize("key", OTHERS)
def test_a_key_is_part_of_what_it_says(tmp_path: Path, key: str) -> None:
    """`breakouts` reads no model and weighs nothing by regimes, so that of a trial what it is made of says nothing."""
    before, after = loaded(tmp_path, **CONFIGURED), loaded(tmp_path, **{**CONFIGURED, key: OTHERS[key]})
    of_rows, of_trial = PARTS[key]
    is_other = rows_identity(before, ["breakouts"]) != rows_identity(after, ["breakouts"])
    assert is_other == (of_rows is not Part.NOTHING or key == "regimes")
    assert (trial_of(before, "breakouts") != trial_of(after, "breakouts")) == (of_trial in (Part.WHOLE, Part.FIELD))


def test_what_a_strategy_brings_cannot_stand_for_what_is_part_of_every_trial(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="costs is a part of every trial already"):
        trial_identity(loaded(tmp_path, **CONFIGURED), {"costs": None})
