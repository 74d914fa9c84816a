"""A strategy in a process of its own decides what it decides in ours, to the bit, and reads what it declares."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from trading_assets.backtests.backtest import prepare, sweep_parameters
from trading_assets.config.plugins import UndeclaredReadError, strategy_module
from trading_assets.config.sections import Risk
from trading_assets.sandbox.landlock import version
from trading_assets.strategies.evaluation.decide import decide
from trading_assets.strategies.evaluation.description import describe
from trading_assets.strategies.evaluation.failure import StrategyError
from trading_assets.strategies.evaluation.fingerprint import frozen
from trading_assets.strategies.evaluation.identity import own_code
from trading_assets.strategies.interface.panel import columns_of, evaluate
from trading_assets.strategies.interface.plugin import OrderPlugin, PluginModule, TargetWeightPlugin, module_of
from trading_assets.strategies.interface.resolved import configured_strategy
from trading_assets.strategies.interface.rules import exit_flags
from trading_assets_tests.backtests.frames import configuration, frames, frames_for, loaded
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.strategies.panels import decided, market, panel, settings

SHIPPED = REPOSITORY / "trading_assets/strategies"

#: One module of every way to read a file, as people write them.
READER = """
import ctypes, mmap, os, sqlite3, subprocess
import duckdb
import polars as pl
from trading_assets.strategies import TargetWeightParameters

READS = ["declared.csv", "declared.db"]

class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    way: str = "none"
    path: str = "declared.csv"

def by_arrow(path):
    import pyarrow.csv
    return pyarrow.csv.read_csv(path)

def by_mmap(path):
    with mmap.mmap(os.open(path, os.O_RDONLY), 0, prot=mmap.PROT_READ) as content:
        return content[:]

WAYS = {
    "none": lambda path: None,
    "open": lambda path: open(path).read(),
    "os": lambda path: os.read(os.open(path, os.O_RDONLY), 10),
    "mmap": by_mmap,
    "polars": pl.read_csv,
    "polars, lazily": lambda path: pl.scan_csv(path).collect(),
    "duckdb": lambda path: duckdb.sql(f"FROM read_csv('{path}')").fetchall(),
    "arrow": by_arrow,
    "sqlite": lambda path: sqlite3.connect(path).execute("SELECT * FROM sqlite_master").fetchall(),
    "another process": lambda path: subprocess.run(["cat", path], check=True, capture_output=True),
    "a pattern of Polars": lambda path: pl.scan_csv(path.replace(".csv", "*.csv")).collect(),
    "a pattern of DuckDB": lambda path: duckdb.sql(f"FROM read_csv('{path.replace('.csv', '*.csv')}')").fetchall(),
    "panic": lambda path: exec("raise pl.exceptions.PanicException('of Polars')", globals()),
    "key": lambda path: {}["missing"],
    "crash": lambda path: ctypes.string_at(0),
}

def target_weights(parameters, panel):
    WAYS[parameters.way](parameters.path)
    return panel.select("session", "symbol", target_weight=pl.lit(0.1), reason=pl.lit("always"))
"""

#: Rules whose expressions call Python, which may read files long after `rules` has returned.
CALLS_PYTHON = """
import polars as pl
from pathlib import Path
from trading_assets.strategies import ExitRule, OrderParameters, Rules, Trigger

class Parameters(OrderParameters):
    stop_atr: float = 3.0
    capacity: float = 0.01
    reads: bool = False

def rules(parameters):
    def doubled(values):
        if parameters.reads:
            Path("other.csv").read_text()
        return values * 2
    strength = pl.col("roc_60").map_batches(doubled, return_dtype=pl.Float64)
    return Rules(
        eligible=pl.col("adj_close") > 0,
        triggers=(Trigger("twice", strength, 0.1, strength),),
        exits={"falls": pl.col("roc_60") < 0},
        exit=ExitRule("falls"),
    )
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("plugins")
    (made / "bought").mkdir()
    texts = {"reader": READER, "python": CALLS_PYTHON}
    texts["sold"] = CALLS_PYTHON.replace("return Rules(", 'return Rules(\n        side="short",')
    texts |= {name: (SHIPPED / f"{name}.py").read_text() for name in ("equity_momentum", "mean_reversion", "factor")}
    for name, text in texts.items():
        (made / f"bought/{name}.py").write_text(text)
    for name in ("declared.csv", "other.csv"):
        (made / name).write_text("a,b\n1,2\n")
    for name in ("declared.db", "other.db"):
        (made / name).write_bytes(b"")
    sys.path.insert(0, str(made))
    yield made
    sys.path.remove(str(made))


