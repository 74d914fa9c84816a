"""A user's own module is data here: its parameters behave as its class does, which is never made in this process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from trading_assets.config import ConfigurationError
from trading_assets.config.loading import load_configuration
from trading_assets.config.plugins import Origin, Plugin, PluginError, UndeclaredReadError, origin_of, strategy_module
from trading_assets.config.stated import completed, stated
from trading_assets.config.strategies import OrderParameters, windows_of
from trading_assets_tests.config.test_loading import MINIMAL

OWN = """
import datetime as dt
from pathlib import Path
from typing import Literal
from pydantic import field_validator, model_validator
from trading_assets.config.strategies import OrderParameters, Window
from trading_assets.strategies import Rules

class Parameters(OrderParameters):
    stop_atr: float = 3.0
    capacity: float = 0.02
    window: Window = 20
    since: dt.date = dt.date(2001, 2, 3)
    sides: tuple[int, ...] = (1, -1)
    kind: Literal["fast", "slow"] = "fast"
    required: int

    @field_validator("window")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError(f"{value} is odd {{}}")
        return value

    @model_validator(mode="after")
    def _consistent(self):
        if self.kind == "slow" and self.window < 10:
            raise ValueError("too fast to be slow")
        return self

GRID = {"window": (10, 20), "stop_atr": (2.0, 3.0)}

def rules(parameters):
    return Rules(eligible=None, triggers=())
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "parts_own").mkdir()
    (folder / "parts_own/strategy.py").write_text(OWN)
    sys.path.insert(0, str(folder))
    yield strategy_module("parts_own.strategy", Origin(folder, (folder / "data",)))
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def real(plugin: Plugin) -> type[OrderParameters]:
    """The class itself, made in this process as a module would."""
    names: dict[str, Any] = {"__name__": plugin.name}
    exec(compile(OWN, "strategy.py", "exec", dont_inherit=True), names)
    found: type[OrderParameters] = names["Parameters"]
    return found


VALUES: list[dict[str, object]] = [
    {"required": 1},
    {"required": "7", "window": 10, "stop_atr": 2, "sides": [1], "since": "2010-01-01"},
    {"required": 1, "max_hold": 5, "volatility_scaling": "off", "kind": "slow"},
]


@pytest.mark.parametrize("values", VALUES)
def test_parameters_are_those_of_the_class(
    plugin: Plugin, real: type[OrderParameters], values: dict[str, object]
) -> None:
    """To the byte: trials and registrations are hashes of them."""
    ours, theirs = plugin.Parameters.model_validate(values), real.model_validate(values)
    assert ours.model_dump() == theirs.model_dump()
    assert ours.model_dump_json() == theirs.model_dump_json()
    assert (stated(ours), completed(ours)) == (stated(theirs), completed(theirs))
    assert windows_of(ours) == windows_of(theirs) == {"window": ours.window}  # type: ignore[attr-defined]
    assert isinstance(ours, OrderParameters)
    assert plugin.Parameters(**values) == ours
    assert list(plugin.Parameters.model_fields) == list(real.model_fields)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"required": 1, "window": 7},
        {"required": 1, "window": 4, "kind": "slow"},
        {"required": "x", "stop_atr": -1, "unknown": 2, "sides": ["a"]},
    ],
)
def test_faults_are_those_of_the_class(plugin: Plugin, real: type[OrderParameters], values: dict[str, object]) -> None:
    def faults(cls: type[OrderParameters]) -> list[tuple[object, ...]]:
        with pytest.raises(ValidationError) as caught:
            cls.model_validate(values)
        return [(each["loc"], each["type"], each["msg"]) for each in caught.value.errors()]

    assert faults(plugin.Parameters) == faults(real)  # type: ignore[arg-type]


def test_nothing_of_it_is_imported_here(plugin: Plugin) -> None:
    assert plugin.kind == "rules"
    assert not {"parts_own", "parts_own.strategy"} & set(sys.modules)


SAYS = MINIMAL.replace("{type: equity_momentum}", "{type: loud.strategy}")
LOUD = """
from pathlib import Path
{do}
from trading_assets.strategies import TargetWeightParameters
class Parameters(TargetWeightParameters):
    capacity: float = 0.01
def target_weights(parameters, panel): ...
"""


def loud(folder: Path, monkeypatch: pytest.MonkeyPatch, do: str) -> Path:
    (folder / "loud").mkdir(exist_ok=True)
    (folder / "loud/quiet.py").write_text("")
    (folder / "loud/strategy.py").write_text(LOUD.format(do=do))
    (folder / "c.yaml").write_text(SAYS)
    monkeypatch.syspath_prepend(str(folder))
    return folder / "c.yaml"


