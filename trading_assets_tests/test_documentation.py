"""What the pages name is there: sections, keys with their defaults, modules, tables, columns, links."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from trading_assets.config.configuration import Configuration
from trading_assets.config.sections import Costs, Risk
from trading_assets.config.verdict import VerdictThresholds
from trading_assets.warehouse.table import Table
from trading_assets_tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "trading_assets"
DOCS = REPOSITORY / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md"))]
RULES, TREE = DOCS / "trading-rules.md", DOCS / "architecture.md"

#: Files that a person writes.
OF_THE_READER = {
    "my_models/nearest.py",
    "my_features/gaps.py",
    "my_strategies/gap.py",
    "my_strategies/dip.py",
    "trading_assets/market_data/sources/house_of_bars.py",
}

#: A key with its default beside it, wherever a table has them.
_KEY = re.compile(r"\| `([a-z_]+(?:\.[a-z0-9_]+)+)` \| `([^`|]*)` \|")
_MODULE = re.compile(r"`((?:[a-z_]+/)+[a-z_]+\.py)`")
_NAME = re.compile(r"`([a-z_]+)\.([a-z_]+)(?:\.([a-z_]+))?`")
#: Endings of files of the data folder whose names look like those of tables.
_FILES = {"duckdb", "head"}
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def cited_sections() -> set[tuple[str, str]]:
    """Sections of the trading rules that the code cites, with the file of each."""
    files = [*PACKAGE.rglob("*.py"), *(REPOSITORY / "trading_assets_tests").rglob("*.py")]
    cited = re.compile(r"trading rules,?\s+(?:sections?\s+)?(\d(?:\.\d)?)(?:\s+to\s+(\d))?")
    return {
        (section, str(path.relative_to(REPOSITORY)))
        for path in files
        if path != Path(__file__)
        for found in cited.finditer(text_of(path))
        for section in found.groups()
        if section
    }


def documented_defaults(page: Path) -> dict[str, Any]:
    """Defaults that the tables of a page state, by key path."""
    return {key: yaml.safe_load(value) for key, value in _KEY.findall(text_of(page))}


def default_of(key: str) -> Any:
    """The default of a key path, from the models."""
    first, *rest = key.split(".")
    value: Any = Configuration.model_fields[first].get_default(call_default_factory=True)
    for name in rest:
        value = getattr(value, name)
    return list(value) if isinstance(value, tuple) else value


def is_key(path: str) -> bool:
    """Whether a dotted path is a key of the configuration."""
    section: Any = Configuration
    for name in path.split("."):
        if not (isinstance(section, type) and issubclass(section, BaseModel) and name in section.model_fields):
            return False
        section = section.model_fields[name].annotation
    return True


def keys_of(path: str, section: BaseModel) -> Iterator[str]:
    """Key paths of the values of a section, those of sections in it included."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        yield from keys_of(f"{path}.{name}", value) if isinstance(value, BaseModel) else [f"{path}.{name}"]


@cache
def declared_columns() -> dict[str, frozenset[str]]:
    """Columns of every declared table by its name; those of the protocol's own database by the name of its file."""
    found: dict[str, frozenset[str]] = {}
    for path in PACKAGE.glob("*/tables.py"):
        module = importlib.import_module(f"trading_assets.{path.parent.name}.tables")
        for table in vars(module).values():
            if isinstance(table, Table):
                found[table.name.replace("main.", f"{path.parent.name}.")] = frozenset(table.columns)
        for view in getattr(module, "VIEWS", ()):
            found[view.replace("main.", f"{path.parent.name}.")] = frozenset()
    for path in (REPOSITORY / "dbt_like_sql").glob("*/*.sql"):
        found[f"{path.parent.name}.{path.stem}"] = frozenset()
    return found


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text_of(page)))
    return {heading.strip().replace(" ", "-") for heading in words}


