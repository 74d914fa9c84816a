"""Alerts: rules, when somebody is told, and how often. No result follows from them."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from trading_assets.config.errors import nearest
from trading_assets.config.scalars import TimeZone
from trading_assets.config.sections import NonEmpty, NonNegative, Notifier, Section

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
Severity = Literal["info", "warning", "error"]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class AlertRule(Section):
    """A rule: a shipped one with some keys changed, or a SELECT of the user's own."""

    enabled: bool = Field(default=True, description="false: nobody looks")
    severity: Severity = Field(default="warning", description="how bad; an error is told at any hour")
    threshold: NonNegative | None = Field(default=None, description="of shipped rules that have one: what it counts")
    response: Literal["none", "rerun", "halt_entries"] = Field(
        default="none",
        description="what is done by itself, on record. rerun: a failed daily run once more; halt_entries: accounts "
        "send no entry until somebody advances the rollout, their exits go on",
    )
    query: NonEmpty | None = Field(
        default=None,
        max_length=10_000,
        description="of a rule of your own: a SELECT; each row is an alert: message, and what it is about: subject",
    )


class Alerts(Section):
    """What is an alert, and when a person is told."""

    rules: dict[RuleName, AlertRule] = Field(
        default={}, max_length=200, description="shipped rules with some keys changed, and rules with a `query`"
    )
    quiet_hours: tuple[str, str] | None = Field(
        default=None, description="from and to, as [22:00, 07:00]: what is no error is told afterwards"
    )
    timezone: TimeZone = Field(default="UTC", description="zone of the quiet hours")
    repeat_hours: float = Field(
        default=24.0,
        gt=0,
        le=10_000,
        description="after which an alert that goes on and nobody acknowledged is told again",
    )
    escalate_minutes: float = Field(
        default=240.0,
        gt=0,
        le=1_000_000,
        description="after which an error that nobody acknowledged is told to `escalation`",
    )
    escalation: Notifier | None = Field(default=None, description="who is told then; null: the notifier, once more")
    runbooks: str = Field(default="docs/runbooks/", description="address of the pages of the rules, which alerts link")
    every_minutes: int = Field(default=5, ge=1, le=1_440, description="between two looks of the daemon")

    @model_validator(mode="before")
    @classmethod
    def _over_the_shipped(cls, value: object) -> object:
        """Put the keys of a shipped rule under those that were changed."""
        if not isinstance(value, dict) or not isinstance(value.get("rules"), dict):
            return value
        rules = {
            name: {**shipped_rules().get(name, {}), **rule} if isinstance(rule, dict) else rule
            for name, rule in value["rules"].items()
        }
        return {**value, "rules": rules}

    @field_validator("quiet_hours")
    @classmethod
    def _are_times(cls, value: tuple[str, str] | None) -> tuple[str, str] | None:
        if value is not None and not (all(map(_TIME.fullmatch, value)) and value[0] != value[1]):
            raise ValueError("expected two different times of a day, as ['22:00', '07:00']")
        return value

    @model_validator(mode="after")
    def _rules_are_known(self) -> Alerts:
        for name, rule in self.rules.items():
            if rule.query is None and name not in shipped_rules():
                raise ValueError(
                    f"rules.{name}: no shipped rule, and no `query`; {nearest(name, list(shipped_rules()))}"
                )
            if rule.query is not None and name in shipped_rules():
                raise ValueError(f"rules.{name} is shipped, and looks by itself; give the query another name")
        return self

    @property
    def all_rules(self) -> dict[str, AlertRule]:
        """Every rule that looks, by name: the shipped ones, then the user's own."""
        named = {name: AlertRule.model_validate(keys) for name, keys in shipped_rules().items()} | self.rules
        return {name: rule for name, rule in named.items() if rule.enabled}


@cache
def shipped_rules() -> dict[str, dict[str, object]]:
    """Return the keys of the rules that are shipped, by name."""
    text = resources.files("trading_assets.config").joinpath("alerts.yaml").read_text(encoding="utf-8")
    rules: dict[str, dict[str, object]] = yaml.safe_load(text)
    return rules
