"""A user's own strategy module as the pipeline sees it: the functions of a module, each of which asks its process."""

from __future__ import annotations

import io
import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import polars as pl

from trading_assets.config.plugins import Plugin
from trading_assets.config.strategies import StrategyParameters
from trading_assets.sandbox.process import RestrictedProcess
from trading_assets.strategies.interface.rules import ExitRule, RemoteRules, Rules, Trigger
from trading_assets.strategies.interface.target_weights import TargetWeightError

_NUMBERS = itertools.count(1)


@dataclass(eq=False)
class PluginModule:
    """What modules of both kinds have.

    A process sees one panel: one that remembers could answer about a past with what came after it. What is asked
    without a panel is asked of another process, which has seen none.
    """

    plugin: Plugin
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sent: tuple[int, int, pl.DataFrame | None] = (0, 0, None)
    _evaluated: tuple[pl.DataFrame, str, pl.DataFrame] | None = None
    _sees: Plugin = field(init=False)

    def __post_init__(self) -> None:
        self._sees = replace(self.plugin, process=RestrictedProcess(self.plugin.process.task))

    @property
    def __name__(self) -> str:
        return self.plugin.name

    def __reduce__(self) -> tuple[Any, ...]:
        return module_of, (self.plugin,)

    @property
    def Parameters(self) -> type[StrategyParameters]:  # noqa: N802 (as a module has it)
        """The class of its parameters."""
        return self.plugin.Parameters

    @property
    def GRID(self) -> Mapping[str, Sequence[float | str]]:  # noqa: N802 (as a module has it)
        """The sensitivity grid that it declares."""
        return dict(self.plugin.description["grid"])

    def ask_over(self, do: str, parameters: StrategyParameters, panel: pl.DataFrame) -> Any:
        """Return what its process answers about a panel, which is sent only if it is not the last one.

        Parameters
        ----------
        do
            Name of the request, as `plugin_worker` knows it.
        parameters, panel
            Parameters of the strategy, and the rows that it decides over.
        """
        with self._lock:  # what was sent and what is asked about it belong together
            told, number, last = self._sent
            if last is not panel:
                self._sees.process.end()
            process = self._sees.process.started
            content = None
            if told != process or last is not panel:
                number, content = next(_NUMBERS), _bytes(panel)
            self._sent = (process, number, panel)
            return self._sees.ask(do, parameters, panel=(number, content))


@dataclass(eq=False)
class OrderPlugin(PluginModule):
    """One that defines `rules`."""

    def rules(self, parameters: StrategyParameters) -> Rules:
        """Return the rules under `parameters`, to be evaluated by its process."""
        found = self.plugin.ask("rules", parameters)
        return RemoteRules(
            eligible=_expression(found["eligible"]),
            triggers=tuple(
                Trigger(name, _expression(strength), threshold, _expression(rank))
                for name, strength, threshold, rank in found["triggers"]
            ),
            exits={name: _expression(each) for name, each in found["exits"]},
            exit=None if found["exit"] is None else ExitRule(**found["exit"]),
            exit_reason=found["exit_reason"],
            relative_strength=_expression(found["relative_strength"]),
            rank_weights=None if found["rank_weights"] is None else tuple(found["rank_weights"]),
            model=found["model"],
            side=found["side"],
            evaluator=partial(self._evaluate, parameters),
            described=found["described"],
        )

    def _evaluate(self, parameters: StrategyParameters, panel: pl.DataFrame) -> pl.DataFrame:
        key = parameters.model_dump_json()
        last = self._evaluated  # once: another thread may put its own there
        if last is not None and last[0] is panel and last[1] == key:
            return last[2]
        found = pl.read_ipc(io.BytesIO(self.ask_over("evaluate", parameters, panel)))
        self._evaluated = (panel, key, found)
        return found


@dataclass(eq=False)
class TargetWeightPlugin(PluginModule):
    """One that defines `target_weights`, and perhaps `columns`."""

    def target_weights(self, parameters: StrategyParameters, panel: pl.DataFrame) -> pl.DataFrame:
        """Return the weights under `parameters`.

        Raises
        ------
        TargetWeightError
            What came back is no frame.
        """
        found = self.ask_over("target_weights", parameters, panel)
        if "not_a_frame" in found:
            raise TargetWeightError(f"target_weights must return a polars.DataFrame, not {found['not_a_frame']}")
        return pl.read_ipc(io.BytesIO(found["frame"]))

    def columns(self, parameters: StrategyParameters) -> set[str]:
        """Return the features that it names; none without a function `columns`."""
        return set(self.plugin.ask("columns", parameters)) if self.plugin.description["has_columns"] else set()


def module_of(module: Any) -> Any:
    """Return a shipped module as it is, and the functions of a user's own."""
    if not isinstance(module, Plugin):
        return module
    return _module_of(module)


@cache
def _module_of(plugin: Plugin) -> PluginModule:
    cls = OrderPlugin if plugin.kind == "rules" else TargetWeightPlugin
    return cls(plugin)


def _expression(described: Sequence[Any]) -> pl.Expr:
    """An expression that names the same columns as the one it stands for, and is another one for another one."""
    columns, text = described
    return pl.struct(*(pl.col(name) for name in columns), pl.lit(text).alias(""))


def _bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    return buffer.getvalue()