def tree_paths() -> Iterator[str]:
    """Paths that the tree of the architecture page shows, from the root of the repository."""
    [block] = re.findall(r"```text\n(trading_assets/.*?)```", text_of(TREE), flags=re.DOTALL)
    folders: list[str] = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = line.split()[0]
        folders[depth:] = [name]
        yield "".join(folders)


def test_cited_sections_are_headings_of_the_trading_rules() -> None:
    headings = {heading.split()[0] for heading in _HEADING.findall(text_of(RULES))}
    cited = cited_sections()
    assert {section for section, _ in cited} >= {"1", "2", "3.1", "3.2", "3.3", "4", "5", "6", "7", "8"}
    assert {each for each in cited if each[0] not in headings} == set()


@pytest.mark.parametrize(
    ("section", "model"), [("risk", Risk), ("costs", Costs), ("robustness.verdict", VerdictThresholds)]
)
def test_every_key_of_a_section_is_in_a_table_of_the_trading_rules(section: str, model: type[BaseModel]) -> None:
    documented = {key for key in documented_defaults(RULES) if key.startswith(f"{section}.")}
    assert set(keys_of(section, model())) == documented


def test_the_template_shows_every_limit_with_its_default() -> None:
    template = text_of(PACKAGE / "config" / "template.yaml")
    [lines] = re.findall(r"^# risk: .*\n((?:#   .*\n)+)", template, flags=re.MULTILINE)
    shown = {f"risk.{key}": value for key, value in yaml.safe_load(re.sub("^#", "", lines, flags=re.MULTILINE)).items()}
    there = dict.fromkeys(keys_of("risk", Risk()))
    assert shown == {key: default_of(key) for key in there}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_defaults_are_those_of_the_models(page: Path) -> None:
    stated = documented_defaults(page)
    assert stated == {key: default_of(key) for key in stated}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_modules_exist(page: Path) -> None:
    named = set(_MODULE.findall(text_of(page))) - OF_THE_READER
    assert {each for each in named if not ((PACKAGE / each).exists() or (REPOSITORY / each).exists())} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_tables_and_columns_are_declared(page: Path) -> None:
    """What begins with the name of a stage is a table, a column of one, a key of the configuration or a module."""
    declared = declared_columns()
    schemas = {name.partition(".")[0] for name in declared}
    unknown = set()
    for schema, name, column in _NAME.findall(text_of(page)):
        if schema not in schemas or name in _FILES or is_key(".".join(filter(None, (schema, name, column)))):
            continue
        columns = declared.get(f"{schema}.{name}")
        is_module = (PACKAGE / schema / name).is_dir() or (PACKAGE / schema / f"{name}.py").exists()
        if columns is None and not is_module:
            unknown.add(f"{schema}.{name}")
        elif column and columns and column not in columns:
            unknown.add(f"{schema}.{name}.{column}")
    assert unknown == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in _LINK.findall(text_of(page)):
        if target.startswith(("https://", "reference/")):  # the latter are made, and looked at, by `make docs`
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_the_readme_links_every_page() -> None:
    linked = {target.partition("#")[0] for target in _LINK.findall(text_of(REPOSITORY / "README.md"))}
    pages = {page.relative_to(REPOSITORY).as_posix() for page in PAGES} - {"README.md"}
    assert pages - linked == set()


def test_the_tree_shows_every_folder_of_the_package() -> None:
    shown = {path.removeprefix("trading_assets/").rstrip("/") for path in tree_paths()} - {""}
    there = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("__init__.py")} - {"."}
    assert there - shown == set()
    assert {path for path in shown if not (PACKAGE / path).exists()} == set()


@pytest.mark.parametrize(("section", "strategy"), [("3.1", "equity_momentum"), ("3.2", "crypto_momentum")])
def test_parameters_of_a_strategy_are_those_of_its_module(section: str, strategy: str) -> None:
    [own] = re.findall(rf"^### {section} `{strategy}`\n(.*?)^##", text_of(RULES), flags=re.MULTILINE | re.DOTALL)
    fields = importlib.import_module(f"trading_assets.strategies.{strategy}").Parameters.model_fields
    stated = dict(re.findall(r"`([a-z_]+)` (\d[\d.]*)", own))
    assert stated.keys() >= {"stop_atr", "capacity", "fast_clearance", "slow_clearance"}
    assert {name: float(value) for name, value in stated.items()} == {name: fields[name].default for name in stated}


