"""Registrations under a new version of the product: what may differ, and what is a change of the registration.

A new version writes the same registration otherwise: keys are renamed, defaults are left out, the code of shipped
modules and the features are of another version. None of this was changed by who registered the strategy, so it is no
further look. Whatever a person decides is compared value by value: parameters, symbols, costs, risk, criteria, splits,
bars, and the code of modules of their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import BaseModel

from trading_assets.config.models import class_of
from trading_assets.config.quality import Quality
from trading_assets.config.robustness import Robustness
from trading_assets.config.sections import Costs, Regimes, Risk
from trading_assets.config.stated import Values, filled, restated
from trading_assets.config.verdict import VerdictThresholds
from trading_assets.robustness.holdout.registration import Registration
from trading_assets.strategies.evaluation.identity import identity_of_type

#: Version that wrote the registrations which name none.
FIRST_VERSION = "0.1.0"
_SECTIONS: Mapping[str, type[BaseModel]] = {
    "quality": Quality,
    "costs": Costs,
    "risk": Risk,
    "criteria": VerdictThresholds,
    "resampling": Robustness,
}
#: Parts of a strategy whose values the product decides, in words.
_OF_THE_PRODUCT = {
    "rules": "rules as written out",
    "shipped_code": "code of shipped modules",
    "training": "training of models",
}

#: Parts of a plan that decide nothing.
_LABELS = frozenset({"hypothesis", "registered_on"})


@dataclass(frozen=True)
class KnownCode:
    """What today's modules say about contents of registrations.

    Attributes
    ----------
    parameters
        Class of the parameters by identity of the strategy.
    rules_before
        See `fingerprint.rules_recorded_before`.
    """

    parameters: Mapping[str, type[BaseModel]]
    rules_before: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Comparison:
    """How a registration differs from an earlier one.

    Attributes
    ----------
    changed
        What a person changed: with any of it, a look is a look after a change.
    of_the_product
        What the product decides.
    """

    changed: tuple[str, ...]
    of_the_product: tuple[str, ...]

    def is_upgrade(self, old_version: str, new_version: str) -> bool:
        """Return whether it is the same registration in the hands of another version.

        Within a version the code of the product is fixed: if it differs, somebody edited it.
        """
        return not self.changed and (not self.of_the_product or old_version != new_version)


@dataclass(frozen=True)
class Upgrade:
    """The same registration under another version of the product."""

    strategy: str
    old_hash: str
    new_hash: str
    old_version: str
    new_version: str
    reason: str


@dataclass(frozen=True)
class Standing:
    """Whether a registration goes on from one that was looked at.

    Attributes
    ----------
    looked_at
        Hash in the ledger of looks that it goes on from; its own if there is none.
    upgrade
        What has to go on record, None for nothing.
    changed
        What differs from the last registration that was looked at, in words; empty if it goes on from one.
    """

    looked_at: str
    upgrade: Upgrade | None = None
    changed: tuple[str, ...] = ()


def standing_of(
    registration: Registration,
    version: str,
    *,
    ledger: pl.DataFrame,
    registrations: pl.DataFrame,
    upgrades: pl.DataFrame,
    code: KnownCode,
) -> Standing:
    """Return where a registration stands to those that were looked at: one of them, an upgrade of one, or another.

    Parameters
    ----------
    version
        Version of the product that made it.
    ledger, registrations, upgrades
        Rows of `robustness.holdout_ledger`, `robustness.registrations` and `robustness.registration_upgrades`.
    """
    name, new_hash = registration.strategy, registration.hash
    known = {row["registration_hash"]: row for row in registrations.filter(strategy=name).iter_rows(named=True)}
    own = upgrades.filter(strategy=name).sort("row")
    looked_at = _looked_at(ledger.filter(strategy=name).sort("row")["registration_hash"].to_list(), own)
    if not looked_at:
        return Standing(new_hash)
    versions = {each: row.get("product_version") or FIRST_VERSION for each, row in known.items()}
    versions |= dict(own.select("new_hash", "new_version").iter_rows())
    if new_hash in looked_at:
        before = versions.get(new_hash, FIRST_VERSION)
        same = Upgrade(name, new_hash, new_hash, before, version, "the product alone: the registration is the same")
        return Standing(looked_at[new_hash], None if before == version else same)
    new, last = json.loads(registration.content), None
    for old_hash in reversed(looked_at):
        if old_hash not in known:
            continue
        found = compare(json.loads(known[old_hash]["content"]), new, code)
        last = last or found
        if found.is_upgrade(versions[old_hash], version):
            upgrade = Upgrade(name, old_hash, new_hash, versions[old_hash], version, _reason(found))
            return Standing(looked_at[old_hash], upgrade)
    return Standing(new_hash, changed=(*last.changed, *last.of_the_product) if last else ())


def without_labels(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan without what decides nothing: words on it, and a date that nobody goes by.

    A strategy that waits may have a misspelt hypothesis mended. All its wordings are on record.
    """
    return {key: value for key, value in plan.items() if key not in _LABELS}


def compare(old: Mapping[str, Any], new: Mapping[str, Any], code: KnownCode) -> Comparison:
    """Compare contents of two registrations of a strategy, whatever versions wrote them.

    Parameters
    ----------
    old, new
        Contents of the earlier and of the later registration, as they were parsed from their JSON.
    code
        Hashes of code by which versions of shipped modules are known.
    """
    before, after = _uniform(old, code), _uniform(new, code)
    if "form" not in old:
        after = _as_first_form(after)
    changed, product = _differences(str(new["strategy"]), before, after, code, "")
    if before.get("features") != after.get("features"):
        product.append("versions of features")
    return Comparison(tuple(changed), tuple(dict.fromkeys(product)))


