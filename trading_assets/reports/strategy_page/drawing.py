"""The charts of a page, as data that one script draws: Plotly itself stands in a file that all pages share.

What charts have in common, their template and the sessions of their curves, is in the page once; numbers have six
digits, which is more than a screen shows.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Significant digits of a number in a chart.
DIGITS = 6
_CONFIG = {"displayModeBar": False, "responsive": True}
#: Where a trace has its numbers.
_NUMBERS = ("x", "y", "z", "open", "high", "low", "close")
#: A shorter list of sessions or names is written where it is.
_SHARED_LENGTH = 20


@dataclass(frozen=True)
class Chart:
    """Where a chart is drawn, its height in pixels, and what it shows for those who do not see it."""

    identifier: str
    height: int
    label: str


@dataclass
class Drawing:
    """The charts of one page, and what draws them.

    Attributes
    ----------
    axes
        x values that several curves share; a curve names its own by their place.
    template
        What all layouts start from.
    """

    charts: dict[str, dict[str, Any]] = field(default_factory=dict)
    axes: list[Any] = field(default_factory=list)
    template: dict[str, Any] = field(default_factory=dict)
    _place_of: dict[str, int] = field(default_factory=dict)

    def add(self, figure: Figure, identifier: str) -> Chart:
        """Take a figure in, under the identifier of its element."""
        drawn = json.loads(figure.to_json())
        self.template = drawn["layout"].pop("template", {})
        for trace in drawn["data"]:
            for values in _NUMBERS:
                if values in trace:
                    trace[values] = _shortened(trace[values])
            if isinstance(trace.get("x"), list) and len(trace["x"]) >= _SHARED_LENGTH:
                trace["x"] = self._place(trace["x"])
        self.charts[identifier] = drawn
        return Chart(identifier, int(drawn["layout"].get("height") or 320), _label(drawn))

    def _place(self, values: list[Any]) -> int:
        written = json.dumps(values)
        if written not in self._place_of:
            self._place_of[written] = len(self.axes)
            self.axes.append(_as_days(values))
        return self._place_of[written]

    def script(self) -> str:
        """Return the script that draws all charts, for the end of the page."""
        data = {"charts": self.charts, "axes": self.axes, "template": self.template, "config": _CONFIG}
        written = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # no text ends the script
        return f"const page = {written};\n{_DRAW}"


def _as_days(values: list[Any]) -> Any:
    """Days as the first of them and the steps to the next: a fifth of what the dates take; other values as they are."""
    try:
        days = [dt.date.fromisoformat(value) for value in values]
    except (TypeError, ValueError):
        return values
    if [day.isoformat() for day in days] != values:
        return values  # 20200101 can be a name
    return {"first": values[0], "steps": [(later - earlier).days for earlier, later in pairwise(days)]}


def _label(drawn: dict[str, Any]) -> str:
    """Title, unit and names of the traces."""
    title = drawn["layout"].get("title", {})
    said = [title.get("text", ""), title.get("subtitle", {}).get("text", "")]
    names = dict.fromkeys(trace["name"] for trace in drawn["data"] if trace.get("name"))
    return ": ".join(filter(None, (", ".join(filter(None, said)), ", ".join(names))))


_DRAW = """\
if (!window.Plotly) document.querySelector("main").insertAdjacentHTML("afterbegin",
  "<p><b>The charts are not shown: they are drawn by the file plotly-....min.js, which was beside this page. " +
  "`trading-assets report --single-file` writes pages that need no other file.</b></p>");
const axes = page.axes.map(axis => {
  if (!axis.steps) return axis;
  const day = new Date(axis.first);
  return [0, ...axis.steps].map(step => {
    day.setUTCDate(day.getUTCDate() + step);
    return day.toISOString().slice(0, 10);
  });
});
for (const [id, chart] of Object.entries(page.charts)) {
  for (const trace of chart.data) if (typeof trace.x === "number") trace.x = axes[trace.x];
  if (window.Plotly) Plotly.newPlot(id, chart.data, {...chart.layout, template: page.template}, page.config);
}
// A folded chart is drawn at width 0: size it when it is opened.
document.querySelectorAll("details").forEach(d => d.addEventListener("toggle", () =>
  d.querySelectorAll(".js-plotly-plot").forEach(plot => Plotly.Plots.resize(plot))));
// When is not in the page, or the same run would not write the same page: it is the time of the file.
for (const time of document.querySelectorAll("#written"))
  time.textContent = "on " + new Date(document.lastModified).toLocaleString("sv-SE");
window.addEventListener("beforeprint", () =>
  document.querySelectorAll(".js-plotly-plot").forEach(plot => Plotly.Plots.resize(plot)));
"""


def _shortened(values: Any) -> Any:
    if isinstance(values, list):
        return [_shortened(each) for each in values]
    if not isinstance(values, float):
        return values
    short = float(f"{values:.{DIGITS}g}")
    return int(short) if short.is_integer() else short


def shared_script() -> tuple[str, str]:
    """Return the name of the file with Plotly's script, which has its version, and the script."""
    from plotly.offline import get_plotlyjs, get_plotlyjs_version

    return f"plotly-{get_plotlyjs_version()}.min.js", get_plotlyjs()
