"""What answers in the process of a user's own module of a strategy, of features or of a model.

Everything that is asked of the module is asked here.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import resource
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from trading_assets.config.plugins import NETWORK
from trading_assets.config.stated import is_shipped, shipped_owner
from trading_assets.config.strategies import KINDS, LooksBack, StrategyParameters, import_strategy
from trading_assets.features.feature import Feature, import_features
from trading_assets.features.history import with_defined
from trading_assets.models.families.own_answers import Answers, defaults_of, described_search, import_model, kinds_of
from trading_assets.sandbox.messages import ATOMS, ClosedError, receive, send
from trading_assets.strategies.evaluation.description import describe
from trading_assets.strategies.evaluation.identity import modules_behind
from trading_assets.strategies.interface.rules import Rules, evaluate

#: Paths that code opened last, for messages: the kernel refuses, and some libraries do not say what.
_OPENED: deque[str] = deque(maxlen=100)
#: Errors of files say so; the words of any other error are no paths.
_OF_FILES = re.compile("permission|denied|unable to open|cannot open|could not open|no files", re.IGNORECASE)
_PATTERN = re.compile(r"[^/]*[*?\[]")
_QUOTED = re.compile(r"""["'`]([^"'`\n]+)["'`]""")


def serve(other: socket.socket, setup: Mapping[str, Any], enforced: Mapping[str, Any]) -> None:
    """Answer until the other side is gone.

    Parameters
    ----------
    other
        Socket to the process that asks.
    setup, enforced
        Name of the module and its files, and what the sandbox enforces.
    """
    sys.addaudithook(_note)
    worker = _Worker(setup["name"], enforced)
    while True:
        try:
            request = receive(other)
        except ClosedError:
            return
        _limit_work(request.pop("seconds"))
        _OPENED.clear()
        send(other, worker.answer(request))


class _Worker:
    def __init__(self, name: str, enforced: Mapping[str, Any]) -> None:
        self._name = name
        self._enforced = enforced
        self._module: Any = None
        self._answers: Answers | None = None
        self._known: dict[str, StrategyParameters] = {}
        self._panel: tuple[int, pl.DataFrame] = (0, pl.DataFrame())

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if self._module is None:
                of_kind: dict[str, Callable[[str], Any]] = {"features": import_features, "model": import_model}
                kind = str(request["do"]).partition("_")[0]
                self._module = of_kind.get(kind, import_strategy)(self._name)
            return getattr(self, f"_{request['do']}")(request)  # type: ignore[no-any-return]
        except LookupError as error:
            if self._module is None:
                refused = _refused(error)
                reads = f"; it reads {refused}, which it does not declare in READS" if refused else ""
                return {"lookup": f"{error}{reads}"}
            return _failed(error)
        except BaseException as error:  # panics of Polars and exits are no exceptions, and end no more than others
            return _failed(error)

    def _describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        module = self._module
        cls: type[StrategyParameters] = module.Parameters
        base = next(each for each in cls.__mro__ if is_shipped(each.__module__))
        fields = [
            {
                "name": name,
                "required": each.is_required(),
                "default": None if each.is_required() else _plain(each.get_default(call_default_factory=True)),
                "looks_back": any(isinstance(mark, LooksBack) for mark in each.metadata),
                "exclude": bool(each.exclude),
            }
            for name, each in cls.model_fields.items()
            if shipped_owner(cls, name) is None
        ]
        return {
            "result": {
                "kind": next(kind for kind in KINDS if hasattr(module, kind)),
                "base": [base.__module__, base.__qualname__],
                "fields": fields,
                "grid": _plain(dict(getattr(module, "GRID", {}))),
                "has_columns": hasattr(module, "columns"),
                "enforced": dict(self._enforced),
            }
        }

    def _validate(self, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            made = self._module.Parameters.model_validate(request["values"])
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False)
            return {
                "faults": [
                    {
                        "type": each["type"],
                        "message": each["msg"],
                        "place": list(each["loc"]),
                        "input": _plain(each.get("input")),
                    }
                    for each in faults
                ]
            }
        values = _plain(made.model_dump())
        self._known[_key(values)] = made
        return {"result": values}

    def _columns(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"result": sorted(map(str, self._module.columns(self._parameters(request))))}

    def _rules(self, request: Mapping[str, Any]) -> dict[str, Any]:
        rules = self._module.rules(self._parameters(request))
        if not isinstance(rules, Rules):
            raise TypeError(f"rules must return Rules, not {type(rules).__name__}")
        return {"result": _described(rules)}

    def _evaluate(self, request: Mapping[str, Any]) -> dict[str, Any]:
        rules = self._module.rules(self._parameters(request))
        return {"result": _bytes(evaluate(rules, self._seen(request)))}

    def _target_weights(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found = self._module.target_weights(self._parameters(request), self._seen(request))
        if not isinstance(found, pl.DataFrame):
            return {"result": {"not_a_frame": type(found).__name__}}
        return {"result": {"frame": _bytes(found)}}

    def _behind(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"result": [[each.name, str(each.file)] for each in modules_behind(self._module)]}

    def _features_describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        described = [
            {
                **{
                    each.name: _plain(getattr(made, each.name)) for each in fields(Feature) if each.name != "expression"
                },
                "expression": _stand_in(made.expression),
            }
            for made in self._module.FEATURES
        ]
        return {"result": {"features": described, "enforced": dict(self._enforced)}}

    def _features_compute(self, request: Mapping[str, Any]) -> dict[str, Any]:
        expressions = {made.column: made.expression for made in self._module.FEATURES}
        wanted = {name: expressions[name] for name in request["columns"]}
        rows = pl.read_ipc(io.BytesIO(request["rows"]))
        return {"result": _bytes(with_defined(rows, wanted, over=request["over"]).select(list(wanted)))}

    def _model_describe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "result": {
                "enforced": dict(self._enforced),
                "has_parameters": hasattr(self._module, "Parameters"),
                "search": described_search(self._module),
                "defaults": defaults_of(self._module),
                "kinds": kinds_of(self._module),
            }
        }

    def _model_validate(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"result": self._model().fault(request["values"])}

    def _model_fit(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"result": self._model().fit(request)}

    def _model_score(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"result": self._model().score(request)}

    def _model(self) -> Answers:
        if self._answers is None:
            self._answers = Answers(self._module)
        return self._answers

    def _parameters(self, request: Mapping[str, Any]) -> StrategyParameters:
        values = request["parameters"]
        known = self._known.get(_key(values))
        if known is None:
            known = self._known[_key(values)] = self._module.Parameters.model_validate(values)
        return known

    def _seen(self, request: Mapping[str, Any]) -> pl.DataFrame:
        number, content = request["panel"]
        if content is not None:
            self._panel = (number, pl.read_ipc(io.BytesIO(content)))
        if self._panel[0] != number:
            raise RuntimeError("the panel is another one")
        return self._panel[1]


def _described(rules: Rules) -> dict[str, Any]:
    """All of the rules but how to compute them."""
    return {
        "eligible": _stand_in(rules.eligible),
        "triggers": [[t.name, _stand_in(t.strength), float(t.threshold), _stand_in(t.rank)] for t in rules.triggers],
        "exits": [[name, _stand_in(expression)] for name, expression in rules.exits.items()],
        "exit": None if rules.exit is None else _plain(vars(rules.exit)),
        "exit_reason": str(rules.exit_reason),
        "relative_strength": _stand_in(rules.relative_strength),
        "rank_weights": None if rules.rank_weights is None else [float(each) for each in rules.rank_weights],
        "model": None if rules.model is None else str(rules.model),
        "side": str(rules.side),
        "described": _plain(describe(rules)),
    }


def _stand_in(expression: pl.Expr) -> list[Any]:
    """The columns that an expression names, and a hash of it."""
    text = expression.meta.serialize(format="json")
    return [sorted(set(expression.meta.root_names())), hashlib.sha256(text.encode()).hexdigest()]


def _bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    return buffer.getvalue()


def _key(values: Mapping[str, Any]) -> str:
    return repr(sorted(values.items()))


def _plain(value: Any) -> Any:
    """A value of plain types alone: what is none becomes what JSON has for it."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump())
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(each) for each in value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if type(value) in ATOMS or type(value).__module__ in ("datetime", "decimal"):
        return value
    if type(value) in (set, frozenset):
        return type(value)(_plain(each) for each in value)
    return to_jsonable_python(value, fallback=str)


def _failed(error: BaseException) -> dict[str, Any]:
    refused = _refused(error)
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return {"error": [type(error).__name__, message[:5_000], refused]}


def _refused(error: BaseException) -> str | None:
    """The file that the kernel refused, if that is what an exception is about."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or each.__context__
    for link in chain:
        for path in _named_in(link):
            found = _refused_of(path)
            if found is not None:
                return found
    if any(isinstance(link, OSError) and link.filename for link in chain):
        return None  # of another file than one that is there: what is refused is to write it
    if any(isinstance(link, PermissionError) for link in chain) and NETWORK in _OPENED:
        return NETWORK
    if any(isinstance(link, OSError) or _OF_FILES.search(str(link)) for link in chain):
        for path in reversed(tuple(_OPENED)):
            found = None if path == NETWORK else _refused_of(path)
            if found is not None:
                return found
    return None


def _named_in(error: BaseException) -> Iterator[str]:
    for name in ("filename", "filename2"):
        value = getattr(error, name, None)
        if isinstance(value, str | os.PathLike):
            yield os.fspath(value)
    command = getattr(error, "cmd", None)
    yield from (str(each) for each in command) if isinstance(command, list | tuple) else ()
    if isinstance(error, OSError) or _OF_FILES.search(str(error)):
        text = str(error)
        yield from _QUOTED.findall(text)
        yield from (line.rpartition(": ")[2].strip() for line in text.splitlines())
        yield from (word.strip("\"'`,:;()[]") for word in text.split())


def _refused_of(path: str) -> str | None:
    """Return a path, or the folder that a pattern is of, if it is there and may not be opened; None for any other."""
    path = _PATTERN.split(path, maxsplit=1)[0] or path
    try:
        if path and Path(path).exists():
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except PermissionError:
        return str(Path.cwd() / path)
    except (OSError, ValueError):
        return None
    return None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.__new__" and arguments[1] != socket.AF_UNIX:
        _OPENED.append(NETWORK)
    if event in ("open", "sqlite3.connect") and arguments and isinstance(arguments[0], str | os.PathLike):
        path = os.fspath(arguments[0])
        if isinstance(path, str):
            _OPENED.append(path)


def _limit_work(seconds: float) -> None:
    """Let this process work for so long from now on, on every processor: it ends even if nobody waits for it."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    allowed = int(used + seconds * (os.cpu_count() or 1)) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (allowed if hard == resource.RLIM_INFINITY else min(allowed, hard), hard))
