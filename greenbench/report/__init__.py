"""What a result set says: one `Report` value, and views that only format it."""

from greenbench.report.build import build_report
from greenbench.report.markdown import render_markdown
from greenbench.report.model import Report
from greenbench.report.results import list_results, results_json, results_table
from greenbench.report.terminal import render_terminal
from greenbench.report.text import inert

__all__ = [
    "Report",
    "build_report",
    "inert",
    "list_results",
    "render_markdown",
    "render_terminal",
    "results_json",
    "results_table",
]
