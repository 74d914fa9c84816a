"""Models in modules of a user's own: each runs in a process of its own."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trading_assets.asset_factories.step_identity import identity_of_step
from trading_assets.config import Configuration, load_configuration
from trading_assets.config.errors import ConfigurationError
from trading_assets.config.models import OwnModel
from trading_assets.config.plugins import Origin, model_module
from trading_assets.config.tuning import Range, Tuning
from trading_assets.models.families.own import OwnFamily, OwnFitted, OwnModelError, is_own
from trading_assets.models.splits import Fold
from trading_assets.models.training import Learner, model_scores
from trading_assets.models.tuning import Tuned
from trading_assets.models.tuning_on_record import rows_of_searches
from trading_assets.models.tuning_rows import trials_of
from trading_assets.strategies.evaluation.fingerprint import frozen
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets_tests.backtests.frames import loaded
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.models.families.planted import halves, planted, training

#: The module of the page, as a reader would copy it.
PAGE = (REPOSITORY / "docs" / "models.md").read_text(encoding="utf-8")
NEAREST = PAGE.split("```python\n")[1].split("```")[0].replace('"return_20"', '"signal"')


def family(folder: Path, source: str, name: str = "nearest") -> OwnFamily:
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / f"{name}.py").write_text(source)
    return OwnFamily(model_module(f"mine.{name}", Origin(folder, (folder / "data",)), renew=True))


def settings(**parameters: Any) -> OwnModel:
    return OwnModel(type="mine.nearest", parameters=parameters)


def test_a_module_of_ones_own_is_a_family_like_any_other(tmp_path: Path) -> None:
    own, made = family(tmp_path, NEAREST), planted()
    model = own.fit(training(), settings(), 3)
    tested = halves(made)[1]
    score = model.score(made.features[tested])
    assert roc_auc_score(made.label[tested], score) > 0.75
    assert own.fit(training(), settings(), 3).save() == model.save()
    assert np.array_equal(own.load(model.save()).score(made.features[tested]), score)
    few = own.fit(training(), settings(neighbours=5), 3)
    assert not np.array_equal(few.score(made.features[tested]), score)
    own.module.process.end()


@pytest.mark.slow
def test_its_code_is_known_by_its_text(tmp_path: Path) -> None:
    before = family(tmp_path, NEAREST).code
    assert family(tmp_path, NEAREST).code == before
    other = family(tmp_path, NEAREST.replace("200", "100"))
    assert other.code != before
    other.module.process.end()


@pytest.mark.slow
def test_parameters_are_validated_by_the_module(tmp_path: Path) -> None:
    own = family(tmp_path, NEAREST)
    assert own.module.ask("model_validate", values={"neighbours": 3}) == ""
    assert "neighbours" in own.module.ask("model_validate", values={"neighbours": "many"})
    own.module.process.end()


#: Nearest neighbours, of which a search may take more or fewer.
SEARCHED = NEAREST.replace(
    "class Nearest:", 'SEARCH = {"neighbours": {"low": 1, "high": 201, "step": 100}}\n\n\nclass Nearest:'
)


@pytest.mark.slow
def test_a_module_of_ones_own_is_searched_by_inner_folds_and_each_trial_counts(tmp_path: Path) -> None:
    """One neighbour is right or wrong without doubt: of the log losses of inner folds its is by far the worst."""
    own, known = family(tmp_path, SEARCHED), training()
    tune = Tuning(trials=4, inner_folds=2, search={"neighbours": Range(low=1, high=201, step=100)})
    section = OwnModel(type="mine.nearest", parameters={"neighbours": 1}, tune=tune, min_rows=20, embargo_sessions=0)
    learner = Learner(section, 3, own)
    made = learner.fit(known)
    assert isinstance(made, Tuned)
    assert made.search.trials[0].parameters == {"neighbours": 1}
    assert made.search.parameters["neighbours"] > 1
    assert is_own(made) and is_own(made.model)
    chosen = OwnModel(type="mine.nearest", parameters=dict(made.search.parameters))
    assert made.model.save() == own.fit(known, chosen, 3).save()
    again = learner.load(made.save())
    assert np.array_equal(model_scores(again, known.features[:9], known.session[:9]), made.score(known.features[:9]))
    fold = Fold(0, *[dt.date(2020, 1, 1)] * 4)
    rows = rows_of_searches(learner, "nearest", trials_of(made.search, fold), folds=[fold], symbols=["A"])
    assert rows.height == len({each.parameters["neighbours"] for each in made.search.trials})
    changed = Learner(section, 3, family(tmp_path, SEARCHED.replace("// 2", "// 3")))
    other = rows_of_searches(changed, "nearest", trials_of(made.search, fold), folds=[fold], symbols=["A"])
    assert set(rows["trial"]).isdisjoint(other["trial"]), "the same values of other code are another trial"
    own.module.process.end()


#: Remembers, by the bytes of a row, what comes after it in whatever it is shown, and the labels that it learnt from.
REMEMBERS = """
import numpy as np