def test_every_shipped_strategy_is_on_the_page_of_the_rules() -> None:
    shipped = [path.stem for path in (PACKAGE / "strategies").glob("*.py") if "\nclass Parameters(" in text_of(path)]
    assert len(shipped) >= 8
    assert {name for name in shipped if f"`strategies/{name}.py`" not in text_of(RULES)} == set()


def test_words_of_the_glossary_are_in_alphabetical_order() -> None:
    words = re.findall(r"^- \*\*(.+?)\*\*", text_of(DOCS / "glossary.md"), flags=re.MULTILINE)
    assert len(words) > 100
    assert words == sorted(words, key=lambda word: re.sub(r"[^a-z0-9 ]", "", word.lower()))


def test_the_glossary_lists_every_table() -> None:
    listed = set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", text_of(DOCS / "glossary.md"), flags=re.MULTILINE))
    assert set(declared_columns()) - listed == set()


def test_metrics_and_reasons_are_documented() -> None:
    """Every metric, reason of a rejection and kind of cost has its place on the page of the rules."""
    metrics = importlib.import_module("trading_assets.backtests.results.metrics").METRICS
    arrays = importlib.import_module("trading_assets.backtests.engine.arrays")
    page = text_of(RULES)
    names = {*metrics, *arrays.REJECTIONS, *arrays.HOLDS, *arrays.EXIT_REASONS} - {"rule"}
    assert {name for name in names if f"`{name}`" not in page} == set()


def scripts_shown() -> Iterator[tuple[str, str]]:
    """Lines of the page on other tools: what they say of a library, and the script that shows it."""
    for line in text_of(DOCS / "other-tools.md").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(r"`\w+`", cells[-1]):
            yield cells[0], cells[-1].strip("`")


@pytest.mark.parametrize(("libraries", "script"), scripts_shown())
def test_what_is_said_of_other_tools_is_shown_with_the_same_versions(libraries: str, script: str) -> None:
    text = text_of(REPOSITORY / "findings" / f"{script}.sh")
    told = text.split("set -euo pipefail")[0].replace("\n# ", " ")
    versions = re.findall(r"([A-Za-z-]+) (\d+\.\d+\.\d+)", libraries)
    assert versions
    for library, version in versions:
        assert f"{library} {version}" in told
        assert re.search(rf"{library}(\[\w+\])?=={re.escape(version)}", text, re.IGNORECASE)


def quoted_messages() -> Iterator[str]:
    """Pieces of the messages that the page on troubleshooting quotes, parted where it leaves something out."""
    for row in re.findall(r"(?m)^\| (`.*?) \|", text_of(DOCS / "troubleshooting.md")):
        for quoted in re.findall(r"`([^`]+)`", re.sub(r"`,? (?:on|of) .*", "`", row)):
            yield from (piece.strip() for piece in quoted.split("..."))


def test_every_message_that_troubleshooting_quotes_stands_in_the_code() -> None:
    """Names and numbers in it are those of an example: `N`, `M`, `'close'`, `2`."""
    # Texts that are parted over lines are joined, and what is filled in becomes a gap.
    code = "\n".join(text_of(path) for path in sorted(PACKAGE.rglob("*.py")))
    code = re.sub(r'"\s*\n\s*f?"', "", code)
    code = re.sub(r"\{[^{}]*\}", "{}", code)
    pieces = [piece for piece in quoted_messages() if piece]
    assert len(pieces) > 25
    missing = []
    for piece in pieces:
        words = re.sub(r"'[a-z]+'|\b[NM]\b|\b\d\b", "{}", piece) if piece not in code else piece
        if words not in code:
            missing.append(piece)
    assert missing == []
