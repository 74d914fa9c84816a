"""A user's own code is found without running any of it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import duckdb
import pytest

from trading_assets.config.own_modules import DeclarationError, OwnModule, declared_reads, find_module, own_modules

RUNS = "raise SystemExit('this was run')\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "bench/__init__.py": RUNS,
        "bench/mine.py": RUNS + "from . import near\nfrom bench.deep import far\nimport polars, json\n",
        "bench/near.py": "def f():\n    import alone\n",
        "bench/deep/far.py": "",  # a folder without a file of its own
        "alone.py": "READS = ['alone.csv']\n",
        "unrelated.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_modules_are_found_and_not_run(folder: Path) -> None:
    found = own_modules("bench.mine")
    assert list(found) == ["alone", "bench", "bench.deep.far", "bench.mine", "bench.near"]
    assert found["bench"].is_package
    assert found["bench.mine"].source == (folder / "bench/mine.py").read_bytes()
    assert not {"bench", "bench.mine", "alone"} & set(sys.modules)


@pytest.mark.parametrize("name", ["no_such", "bench.no_such", "bench.mine.inner", "alone.inner"])
def test_what_is_not_there_is_none(folder: Path, name: str) -> None:
    assert find_module(name) is None
    assert name not in own_modules(name)


@pytest.mark.parametrize("name", ["json.decoder", "trading_assets.strategies.pairs"])
def test_libraries_and_shipped_modules_are_nobody_s_own(name: str) -> None:
    assert own_modules(name) == {}


def test_an_installed_package_of_strategies_is_its_own_code_too(folder: Path) -> None:
    """Another version of it is another strategy; what it imports of other packages is a library."""
    installed = folder / "site-packages"
    for name, text in {"sold/mine.py": "import sold.part, other\n", "sold/part.py": "", "other.py": ""}.items():
        (installed / name).parent.mkdir(exist_ok=True, parents=True)
        (installed / name).write_text(text)
    sys.path.insert(0, str(installed))
    try:
        assert list(own_modules("sold.mine")) == ["sold.mine", "sold.part"]
    finally:
        sys.path.remove(str(installed))


def test_the_folder_of_the_configuration_comes_after_libraries_and_before_what_else_python_finds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands put other folders first; a name leads to one file all the same, and never hides a library."""
    own = folder / "configurations"
    texts = {"alone.py": "# mine", "mine/dip.py": "import alone, json, polars", "json.py": "", "polars/__init__.py": ""}
    for name, text in texts.items():
        (own / name).parent.mkdir(exist_ok=True, parents=True)
        (own / name).write_text(text)
    assert own_modules("mine.dip") == {}
    found = own_modules("mine.dip", own)
    assert {name: each.file for name, each in found.items()} == {
        "alone": own / "alone.py",
        "mine.dip": own / "mine/dip.py",
    }
    assert list(own_modules("bench.mine", own)) == ["alone", "bench", "bench.deep.far", "bench.mine", "bench.near"]
    monkeypatch.chdir(own)
    monkeypatch.syspath_prepend("")
    assert own_modules("alone")["alone"].source == b"# mine"
    assert own_modules("alone", folder)["alone"].file == folder / "alone.py"


def declared(folder: Path, text: str) -> list[str]:
    module = OwnModule("mine", folder / "mine.py", text.encode())
    return [each.name for each in declared_reads({"mine": module}, folder, [folder / "data"])]


def test_files_and_folders_are_declared_by_a_list_of_texts(tmp_path: Path) -> None:
    """SHA-256 of `abc` is the example of FIPS 180-2, appendix B.1."""
    (tmp_path / "tables").mkdir()
    for name in ("a.csv", "tables/b.csv"):
        (tmp_path / name).write_text("abc")
    assert declared(tmp_path, "READS = ['a.csv']\nOTHER = f()\n") == ["a.csv"]
    assert declared(tmp_path, "READS: tuple = ('a.csv', 'tables')\n") == ["a.csv", "tables"]
    assert declared(tmp_path, "READS = []\n") == declared(tmp_path, "def f():\n    READS = ['x']\n") == []
    [read] = declared_reads({"m": OwnModule("m", tmp_path, b"READS = ['tables']")}, tmp_path, [tmp_path / "data"])
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert read.hashes() == {"tables/b.csv": abc}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("READS = glob('*.csv')\n", "otherwise than as a list of texts, line 1"),
        ("READS = 'a.csv'\n", "otherwise than as a list of texts"),
        ("\nREADS = [1]\n", "otherwise than as a list of texts, line 2"),
        ("READS = ['no.csv']\n", "reads no.csv, and there is no such file"),
        ("READS = ['data']\n", "the data folder"),
        ("READS = ['data/x/warehouse.duckdb']\n", "the data folder"),
        ("READS = ['x/../data/x']\n", "the data folder"),
        ("READS = ['.']\n", "holds, the data folder"),
        ("READS = ['/']\n", "holds, the data folder"),
    ],
)
def test_what_cannot_be_declared_says_why(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "data/x").mkdir(parents=True)
    (tmp_path / "x").mkdir()
    (tmp_path / "data/x/warehouse.duckdb").write_text("")
    with pytest.raises(DeclarationError, match=fault):
        declared(tmp_path, text)


def test_a_warehouse_is_no_table_whatever_its_file_is_called(tmp_path: Path) -> None:
    """A copy under another name, a hard link and one in a declared folder; a database of the user's own is a table."""
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA market_data")
        connection.execute("CREATE TABLE market_data.raw_bars AS SELECT 'A' AS symbol, 1.0 AS close")
    with duckdb.connect(str(tmp_path / "own.duckdb")) as connection:
        connection.execute("CREATE TABLE sectors AS SELECT 'A' AS symbol")
    folder = tmp_path / "tables"
    folder.mkdir()
    shutil.copy(tmp_path / "warehouse.duckdb", folder / "sectors.csv")
    (tmp_path / "linked.bin").hardlink_to(tmp_path / "warehouse.duckdb")
    for name in ("tables", "tables/sectors.csv", "linked.bin"):
        module = OwnModule("s", tmp_path / "s.py", f"READS = [{name!r}]".encode())
        with pytest.raises(DeclarationError, match="is a warehouse, or a copy"):
            declared_reads({"s": module}, tmp_path, [])
    module = OwnModule("s", tmp_path / "s.py", b"READS = ['own.duckdb']")
    assert [each.name for each in declared_reads({"s": module}, tmp_path, [])] == ["own.duckdb"]
