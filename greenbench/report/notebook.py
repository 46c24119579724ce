"""How a report shows itself as the last value of a notebook's cell."""

from __future__ import annotations

from dataclasses import dataclass

from greenbench.report.html import render_frame
from greenbench.report.markdown import render_markdown
from greenbench.report.model import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReport(Report):
    """A `Report` with the faces that notebooks ask for."""

    def _repr_html_(self) -> str:
        """The page, in a frame of its own."""
        return render_frame(self)

    def _repr_markdown_(self) -> str:
        """For what shows no HTML."""
        return render_markdown(self)