@pytest.mark.parametrize("name", ["equity_momentum", "mean_reversion", "factor"])
def test_a_copy_of_a_shipped_strategy_decides_the_same(folder: Path, name: str) -> None:
    """Signals and paper positions of nine symbols over 400 sessions, to the bit."""
    shipped, own = (decided({"s": settings(each)}, "s", market()) for each in (name, f"bought.{name}"))
    assert shipped.target_weights.height >= 20
    assert_frame_equal(shipped.signals, own.signals, check_exact=True)
    assert_frame_equal(shipped.target_weights, own.target_weights, check_exact=True)


@pytest.mark.parametrize(
    ("name", "grid"), [("equity_momentum", {"stop_atr": (2.0, 4.0)}), ("factor", {"gross": (0.4, 0.8)})]
)
def test_a_sweep_over_a_copy_has_the_same_equity(folder: Path, name: str, grid: dict[str, tuple[float, ...]]) -> None:
    [(parameter, values)] = grid.items()
    swept = []
    for each in (name, f"bought.{name}"):
        experiment = configuration().model_copy(update={"strategies": {"s": settings(each)}})
        prepared = prepare(experiment, frames_for(experiment, "s", market()))
        cls, sessions = type(prepared.parameters), prepared.axes.sessions
        sets = [cls.model_validate({**prepared.parameters.model_dump(), parameter: value}) for value in values]
        swept.append(sweep_parameters(prepared, sets, sessions[100], sessions[-1], threads=1))
    assert swept[0].equity.tobytes() == swept[1].equity.tobytes()
    assert (swept[0].equity[0] != swept[0].equity[1]).any()


def test_rules_have_the_same_columns_text_and_exits(folder: Path) -> None:
    """The text is what registrations are made of: a module in a process of its own is no other strategy."""
    seen = panel("equity_momentum")
    shipped, own = (
        configured_strategy(configuration().model_copy(update={"strategies": {"s": settings(each)}}), "s")
        for each in ("equity_momentum", "bought.equity_momentum")
    )
    assert isinstance(own.module, OrderPlugin)
    assert columns_of(own.rules) == columns_of(shipped.rules)
    assert describe(own.rules) == describe(shipped.rules)
    assert own.grid == shipped.grid
    assert_frame_equal(exit_flags(own.rules, seen), exit_flags(shipped.rules, seen), check_exact=True)
    assert_frame_equal(evaluate(own.rules, seen), evaluate(shipped.rules, seen), check_exact=True)


def test_the_side_is_known_here_and_part_of_what_is_registered(folder: Path) -> None:
    """What enters long is described as it was before there were sides."""
    bought, sold = (
        configured_strategy(configuration().model_copy(update={"strategies": {"s": settings(f"bought.{name}")}}), "s")
        for name in ("python", "sold")
    )
    assert (bought.rules.side, sold.rules.side) == ("long", "short")
    assert "side" not in describe(bought.rules)
    assert describe(sold.rules)["side"] == "short"


def test_python_in_an_expression_runs_where_the_module_does(folder: Path) -> None:
    experiment = configuration().model_copy(update={"strategies": {"s": settings("bought.python")}})
    own, seen = configured_strategy(experiment, "s"), panel("equity_momentum")
    assert_frame_equal(
        evaluate(own.rules, seen).select("strength_0"), seen.select(strength_0=pl.col("roc_60") * 2), check_exact=True
    )
    assert not [name for name in sys.modules if name.startswith("bought")]


