"""Which source stands in for which, where one does not answer."""

from __future__ import annotations

from collections.abc import Sequence

from trading_assets.config.remote_sources import AnySource, StoodInFor


def stand_ins(sources: Sequence[AnySource]) -> dict[int, int]:
    """Return the place of the source that stands in for another one, by the place of that one.

    Raises
    ------
    ValueError
        A `fallback` names none of the sources, several, one of another class or calendar, or one with its own.
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
        if other.source == source.source:
            raise ValueError(f"{where}: the bars of both would have the same name, {source.source!r}")
        found[place] = named[0]
    if len(set(found.values())) < len(found):
        raise ValueError("market_data: two sources have the same fallback; its bars would be of both")
    return found
