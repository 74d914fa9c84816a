"""What a module of a model is asked, without a process around it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from trading_assets.models.families import arrays
from trading_assets.models.families.own_answers import (
    Answers,
    InterfaceError,
    import_model,
    training_as_bytes,
    training_of,
)
from trading_assets_tests.models.families.planted import planted, training

#: A constant model; what is written over `SCORE`, `SAVE` and `LOAD` breaks the interface.
BROKEN = """
import numpy as np

class Constant:
    def score(self, features):
        return {score}
    def save(self):
        return {save}

def fit(training, parameters, seed):
    {fit}
    return {made}

def load(content):
    return {load}
"""
SOUND = {"score": "np.full(len(features), 0.5)", "save": "b'x'", "made": "Constant()", "load": "Constant()", "fit": ""}


REQUEST: dict[str, Any] = {"training": training_as_bytes(training()), "values": {}, "seed": 3}


def answers(source: str) -> Answers:
    module = ModuleType("broken")
    exec(source, vars(module))
    return Answers(module)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def load(content): ...", "does not define fit"),
        ("def fit(training, parameters, seed): ...", "does not define load"),
        ("def fit(training): ...\ndef load(content): ...", "fit cannot be called with 3 arguments"),
        ("import nowhere_at_all", "No module named 'nowhere_at_all'"),
    ],
)
def test_a_module_that_is_no_model_is_refused(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(source))}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LookupError, match=said):
        import_model(name)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"score": "np.full(len(features) + 1, 0.5)"}, "expected"),
        ({"score": "np.full(len(features), 1.5)"}, "no probabilities"),
        ({"score": "np.full(len(features), np.nan)"}, "no probabilities"),
        ({"score": "['high'] * len(features)"}, "expected"),
        ({"score": "np.full(len(features), np.inf)"}, "no probabilities"),
        ({"score": "[[1], [1, 2]] + [0] * len(features)"}, "score returns what is no array"),
        ({"save": "b'tuned\\n[0, []]\\n'"}, "begin as this package's own do"),
        ({"save": "b'constant 0x1'"}, "begin as this package's own do"),
        ({"save": "'x'"}, "save returns a str, expected bytes"),
        ({"made": "3"}, "fit returns a int without score"),
        ({"load": "3"}, "load returns a int without score"),
    ],
)
def test_a_model_that_breaks_the_interface_fails_by_name(change: dict[str, str], said: str) -> None:
    own = answers(BROKEN.format(**{**SOUND, **change}))
    with pytest.raises(InterfaceError, match=said):
        own.fit(REQUEST)


def test_what_is_loaded_must_score_as_what_was_saved() -> None:
    other = "type('Other', (), {'score': lambda self, features: np.full(len(features), 0.4)})()"
    own = answers(BROKEN.format(**{**SOUND, "load": other}))
    with pytest.raises(InterfaceError, match="scores otherwise than what was saved"):
        own.fit(REQUEST)


def test_a_score_that_depends_on_other_rows_is_refused() -> None:
    """The rank among the rows that are asked about: what comes later in a fold would change what came before."""
    ranks = "np.argsort(np.argsort(features[:, 0])) / len(features)"
    own = answers(BROKEN.format(**{**SOUND, "score": ranks}))
    rows = arrays.to_bytes({"features": planted().features})
    with pytest.raises(InterfaceError, match="may depend on its own row alone"):
        own.score({"model": b"x", "features": rows})


def test_a_training_set_comes_through_whole() -> None:
    for kind in ("sign", "size"):
        known = training(kind)  # type: ignore[arg-type]
        assert training_of(training_as_bytes(known)).digest() == known.digest()
