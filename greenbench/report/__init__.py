"""What a result set says: one `Report` value, and views that only format it."""

from greenbench.report.build import build_report
from greenbench.report.data import render_json, report_data, report_schema
from greenbench.report.html import render_html
from greenbench.report.latex import render_latex
from greenbench.report.markdown import render_markdown, write_markdown
from greenbench.report.model import Column, Report, Section, Table
from greenbench.report.pictures import render_svg
from greenbench.report.results import list_results, results_json, results_table
from greenbench.report.sheets import render_csv, write_csv
from greenbench.report.terminal import render_terminal
from greenbench.report.text import inert
from greenbench.report.values import Behind, Interval

__all__ = [
    "Behind",
    "Column",
    "Interval",
    "Report",
    "Section",
    "Table",
    "build_report",
    "inert",
    "list_results",
    "render_csv",
    "render_html",
    "render_json",
    "render_latex",
    "render_markdown",
    "render_svg",
    "render_terminal",
    "report_data",
    "report_schema",
    "results_json",
    "results_table",
    "write_csv",
    "write_markdown",
]
