"""What a spreadsheet would run as a formula, kept as a text: for every CSV file that is written."""

from __future__ import annotations

import re

SIGNS = "=+\\-@＝＋－＠"
"""What begins a formula; full-width signs do so in some."""
RUN = re.compile(rf"^(?=[\t\r\n]|\s*[{SIGNS}])|(?<=[;\t\r\n])(?=[{SIGNS}])")
"""At the start of a cell, and after what parts cells where the comma is the decimal sign."""


def harmless(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would run."""
    return RUN.sub("'", text)