def _as_first_form(content: Values) -> Values:
    """A content without what the first form said nothing about: whether that was another is not known."""
    resampling = {key: value for key, value in content["resampling"].items() if key != "look_ahead_cuts"}
    return {**{key: value for key, value in content.items() if key != "flags"}, "resampling": resampling}


def _looked_at(ledger: Sequence[str], upgrades: pl.DataFrame) -> dict[str, str]:
    """Hashes that stand for a look, the latest last, each with that of the ledger which it goes on from."""
    found = {each: each for each in ledger}
    for old, new in upgrades.select("old_hash", "new_hash").iter_rows():
        if old in found and new not in ledger:
            origin = found[old]
            found.pop(new, None)
            found[new] = origin
    return found


def _uniform(content: Mapping[str, Any], code: KnownCode) -> Values:
    """A content as today's version writes it, as far as its values allow: keys renamed, defaults left out."""
    sections = {key: restated(cls, content[key]) for key, cls in _SECTIONS.items() if key in content}
    return {**_uniform_strategy(content, code), **sections}


def _uniform_strategy(content: Mapping[str, Any], code: KnownCode) -> Values:
    identity = identity_of_type(content["type"])
    parameters = code.parameters.get(identity)
    regimes = content["regimes"]
    return {
        **content,
        "type": identity,
        "parameters": restated(parameters, content["parameters"]) if parameters else content["parameters"],
        "model": restated(class_of(content["model"]), content["model"]) if content["model"] is not None else None,
        "members": {name: _uniform_strategy(each, code) for name, each in content["members"].items()},
        "regimes": None if regimes is None else [regimes[0], restated(Regimes, regimes[1])],
    }


def _differences(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], code: KnownCode, path: str
) -> tuple[list[str], list[str]]:
    """What a person changed of a strategy and of its members, and what the product did."""
    handled = {"form", "features", "members", "regimes", "own_code", "polars", *_OF_THE_PRODUCT}
    changed: list[str] = []
    for key in sorted({*old, *new} - handled):
        if key in old or new[key]:  # a part that is new, and says nothing, is no difference
            changed += _paths(f"{path}{key}", *_completed(key, old, new, code))
    product = [label for key, label in _OF_THE_PRODUCT.items() if old.get(key) != new.get(key)]
    if _is_of_another_polars(old, new):
        product = [label for label in product if label != _OF_THE_PRODUCT["rules"]]
    elif old.get("own_code") and old["rules"] != new["rules"]:  # a user's own rules are not the product's
        changed.append(f"{path}rules")
    if not _is_own_code_the_same(name, old, new, code):
        changed.append(f"{path}own_code")
    if (old["regimes"] is None) != (new["regimes"] is None):
        changed.append(f"{path}regimes")
    elif old["regimes"] is not None:
        both = (filled(Regimes, each["regimes"][1]) for each in (old, new))
        changed += _paths(f"{path}regimes", *both)
        product += ["regimes"] if old["regimes"][0] != new["regimes"][0] else []
    for member in sorted({*old["members"], *new["members"]}):
        place = f"{path}members.{member}"
        if member in old["members"] and member in new["members"]:
            own, of_product = _differences(member, old["members"][member], new["members"][member], code, f"{place}.")
            changed, product = changed + own, product + of_product
        else:
            changed.append(place)
    return changed, product


def _is_of_another_polars(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether expressions are written out by another version of Polars: then the code and parameters say what they are.

    A registration that does not name its version, of an earlier one of the product, is compared by its text.
    """
    known = old.get("polars") is not None and new.get("polars") is not None
    return known and old["polars"] != new["polars"] and old.get("shipped_code") == new.get("shipped_code")


def _completed(key: str, old: Mapping[str, Any], new: Mapping[str, Any], code: KnownCode) -> tuple[Any, Any]:
    """A part of two contents, the defaults in place that they leave out, so that a message can say what they are."""
    cls = _SECTIONS.get(key)
    if key == "parameters" and old["type"] == new["type"]:
        cls = code.parameters.get(new["type"])
    before, after = old.get(key), new.get(key)
    if key == "model" and isinstance(before, Mapping) and isinstance(after, Mapping):
        return filled(class_of(before), before), filled(class_of(after), after)
    if cls is None or not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return before, after
    return filled(cls, before), filled(cls, after)


def _is_own_code_the_same(name: str, old: Mapping[str, Any], new: Mapping[str, Any], code: KnownCode) -> bool:
    """Whether the modules of a user's own do the same; the first version knew them by their rules or texts alone."""
    if "own_code" in old:
        return bool(old["own_code"] == new["own_code"])
    return not new["own_code"] or old["rules"] in code.rules_before.get(name, ())


def _paths(path: str, old: Any, new: Any) -> Iterator[str]:
    """Each value that differs, as a key path with what it was and is; one that is not stated may have its default."""
    old, new = ({} if one is _ABSENT and isinstance(other, Mapping) else one for one, other in ((old, new), (new, old)))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            yield from _paths(f"{path}.{key}", old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif old != new:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


_ABSENT = object()


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "not stated"
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:36]} ..."


def _reason(found: Comparison) -> str:
    """Why the hash is another one though nothing was changed."""
    return "; ".join(("written otherwise: renamed keys, defaults left out", *found.of_the_product))
