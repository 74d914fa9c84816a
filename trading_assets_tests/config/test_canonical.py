from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from trading_assets.config.canonical import canonical, digest


def test_one_text_for_one_value() -> None:
    assert canonical({"b": 1, "a": [dt.date(2024, 1, 2), None]}) == '{"a":["2024-01-02",null],"b":1}'
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


def test_digest_is_sha_256_of_the_text() -> None:
    assert digest([1, "x"]) == hashlib.sha256(b'[1,"x"]').hexdigest()


@pytest.mark.parametrize(("value", "error"), [(float("nan"), ValueError), ({1, 2}, TypeError)])
def test_what_has_no_text_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        canonical(value)
