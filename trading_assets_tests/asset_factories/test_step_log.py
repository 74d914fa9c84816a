"""A step keeps what it warned of, and quotes no secret of an error that it caught."""

from __future__ import annotations

import logging

import pytest

from trading_assets.asset_factories.step_log import Heard


def test_no_level_quotes_a_secret_and_warnings_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    log = Heard(logging.getLogger("step"), lambda: ("pa%zzSECRET99",))
    with caplog.at_level(logging.DEBUG):
        for level in ("info", "warning", "error"):
            getattr(log, level)('the database said: invalid percent-encoded token: "pa%zzSECRET99"')
        log.debug("another level goes through")
    assert caplog.messages == ['the database said: invalid percent-encoded token: "***"'] * 3 + [
        "another level goes through"
    ]
    assert log.warnings == caplog.messages[:1]
