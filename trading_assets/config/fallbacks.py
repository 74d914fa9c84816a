"""Which source stands in for which, where one does not answer."""

from __future__ import annotations

from collections.abc import Sequence

from trading_assets.config.remote_sources import AnySource, StoodInFor
from trading_assets.config.sources import SampleSource, SyntheticSource


def stand_ins(sources: Sequence[AnySource]) -> dict[int, int]:
    """Return the place of the source that stands in for another one, by the place of that one.

    Raises
    ------
    ValueError
        A `fallback` names none of the sources, several, one of another class or calendar, one with its own, or one that
        brings nothing new: a simulation, or the sample.
    """
    found = {}
    for place, source in enumerate(sources):
        if not isinstance(source, StoodInFor) or not source.fallback:
            continue
        where = f"market_data[{place}].fallback"
        named = [number for number, each in enumerate(sources) if each.source == source.fallback and number != place]
        if len(named) != 1:
            others = sorted({each.source for number, each in enumerate(sources) if number != place})
            many = "several sources are" if named else "no other source is"
            raise ValueError(f"{where}: {many} {source.fallback!r}; expected one of {', '.join(others) or 'none'}")
        other = sources[named[0]]
        if (other.asset_class, other.calendar) != (source.asset_class, source.calendar):
            raise ValueError(
                f"{where}: {source.fallback!r} is of {other.asset_class} and {other.calendar}; "
                f"expected {source.asset_class} and {source.calendar}"
            )
        if isinstance(other, StoodInFor) and other.fallback:
            raise ValueError(f"{where}: {source.fallback!r} has a fallback of its own; expected a source without one")
        if isinstance(other, SyntheticSource | SampleSource):
            raise ValueError(f"{where}: {source.fallback!r} has no prices of today; expected a vendor or files")
        if other.source == source.source:
            raise ValueError(f"{where}: the bars of both would have the same name, {source.source!r}")
        found[place] = named[0]
    if len(set(found.values())) < len(found):
        raise ValueError("market_data: two sources have the same fallback; its bars would be of both")
    return found


def names_stood_in_for(sources: Sequence[AnySource]) -> dict[str, str]:
    """Return the name of the source that another one stands in for, by the name of that other one.

    An instrument comes from the first, whoever brought its last bars: a running account knows it by that.
    """
    return {sources[second].source: sources[first].source for first, second in stand_ins(sources).items()}