@pytest.fixture
def reads(folder: Path) -> Callable[[str, str], pl.DataFrame]:
    experiment = loaded(folder, strategies={"s": {"type": "bought.reader"}})
    own = configured_strategy(experiment, "s").resolved(frames(30).instruments, experiment.benchmarks)
    seen = panel("equity_momentum")

    def by(way: str, path: str) -> pl.DataFrame:
        parameters = own.module.Parameters(way=way, path=path)  # type: ignore[call-arg]
        return decide(own.with_parameters(parameters), [seen], Risk()).target_weights

    return by


LIBRARIES = ["open", "os", "mmap", "polars", "polars, lazily", "duckdb", "arrow", "another process"]
needs_landlock = pytest.mark.skipif(version() == 0, reason="a kernel without Landlock")


@needs_landlock
@pytest.mark.parametrize("way", [*LIBRARIES, "sqlite"])
def test_a_file_is_read_if_it_is_declared_and_refused_by_name_if_not(
    folder: Path, reads: Callable[[str, str], pl.DataFrame], way: str
) -> None:
    if way == "arrow":
        pytest.importorskip("pyarrow")
    ending = "db" if way == "sqlite" else "csv"
    assert reads(way, f"declared.{ending}").height > 0
    with pytest.raises(StrategyError) as caught:
        reads(way, f"other.{ending}")
    assert f"bought.reader reads {folder / f'other.{ending}'}, which it does not declare" in str(caught.value)


@needs_landlock
def test_an_expression_that_reads_is_refused_when_it_is_evaluated(folder: Path) -> None:
    experiment = loaded(folder, strategies={"s": {"type": "bought.python", "reads": True}})
    own = configured_strategy(experiment, "s")
    with pytest.raises(UndeclaredReadError, match=r"bought\.python reads .*other\.csv"):
        evaluate(own.rules, panel("equity_momentum"))


def test_a_crash_is_a_failure_of_the_strategy_and_of_no_session(
    folder: Path, reads: Callable[[str, str], pl.DataFrame]
) -> None:
    with pytest.raises(StrategyError, match=r"^StoppedError: the process of bought\.reader was ended by") as caught:
        reads("crash", "declared.csv")
    assert (caught.value.session, caught.value.symbol) == (None, None)
    assert reads("none", "").height > 0


@needs_landlock
@pytest.mark.parametrize("library", ["Polars", "DuckDB"])
def test_a_folder_is_not_listed(folder: Path, reads: Callable[[str, str], pl.DataFrame], library: str) -> None:
    (folder / "tables").mkdir(exist_ok=True)
    (folder / "tables/one.csv").write_text("a\n1\n")
    with pytest.raises(StrategyError, match=r"bought\.reader reads .*tables, which it does not declare"):
        reads(f"a pattern of {library}", "tables/o.csv")


@pytest.mark.parametrize(("way", "text"), [("panic", "PanicException: of Polars"), ("key", "KeyError: 'missing'")])
def test_a_failure_has_the_words_that_it_would_have_here(
    reads: Callable[[str, str], pl.DataFrame], way: str, text: str
) -> None:
    with pytest.raises(StrategyError, match=f"^{text}$"):
        reads(way, "declared.csv")


def test_what_is_declared_is_part_of_what_is_registered(folder: Path) -> None:
    def code() -> dict[str, str]:
        experiment = loaded(folder, strategies={"s": {"type": "bought.reader"}})
        strategy = configured_strategy(experiment, "s")
        content = frozen(experiment, strategy)
        assert content["own_code"] == own_code(strategy.module)
        return own_code(strategy.module)

    before = code()
    assert set(before) == {"bought.reader", "reads declared.csv", "reads declared.db"}
    text = (folder / "declared.csv").read_text()
    try:
        (folder / "declared.csv").write_text(text + "3,4\n")
        changed = {name for name, value in code().items() if value != before[name]}
    finally:
        (folder / "declared.csv").write_text(text)
    assert changed == {"reads declared.csv"}


def test_a_shipped_module_stays_as_it_is(folder: Path) -> None:
    shipped = strategy_module("factor")
    assert module_of(shipped) is shipped
    own = module_of(strategy_module("bought.factor"))
    assert isinstance(own, TargetWeightPlugin)
    assert module_of(strategy_module("bought.factor")) is own
    assert isinstance(own, PluginModule)
