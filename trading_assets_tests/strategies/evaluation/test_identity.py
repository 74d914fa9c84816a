"""Names of strategies and hashes of code survive a move, other words and other line endings; a change of sense not."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trading_assets.strategies
from trading_assets.strategies.evaluation.identity import code_hash, identity_of, identity_of_type, recorded_type

CODE = b"""
def weight(value):
    return value + 1.0
"""


def shipped() -> list[ModuleType]:
    names = [
        each.name for each in pkgutil.iter_modules(trading_assets.strategies.__path__, "trading_assets.strategies.")
    ]
    return [each for each in map(importlib.import_module, names) if hasattr(each, "Parameters")]


def test_shipped_strategies_declare_names_that_never_change() -> None:
    assert {each.IDENTITY for each in shipped()} >= {
        "bandit",
        "crypto_momentum",
        "ensemble",
        "equity_momentum",
        "factor",
        "mean_reversion",
        "meta_labels",
        "ml",
        "multi_timeframe",
        "pairs",
    }
    assert len({each.IDENTITY for each in shipped()}) == len(shipped())


def test_identity_outlives_a_move_and_own_modules_go_by_their_path() -> None:
    moved, own = ModuleType("trading_assets.strategies.trend.momentum"), ModuleType("mine.momentum")
    moved.IDENTITY = own.IDENTITY = "equity_momentum"  # type: ignore[attr-defined]
    assert identity_of(moved) == "equity_momentum"  # type: ignore[arg-type]
    assert identity_of(own) == "mine.momentum"  # type: ignore[arg-type]
    assert recorded_type("equity_momentum") == "trading_assets.strategies.equity_momentum"
    assert recorded_type("mine.momentum") == identity_of_type("mine.momentum") == "mine.momentum"
    assert identity_of_type("trading_assets.strategies.factor") == identity_of_type("factor") == "factor"


@pytest.mark.parametrize(
    "same",
    [
        CODE + b"# A remark.\n",
        CODE.replace(b"\n", b"\r\n"),
        b'"""Weights."""\n' + CODE,
        CODE.replace(b"    return", b'    """Return more."""\n\n    return'),
        CODE.replace(b"value + 1.0", b"(value\n            + 1.0)"),
        b"from trading_assets.strategies.rules import Rules\n" + CODE,
        b"from trading_assets.strategies import Rules\n" + CODE,
    ],
)
def test_what_does_the_same_has_one_hash(same: bytes) -> None:
    assert code_hash(same) == code_hash(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace(b"1.0", b"1"),
        CODE.replace(b"1.0", b"2.0"),
        CODE.replace(b"+", b"-"),
        CODE.replace(b"weight", b"share"),
        b"from trading_assets.strategies.factor import FACTORS\n" + CODE,
        b"from mine import Rules\n" + CODE,
        CODE + b"\nLIMIT = None\n",
    ],
)
def test_what_does_another_thing_has_another_hash(other: bytes) -> None:
    assert code_hash(other) != code_hash(CODE)


@given(st.lists(st.sampled_from(["x = 1", "x = None", "x = ''", "f(x)", "del x", "x: int = 2"]), max_size=5))
def test_hash_is_of_the_tree_alone(lines: list[str]) -> None:
    """A text written anew from its own tree is laid out otherwise and means the same."""
    text = "\n\n\n".join(lines)
    assert code_hash(text.encode()) == code_hash(ast.unparse(ast.parse(text)).encode())


def test_what_is_no_python_is_hashed_as_it_is() -> None:
    assert code_hash(b"\x7fELF\x00") != code_hash(b"\x7fELF\x01")
