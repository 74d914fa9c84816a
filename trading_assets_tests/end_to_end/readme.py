"""The parts of the README that tests run."""

from __future__ import annotations

import re

from trading_assets_tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def readme_strategies() -> tuple[str, str]:
    """The modules that the README shows how to write: an order-based strategy and a target-weight one."""
    order_based, target_weight = blocks("python")
    return order_based, target_weight


def demo_verdicts() -> str:
    """What the README says the demo prints."""
    [text] = re.findall(r"<!-- demo verdicts.*?-->\n(.*?)<!-- /demo verdicts -->", README, flags=re.DOTALL)
    return str(text).strip()
