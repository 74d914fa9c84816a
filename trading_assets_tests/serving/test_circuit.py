"""The current model answers; where it fails, the last good one does, and every answer says which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from trading_assets.models.calibration import Curve
from trading_assets.models.families.interface import Features, Floats
from trading_assets.models.registered_model import RegisteredModel
from trading_assets.serving.circuit import MOST_FAILURES, REST_SECONDS, Circuit, NoModelError
from trading_assets.serving.rows import RowsError

BODY = {"rows": [{"a": 0.25}, {"a": 0.75}]}


@dataclass
class Doubtful:
    """A model that says the first feature, or fails as it is told to."""

    fault: str = ""
    asked: int = 0

    def score(self, features: Features) -> Floats:
        self.asked += 1
        if self.fault == "raises":
            raise RuntimeError("a library gave up")
        return {"nan": np.nan, "large": 7.0}.get(self.fault, 1.0) * features[:, 0].astype(np.float64)

    def save(self) -> bytes:
        return b""


def make_model(version: str, fitted: Doubtful | None = None, features: tuple[str, ...] = ("a",)) -> RegisteredModel:
    return RegisteredModel("m", version, 1, features, fitted or Doubtful(), None, f"hash of {version}", Path("none"))


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(clock: Clock) -> Circuit:
    return Circuit(clock)


def version_of(circuit: Circuit) -> tuple[str, bool]:
    answer = circuit.answer(BODY)
    assert answer.scores.tolist() == [0.25, 0.75]
    return answer.model.version, answer.trouble is not None


def test_nothing_answers_before_there_is_a_model(circuit: Circuit) -> None:
    with pytest.raises(NoModelError, match="no model has been loaded yet"):
        circuit.answer(BODY)
    circuit.refuse("the artifact is gone")
    with pytest.raises(NoModelError, match="the artifact is gone"):
        circuit.answer(BODY)


def test_a_new_model_answers_from_the_next_request_on(circuit: Circuit) -> None:
    circuit.put(make_model("v1"))
    assert version_of(circuit) == ("v1", False)
    circuit.put(make_model("v2"))
    assert version_of(circuit) == ("v2", False)
    assert circuit.standing.last_good is not None
    assert circuit.standing.last_good.version == "v1"


@pytest.mark.parametrize("fault", ["raises", "nan", "large"])
def test_a_model_that_fails_rests_while_the_one_before_answers(fault: str, circuit: Circuit, clock: Clock) -> None:
    failing = Doubtful(fault)
    circuit.put(make_model("v1"))
    circuit.put(make_model("v2", failing))
    for failures in range(1, MOST_FAILURES + 1):
        assert version_of(circuit) == ("v1", True)
        assert failing.asked == failures
    assert circuit.standing.failing is not None
    for _ in range(5):
        assert version_of(circuit) == ("v1", True)
    assert failing.asked == MOST_FAILURES
    clock.now = REST_SECONDS
    assert version_of(circuit) == ("v1", True)  # asked once more, and it failed once more
    assert failing.asked == MOST_FAILURES + 1
    assert version_of(circuit) == ("v1", True)
    assert failing.asked == MOST_FAILURES + 1
    failing.fault = ""
    clock.now = 2 * REST_SECONDS
    assert version_of(circuit) == ("v2", False)
    assert circuit.standing.failing is None and not circuit.standing.failures


def test_failures_that_are_not_in_a_row_open_nothing(circuit: Circuit) -> None:
    failing = Doubtful()
    circuit.put(make_model("v1"))
    circuit.put(make_model("v2", failing))
    for fault in ["raises", "", "raises", "raises", "", "raises"]:
        failing.fault = fault
        assert version_of(circuit) == (("v1", True) if fault else ("v2", False))
    assert circuit.standing.failing is None


def test_a_first_model_that_fails_has_nobody_behind_it(circuit: Circuit) -> None:
    circuit.put(make_model("v1", Doubtful("raises")))
    with pytest.raises(NoModelError, match=r"model m, version v1 fails: a library gave up; there is no version before"):
        circuit.answer(BODY)


def test_a_model_that_failed_is_not_what_the_next_one_falls_back_to(circuit: Circuit) -> None:
    circuit.put(make_model("v1"))
    circuit.put(make_model("v2", Doubtful("raises")))
    version_of(circuit)
    circuit.put(make_model("v3", Doubtful("raises")))
    assert version_of(circuit) == ("v1", True)


def test_a_champion_that_is_refused_leaves_who_answered_and_says_so(circuit: Circuit) -> None:
    circuit.put(make_model("v1"))
    circuit.refuse("the artifact of v2 is edited")
    answer = circuit.answer(BODY)
    assert (answer.model.version, answer.trouble) == ("v1", "the artifact of v2 is edited")
    circuit.put(make_model("v2"))
    assert version_of(circuit) == ("v2", False)


def test_the_same_model_again_clears_what_was_refused_and_forgets_no_failure(circuit: Circuit) -> None:
    """A file that was damaged and restored; a curve that is another one is another model."""
    circuit.put(make_model("v0"))
    circuit.put(make_model("v1", Doubtful("raises")))
    version_of(circuit)
    circuit.refuse("the artifact is edited")
    circuit.put(make_model("v1", Doubtful("raises")))
    assert (circuit.standing.refused, circuit.standing.failures) == (None, 1)
    calibrated = make_model("v1")
    circuit.put(RegisteredModel(**{**vars(calibrated), "curve": Curve(1.0, 0.0, 0)}))
    assert circuit.standing.failures == 0


def test_rows_are_judged_by_the_model_that_is_asked(circuit: Circuit) -> None:
    circuit.put(make_model("v1", features=("b",)))
    circuit.put(make_model("v2", Doubtful("raises")))
    with pytest.raises(RowsError, match="missing"):
        circuit.answer({"rows": [{"b": 1.0}]})
    assert circuit.standing.failures == 0  # no fault of the model
    for _ in range(MOST_FAILURES + 1):
        with pytest.raises(NoModelError, match="the version before it has other features"):
            circuit.answer(BODY)
