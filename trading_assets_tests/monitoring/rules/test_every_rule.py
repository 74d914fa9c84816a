"""All rules together: each has its page, none is silent because it fails, own rules are SELECTs."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading_assets.config.alerts import shipped_rules
from trading_assets.monitoring.rules.every_rule import BROKEN, RULES, look
from trading_assets.monitoring.tables import ALERTS
from trading_assets_tests.conftest import REPOSITORY
from trading_assets_tests.monitoring.rules.situations import situation

PAGES = REPOSITORY / "docs" / "runbooks"


def test_shipped_rules_are_those_that_look() -> None:
    assert set(shipped_rules()) == set(RULES)


def test_each_rule_has_its_page_and_each_page_its_rule() -> None:
    wanted = {*RULES, BROKEN, "own_rule"}
    assert {path.stem for path in PAGES.glob("*.md")} == wanted
    for rule in wanted:
        text = (PAGES / f"{rule}.md").read_text()
        assert text.startswith(f"# `{rule}`\n"), rule
        for heading in ("## What it means", "## What to do"):
            assert heading in text, (rule, heading)


def test_nothing_is_found_of_a_folder_where_nothing_ran(tmp_path: Path) -> None:
    found = look(situation(tmp_path))
    assert {rule for rule, findings in found.findings.items() if findings} <= {"disk"}
    assert not (tmp_path / "watched").exists()


@pytest.mark.parametrize(
    ("query", "said"), [("SELECT 1 AS one", "message"), ("SELECT message FROM nowhere.at_all", "")]
)
def test_a_rule_that_fails_is_a_finding(tmp_path: Path, query: str, said: str) -> None:
    now = situation(tmp_path, keys={"alerts": {"rules": {"mine": {"query": query}}}})
    now.warehouse.append(ALERTS, ALERTS.empty())
    found = look(now)
    assert "mine" not in found.findings or said == ""
    if said:
        [broken] = found.findings[BROKEN]
        assert broken.subject == "mine" and said in broken.message and found.rules[BROKEN].severity == "error"


def test_rows_of_an_own_query_are_findings_and_a_switched_off_rule_is_not_asked(tmp_path: Path) -> None:
    rules = {
        "mine": {"query": "SELECT 'a' AS subject, 'x is ' || 3 AS message UNION ALL SELECT 'b', 'y'"},
        "disk": {"enabled": False},
        "stale_data": {"threshold": 4},
    }
    now = situation(tmp_path, keys={"alerts": {"rules": rules}})
    now.warehouse.append(ALERTS, ALERTS.empty())
    found = look(now)
    assert [(each.subject, each.message) for each in found.findings["mine"]] == [("a", "x is 3"), ("b", "y")]
    assert "disk" not in found.findings
    assert (found.rules["stale_data"].threshold, found.rules["stale_data"].severity) == (4, "error")