KNOWN = {}

class Rememberer:
    def score(self, features):
        for place, row in enumerate(features):
            later = features[place + 1 :, 0]
            KNOWN.setdefault(row.tobytes(), float(later.mean() > 0) if len(later) else 0.5)
        return np.array([KNOWN[row.tobytes()] for row in features])
    def save(self):
        return b"x"

def fit(training, parameters, seed):
    for row, label in zip(training.features, training.label):
        KNOWN[row.tobytes()] = float(label)
    return Rememberer()

def load(content):
    return Rememberer()
"""


@pytest.mark.slow
def test_a_module_that_remembers_knows_no_session_to_come(tmp_path: Path) -> None:
    """Scores up to a session are the same whatever follows; in one batch the rows after it would have told."""
    own, features = family(tmp_path, REMEMBERS, "remembers"), np.random.default_rng(1).standard_normal((60, 3))
    rows, session = features.astype(np.float32), np.repeat(np.arange(20, dtype=np.int32), 3)
    shuffled = np.random.default_rng(2).permutation(60)
    model = own.load(b"x")
    assert isinstance(model, OwnFitted)
    whole = model.score_by_session(rows, session)
    assert np.array_equal(model.score_by_session(rows[:30], session[:30]), whole[:30])
    mixed = model.score_by_session(rows[shuffled], session[shuffled])
    assert {*mixed.tolist()} <= {0.0, 0.5, 1.0}
    assert not np.array_equal(model.score(rows), whole)  # as one session


@pytest.mark.slow
def test_a_module_that_remembers_knows_no_label_of_another_training_set(tmp_path: Path) -> None:
    own, early = family(tmp_path, REMEMBERS, "remembers"), training().take(np.arange(100))
    tested = training().features[-50:]
    before = own.fit(early, settings(), 3).score(tested)
    own.fit(training(), settings(), 3)
    assert np.array_equal(own.fit(early, settings(), 3).score(tested), before)
    assert not np.array_equal(before, training().label[-50:])


#: A constant model; what is written over `FIT` breaks out.
BROKEN = """
import numpy as np

class Constant:
    def score(self, features):
        return np.full(len(features), 0.5)
    def save(self):
        return b"x"

def fit(training, parameters, seed):
    {fit}
    return Constant()

def load(content):
    return Constant()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fit", "said"),
    [
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("open('/etc/hostname').read()", "which it does not declare"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "opens a connection"),
        ("import os; os._exit(7)", "exit code 7"),
    ],
)
def test_a_model_that_fails_or_breaks_out_fails_by_name(fit: str, said: str, tmp_path: Path) -> None:
    own = family(tmp_path, BROKEN.format(fit=fit), "broken")
    with pytest.raises(OwnModelError, match=said) as found:
        own.fit(training(), settings(), 3)
    assert "mine.broken" in str(found.value)
    own.module.process.end()


def configured(folder: Path, source: str) -> Configuration:
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / "nearest.py").write_text(source)
    strategies = {"mine": {"type": "ml", "model": "own"}, "plain": {"type": "ml", "model": "shipped"}}
    return loaded(folder, strategies=strategies, models={"own": {"type": "mine.nearest"}, "shipped": {}})


@pytest.mark.slow
def test_its_code_is_part_of_what_a_strategy_is_registered_with(tmp_path: Path) -> None:
    """And of the step that trains it; of a strategy that reads another model it is none."""

    def of(source: str) -> tuple[Any, Any, Any]:
        configuration = configured(tmp_path, source)
        mine, plain = (frozen(configuration, configured_strategy(configuration, name)) for name in ("mine", "plain"))
        return mine, plain, identity_of_step(configuration, None)

    before, other = of(NEAREST), of(NEAREST.replace("200", "100"))
    assert set(before[0]) - set(before[1]) == {"own_model"}
    assert before[0]["own_model"] != other[0]["own_model"]
    assert before[1] == other[1]
    assert before[2] != other[2]


@pytest.mark.slow
def test_it_is_announced_before_it_runs_and_its_parameters_are_checked(tmp_path: Path) -> None:
    said: list[str] = []
    path = configured(tmp_path, NEAREST).directory / "small.yaml"
    load_configuration(path, tmp_path, announce=said.append)
    [line] = [each for each in said if "mine.nearest" in each]
    assert line.startswith("models.own: mine.nearest is code that will run: ")
    path.write_text(
        path.read_text().replace("type: mine.nearest", "type: mine.nearest\n    parameters: {neighbours: x}")
    )
    with pytest.raises(ConfigurationError, match=r"neighbours: .*\n(.*\n)*  key: models.own.parameters"):
        load_configuration(path, tmp_path)
