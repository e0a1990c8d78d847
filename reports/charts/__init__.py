"""Geometry of the charts: numbers in, places out. What they look like stands in ``templates/charts``.

Places along a chart are percentages and places up it are pixels, both ready to be SVG attributes: a chart then fills
whatever width it gets, on a phone and on paper, and its letters keep their size.
"""

from reports.charts.bars import Bar, Bars, sorted_bars
from reports.charts.horizon import Horizon, RuleDate, Series, Week, expiry_horizon
from reports.charts.lifetime import Lifetime, Mark, lifetime
from reports.charts.scan import Cell, Part, progress_parts, shard_grid

__all__ = [
    "Bar",
    "Bars",
    "Cell",
    "Horizon",
    "Lifetime",
    "Mark",
    "Part",
    "RuleDate",
    "Series",
    "Week",
    "expiry_horizon",
    "lifetime",
    "progress_parts",
    "shard_grid",
    "sorted_bars",
]