def test_what_will_run_is_announced_before_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "table.csv").write_text("a\n1\n")
    do = "READS = ['table.csv']\nprint('it runs', Path('table.csv').read_text(), flush=True)"
    path = loud(tmp_path, monkeypatch, do)
    seen: list[str] = []
    load_configuration(path, tmp_path / "data", announce=lambda line: seen.append(line + capsys.readouterr().err))
    file = tmp_path / "loud/strategy.py"
    assert seen == [f"strategies.momentum: loud.strategy is code that will run: {file}; it reads table.csv"]
    assert "it runs a\n1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("do", "fault"),
    [
        ("Path('table.csv').read_text()", "table.csv, which it does not declare in READS"),
        ("import os; os._exit(1)", "the process of loud.strategy ended with exit code 1"),
        ("READS = ['no.csv']", "there is no such file"),
        ("import importlib; importlib.import_module('loud.' + 'quiet')", "write `import loud.quiet`"),
        ("raise RuntimeError('at import')", "cannot be imported: RuntimeError: at import"),
    ],
)
def test_what_fails_while_it_is_imported_is_an_error_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: str, fault: str
) -> None:
    (tmp_path / "table.csv").write_text("a\n1\n")
    path = loud(tmp_path, monkeypatch, do)
    with pytest.raises(ConfigurationError, match=fault) as caught:
        load_configuration(path, tmp_path / "data")
    assert "key: strategies.momentum.type" in str(caught.value)
    assert "loud.strategy" in str(caught.value)


def test_a_module_beside_the_configuration_needs_no_path(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        path = loud(tmp_path, patch, "import loud.quiet")
    configuration = load_configuration(path, tmp_path / "data")
    assert configuration.strategies["momentum"].parameters.capacity == 0.01  # type: ignore[union-attr]
    (tmp_path / "loud/strategy.py").unlink()
    with pytest.raises(ConfigurationError, match=rf"no loud/strategy\.py in {tmp_path}[^$]*one of bandit"):
        load_configuration(path, tmp_path / "data")


@pytest.mark.parametrize("name", ["os.system('x')", "..", "a..b", "a b", "a/b", ".a", "a.", "é.ä", "a;b"])
def test_a_type_is_a_name_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(MINIMAL.replace("{type: equity_momentum}", f'{{type: "{name}"}}'))
    with pytest.raises(ConfigurationError, match=r"strategies\.momentum\.type"):
        load_configuration(path, tmp_path)


def test_a_changed_file_is_another_module_only_once_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run has one code, however often it is asked for."""
    loud(tmp_path, monkeypatch, "")
    origin = Origin(tmp_path, (tmp_path / "data",))
    first = strategy_module("loud.strategy", origin, renew=True)
    loud(tmp_path, monkeypatch, "GRID = {'capacity': [0.1]}")
    assert strategy_module("loud.strategy", origin) is first
    second = strategy_module("loud.strategy", origin, renew=True)
    assert second.description["grid"] == {"capacity": [0.1]}
    assert strategy_module("loud.strategy", origin, renew=True) is second


def test_an_undeclared_read_is_an_error_of_its_own(plugin: Plugin) -> None:
    def error_of(kind: str, message: str, refused: str | None) -> str:
        with pytest.raises((UndeclaredReadError, ZeroDivisionError, KeyError)) as caught:
            plugin.result_of({"error": [kind, message, refused]})
        return f"{caught.type.__name__}: {caught.value}"

    folder = plugin.process.task.folder
    inside = error_of("OSError", "no", str(folder / "x/t.csv"))
    assert inside.startswith(
        f"UndeclaredReadError: parts_own.strategy reads {folder}/x/t.csv, which it does not declare"
    )
    assert 'READS = ["x/t.csv"]' in inside
    assert 'READS = ["/else/t.csv"]' in error_of("OSError", "no", "/else/t.csv")
    assert "parts_own.strategy opens a connection" in error_of("OSError", "no", "the network")
    assert error_of("ZeroDivisionError", "by zero", None) == "ZeroDivisionError: by zero"
    assert error_of("KeyError", "a", None) == f"KeyError: {KeyError('a')}"


@pytest.mark.parametrize("kind", ["MemoryError", "_ArrayMemoryError"])
def test_what_took_too_much_memory_is_named_with_its_limit(plugin: Plugin, kind: str) -> None:
    """Python says nothing of a MemoryError, and NumPy raises one of its own."""
    said = rf"^{plugin.name}: no memory beyond 4096 MB \(limits.plugin_memory_mb\)$"
    with pytest.raises((MemoryError, PluginError), match=said):
        plugin.result_of({"error": [kind, "", None]})


def test_the_homes_of_other_configurations_are_results_where_a_folder_is_shared(tmp_path: Path) -> None:
    """The configuration's folder is the data folder: its tables may be declared, another's warehouse may not."""
    for name in ("other", "tables"):
        (tmp_path / name).mkdir()
    (tmp_path / "other/warehouse.duckdb").write_bytes(b"")
    (tmp_path / "config.yaml").write_text(MINIMAL)
    results = origin_of(load_configuration(tmp_path / "config.yaml", tmp_path)).results
    assert tmp_path / "other" in results and tmp_path / "protocol.head" in results
    assert tmp_path / "tables" not in results
