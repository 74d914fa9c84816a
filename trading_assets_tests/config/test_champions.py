"""A champion is refused whose candidates do not exist or answer other questions, by name and place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trading_assets.config import ConfigurationError, load_configuration
from trading_assets_tests.end_to_end.experiments import changed

MODELS: dict[str, Any] = {"forward_return": {}, "linear": {"type": "ridge"}, "weeks": {"horizon": 20}}


@pytest.mark.parametrize(
    ("champions", "said"),
    [
        (
            {"best": {"candidates": ["linaer"]}},
            ["no model 'linaer'; did you mean 'linear'?", "champions.best.candidates"],
        ),
        ({"best": {"candidates": ["linear", "linear"]}}, ["linear is named twice"]),
        ({"linear": {"candidates": ["linear"]}}, ["'linear' is the name of a model", "key: champions.linear"]),
        (
            {"best": {"candidates": ["linear", "weeks"]}},
            ["weeks and linear have another horizon", "universe, horizon, train_sessions, test_sessions and target"],
        ),
        ({"best": {"candidates": ["linear", "ranks"]}}, ["ranks and linear have another label"]),
        ({"best": {"candidates": ["upper", "lower"]}}, ["lower and upper have another barriers"]),
        ({"best": {"candidates": []}}, ["champions.best.candidates"]),
        ({"splits": {"candidates": ["linear"]}}, ["'splits' is the name of something else"]),
    ],
)
def test_what_cannot_compete_is_refused(champions: dict[str, Any], said: list[str], tmp_path: Path) -> None:
    barriers = {"label": "triple_barrier", "barriers": {"upper": 1.0}}
    models = {
        **MODELS,
        "ranks": {"type": "ridge", "label": "rank"},
        "upper": {"label": "triple_barrier"},
        "lower": barriers,
    }
    path = changed(tmp_path, models=models, champions=champions)
    with pytest.raises(ConfigurationError) as error:
        load_configuration(path, tmp_path)
    assert all(each in str(error.value) for each in said), str(error.value)


def test_sign_and_size_are_one_target_and_a_strategy_may_read_their_champion(tmp_path: Path) -> None:
    champions = {"best": {"candidates": ["forward_return", "linear"]}}
    strategies = {"ml": {"type": "ml", "model": "best"}}
    path = changed(
        tmp_path, models=MODELS, champions=champions, strategies=strategies, registration=None, robustness=None
    )
    made = load_configuration(path, tmp_path)
    assert made.candidates_of("best") == ["forward_return", "linear"]
    assert made.candidates_of("weeks") == ["weeks"]
    assert made.champions_behind("ml") == ["best"]
    assert made.score_names == ["forward_return", "linear", "weeks", "best"]


def test_hashes_change_with_what_competes_and_not_with_a_section_that_nobody_reads(tmp_path: Path) -> None:
    """Without the section a configuration has the hash that it always had."""

    def load(name: str, **changes: Any) -> Any:
        folder = tmp_path / name
        folder.mkdir()
        strategies = {"ml": {"type": "ml", "model": "forward_return"}, "best": {"type": "ml", "model": "best"}}
        wanted = {"models": MODELS, "strategies": strategies, "registration": None, "robustness": None, **changes}
        return load_configuration(changed(folder, **wanted), folder)

    plain = load("plain", strategies={"ml": {"type": "ml", "model": "forward_return"}})
    one = load("one", champions={"best": {"candidates": ["forward_return", "linear"]}})
    turned = load("turned", champions={"best": {"candidates": ["linear", "forward_return"]}})
    effect = load("effect", champions={"best": {"candidates": ["forward_return", "linear"], "minimum_effect": 0.01}})
    other = load(
        "other",
        champions={"best": {"candidates": ["forward_return", "linear"]}},
        models={**MODELS, "linear": {"type": "ridge", "penalty": 1.0}},
    )
    assert len({each.hash_for("best") for each in (one, turned, effect, other)}) == 4
    assert {each.hash_for("ml") for each in (plain, one, turned, effect, other)} == {plain.hash_for("ml")}
