"""What a user's own module of a model is asked in its process: to learn, and to score."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trading_assets.config.importing import import_dotted
from trading_assets.models.families import arrays
from trading_assets.models.families.interface import CONSTANT, TUNED, Features, Floats, TrainingSet
from trading_assets.models.threads import one_thread

#: Functions of a module, and how many arguments each is called with.
FUNCTIONS = {"fit": 3, "load": 1}
#: Training rows that tell whether what is loaded scores as what was saved.
_TRIED = 100


class InterfaceError(ValueError):
    """A module does otherwise than a model does; `str()` says what was expected."""


def import_model(name: str) -> ModuleType:
    """Import a module of a model by its dotted name, into this process.

    Raises
    ------
    LookupError
        No such module; it cannot be imported, lacks `fit` or `load`, or one of them takes other arguments.
    """
    module = import_dotted(name)
    for function, count in FUNCTIONS.items():
        found = getattr(module, function, None)
        if not callable(found):
            raise LookupError(f"module {name} does not define {function}")
        try:
            inspect.signature(found).bind(*[None] * count)
        except (TypeError, ValueError) as error:
            raise LookupError(f"module {name}: {function} cannot be called with {count} arguments: {error}") from None
    try:
        described_search(module)
    except (TypeError, ValueError) as error:
        raise LookupError(f"module {name}: SEARCH is no set of ranges by name: {error}") from None
    return module


def described_search(module: ModuleType) -> dict[str, Any]:
    """Return the ranges that a module declares as `SEARCH`; none of a module without.

    Raises
    ------
    TypeError, ValueError
        They are no mapping of names to plain values.
    """
    found: dict[str, Any] = json.loads(json.dumps(dict(getattr(module, "SEARCH", {})), allow_nan=False))
    return found


def defaults_of(module: ModuleType) -> dict[str, Any]:
    """Return the defaults of a module's `Parameters` that a search can begin with: plain values."""
    fields_of = getattr(getattr(module, "Parameters", None), "model_fields", {})
    found = {name: each.get_default() for name, each in fields_of.items() if not each.is_required()}
    kept: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, bool | int | float | str | list):
            # Members of an enumeration and numbers of NumPy are such values too, and no message takes them.
            with suppress(TypeError, ValueError):
                kept[name] = json.loads(json.dumps(value, allow_nan=False))
    return kept


def kinds_of(module: ModuleType) -> dict[str, str]:
    """Return what a module says of the kind of its parameters: `int` or `float`, of those annotated so."""
    fields_of = getattr(getattr(module, "Parameters", None), "model_fields", {})
    kinds: dict[Any, str] = {int: "int", float: "float"}
    return {name: kind for name, each in fields_of.items() for of, kind in kinds.items() if each.annotation is of}


class Answers:
    """Answers of one module; models that it loaded last are kept."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._loaded: dict[bytes, Any] = {}

    def fault(self, values: Mapping[str, Any]) -> str:
        """Say what is wrong with parameters; nothing if they can be used."""
        try:
            self._parameters(values)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
        return ""

    def fit(self, request: Mapping[str, Any]) -> bytes:
        """Return the bytes of a model that learnt from the rows of a request.

        Raises
        ------
        InterfaceError
            The module returns no model, or one that does not survive being saved.
        """
        training = training_of(request["training"])
        with one_thread():
            fitted = self._module.fit(training, self._parameters(request["values"]), request["seed"])
            for name in ("score", "save"):
                if not callable(getattr(fitted, name, None)):
                    raise InterfaceError(f"fit returns a {type(fitted).__name__} without {name}")
            content = fitted.save()
            if not isinstance(content, bytes):
                raise InterfaceError(f"save returns a {type(content).__name__}, expected bytes")
            if content.startswith((CONSTANT.encode(), TUNED)):
                raise InterfaceError("save returns bytes that begin as this package's own do: begin with another byte")
            rows = training.features[:_TRIED]
            loaded = self._module.load(content)
            if not callable(getattr(loaded, "score", None)):
                raise InterfaceError(f"load returns a {type(loaded).__name__} without score")
            before, after = (probabilities(model, rows) for model in (fitted, loaded))
        if not np.array_equal(before, after):
            raise InterfaceError("what load makes of the bytes of save scores otherwise than what was saved")
        return content

    def score(self, request: Mapping[str, Any]) -> bytes:
        """Return the scores of the rows of a request, as an array.

        Raises
        ------
        InterfaceError
            Scores are no probabilities, or a row scores otherwise alone than in a batch.
        """
        key = hashlib.sha256(request["model"]).digest()
        features: Features = arrays.from_bytes(request["features"])["features"]
        with one_thread():
            if key not in self._loaded:
                self._loaded = {key: self._module.load(request["model"])}
            found = probabilities(self._loaded[key], features)
            for place in {0, len(found) // 2, len(found) - 1} if len(found) else ():
                alone = probabilities(self._loaded[key], features[place : place + 1])
                if alone[0] != found[place]:
                    raise InterfaceError(
                        f"a row scores {alone[0]!r} alone and {found[place]!r} among others: a score may depend on its "
                        "own row alone, to the last bit (sum each row by itself; a matrix product rounds otherwise)"
                    )
        return arrays.to_bytes({"score": found})

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        cls = getattr(self._module, "Parameters", None)
        return dict(values) if cls is None else cls.model_validate(dict(values))


def probabilities(model: Any, features: Features) -> Floats:
    """Return the scores of a model.

    Raises
    ------
    InterfaceError
        They are not one probability a row.
    """
    said = model.score(features)
    try:
        found: NDArray[Any] = np.asarray(said)
    except ValueError as error:
        raise InterfaceError(f"score returns what is no array, expected ({len(features)},) floats: {error}") from None
    if found.shape != (len(features),) or found.dtype.kind not in "fiu":
        raise InterfaceError(f"score returns {found.dtype} of shape {found.shape}, expected ({len(features)},) floats")
    score = found.astype(np.float64)
    if not bool(((score >= 0) & (score <= 1)).all()):
        raise InterfaceError("score returns values that are no probabilities: expected 0 to 1, none missing")
    return score


def training_as_bytes(training: TrainingSet) -> bytes:
    """Return a training set as bytes, for another process."""
    values = {each.name: getattr(training, each.name) for each in fields(training)}
    return arrays.to_bytes({name: np.asarray(each) for name, each in values.items() if each is not None})


def training_of(content: bytes) -> TrainingSet:
    """Return the training set of bytes."""
    found: dict[str, Any] = dict(arrays.from_bytes(content))
    return TrainingSet(**{**found, "names": tuple(found["names"].tolist())})
