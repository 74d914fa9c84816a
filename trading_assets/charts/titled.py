"""Charts by their titles, which say what there is when one is asked for that is not."""

from __future__ import annotations

import difflib
from typing import Any


class FiguresByTitle(dict[str, Any]):
    """Plotly figures by title, in the order of the page."""

    def __missing__(self, title: str) -> Any:
        """Refuse a title that no chart has.

        Raises
        ------
        KeyError
            With the title that resembles it, if one does, and all others.
        """
        by_words = {each.casefold(): each for each in self}
        close = difflib.get_close_matches(title.casefold(), by_words, n=1, cutoff=0.5)
        hint = f"did you mean {by_words[close[0]]!r}? " if close else ""
        raise KeyError(f"no chart {title!r}; {hint}there are: {', '.join(self)}")
