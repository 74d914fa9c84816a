"""The switch: the last word on record decides, a reason is asked for."""

from __future__ import annotations

import datetime as dt

import pytest

from trading_assets.config import ConfigurationError
from trading_assets.protocol import Protocol
from trading_assets.trading.halt import halt, halted_on, is_halted, resume
from trading_assets_tests.trading.experiment import Experiment

NOW = dt.datetime(2017, 7, 4)


def test_the_last_word_decides(paper: Experiment) -> None:
    configuration = paper.configuration
    assert not is_halted(configuration)
    halt(configuration, by="ops", reason="the feed is down", now=NOW)
    assert is_halted(configuration)
    paper.open()  # a word on something else
    assert is_halted(configuration)
    resume(configuration, by="ops", reason="it is back", now=NOW)
    assert not is_halted(configuration)
    assert not halted_on(Protocol.of(configuration).read(), "another configuration")


def test_what_says_nothing_is_refused(paper: Experiment) -> None:
    with pytest.raises(ConfigurationError, match="a halt without a reason"):
        halt(paper.configuration, by="ops", reason="", now=NOW)
    with pytest.raises(ConfigurationError, match="trading is not halted"):
        resume(paper.configuration, by="ops", reason="why", now=NOW)
    assert not is_halted(paper.configuration)
