"""Rows of other settings than those of today are told from rows of these."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import Configuration
from trading_assets.protocol import Protocol
from trading_assets.protocol.made_under import (
    OutdatedRowsError,
    assert_made_under,
    settings_of_scores,
    settings_of_strategy,
)
from trading_assets.protocol.written_rows import last_written, record_written
from trading_assets_tests.asset_factories.test_step_identity import MODULE
from trading_assets_tests.backtests.frames import loaded

NOW = dt.datetime(2026, 11, 30)
PAYS = {"type": "logistic", "label": "triple_barrier", "primary": "breakouts"}
PARTS: dict[str, Any] = {
    "models": {"pays": PAYS, "plain": {}, "other": {}},
    "champions": {"best": {"candidates": ["plain", "other"]}},
    "strategies": {
        "breakouts": {"type": "equity_momentum"},
        "gated": {"type": "meta_labels", "model": "pays"},
        "both": {"type": "ensemble", "members": ["gated", "champion_of"]},
        "champion_of": {"type": "ml", "model": "best"},
    },
}
OF_PRIMARY = {"breakouts", "gated", "both", "pays"}
OF_PLAIN = {"plain", "best", "champion_of", "both"}
EVERY = {*PARTS["models"], *PARTS["champions"], *PARTS["strategies"]}


def settings(configuration: Configuration) -> Mapping[str, object]:
    """What rows follow from, by the name of who wrote them."""
    strategies = {name: settings_of_strategy(configuration, name).parts for name in configuration.strategies}
    return strategies | {name: settings_of_scores(configuration, name).parts for name in configuration.score_names}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"strategies": {"breakouts": {"type": "equity_momentum", "fast_clearance": 0.03}}}, OF_PRIMARY),
        ({"strategies": {"gated": {"type": "meta_labels", "model": "pays", "entry_score": 0.7}}}, {"gated", "both"}),
        ({"models": {"plain": {"trees": 50}}}, OF_PLAIN),
        ({"models": {"pays": PAYS | {"horizon": 7}}}, {"pays", "gated", "both"}),
        ({"champions": {"best": {"candidates": ["other", "plain"]}}}, {"best", "champion_of", "both"}),
        ({"seed": 8}, EVERY),
        ({"risk": {"max_positions": 3}}, EVERY),
        ({"costs": {"noise": "off"}}, set()),
        ({"robustness": {"look_ahead_cuts": 3}}, set()),
        ({"registration": {"gated": {"registered_on": "2012-12-30", "hypothesis": "Early breakouts pay."}}}, set()),
    ],
)
def test_settings_change_with_what_rows_follow_from_and_with_nothing_else(
    tmp_path: Path, change: Mapping[str, Mapping[str, Any]], expected: set[str]
) -> None:
    before = settings(loaded(tmp_path, **PARTS))
    changed = {
        key: PARTS[key] | value if key in PARTS and isinstance(value, Mapping) else value
        for key, value in change.items()
    }
    after = settings(loaded(tmp_path, **{**PARTS, **changed}))
    assert {name for name in EVERY if before[name] != after[name]} == expected


def test_the_code_of_an_own_primary_is_part_of_what_scores_follow_from(tmp_path: Path) -> None:
    found = []
    for folder, threshold in (("one", 1.0), ("same", 1.0), ("other", 2.0)):
        own = tmp_path / folder / f"entries_of_{tmp_path.name.rpartition('_')[2]}"
        own.mkdir(parents=True)
        (own / "breakouts.py").write_text(MODULE.format(threshold=threshold))
        primary = {"breakouts": {"type": f"{own.name}.breakouts", "stop_atr": 2.0, "capacity": 0.5}}
        gate = {"gated": {"type": "ml", "model": "pays"}}
        made = loaded(tmp_path / folder, **{**PARTS, "strategies": PARTS["strategies"] | primary | gate})
        found.append((settings_of_scores(made, "pays"), settings_of_scores(made, "plain")))
    assert found[0] == found[1]
    assert found[0][0] != found[2][0]
    assert found[0][1] == found[2][1]  # no row of it is of the primary


def test_rows_of_other_settings_are_refused_by_the_name_of_their_asset(tmp_path: Path) -> None:
    made = loaded(tmp_path, **PARTS)
    own = [settings_of_strategy(made, "breakouts"), settings_of_scores(made, "best")]
    for each in own:
        record_written(Protocol.of(made), next(iter(each.parts)), [each], NOW)
    for each in own:
        assert_made_under(each, last_written(made), is_required=True)
    now = loaded(tmp_path, **{**PARTS, "seed": 8})
    with pytest.raises(OutdatedRowsError, match="materialise strategies/breakouts and all"):
        assert_made_under(settings_of_strategy(now, "breakouts"), last_written(now))
    with pytest.raises(OutdatedRowsError, match="materialise models/champion/best and all"):
        assert_made_under(settings_of_scores(now, "best"), last_written(now))


def test_rows_that_an_earlier_version_wrote_are_refused_only_where_that_is_asked_for(tmp_path: Path) -> None:
    made = loaded(tmp_path, **PARTS)
    assert_made_under(settings_of_scores(made, "plain"), last_written(made))
    with pytest.raises(OutdatedRowsError, match="materialise models/plain"):
        assert_made_under(settings_of_scores(made, "plain"), last_written(made), is_required=True)
