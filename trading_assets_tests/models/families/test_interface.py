from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from trading_assets.models.families.interface import load_constant
from trading_assets_tests.models.families.planted import training


@pytest.mark.parametrize("name", [each.name for each in fields(training("size")) if each.name != "names"])
def test_a_digest_follows_every_array(name: str) -> None:
    known = training("size")
    changed = getattr(known, name).copy()
    changed.flat[7] += 1
    assert replace(known, **{name: changed}).digest() != known.digest()


def test_rows_are_taken_of_every_array() -> None:
    known, rows = training("size"), np.array([3, 5])
    taken = known.take(rows)
    for each in (each for each in fields(known) if each.name != "names"):
        whole = getattr(known, each.name)
        assert np.array_equal(getattr(taken, each.name), whole[rows], equal_nan=True)


def test_other_bytes_are_no_constant() -> None:
    assert load_constant(b"PK\x03\x04") is None
