r"""A report as LaTeX for `\input`: sections with booktabs tables; foreign text stays text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from greenbench.report.model import Report, Section, Table
from greenbench.report.text import LONGEST, cell_text, inert

HEAD = (
    "% Made by greenbench report --format latex.",
    r"% Needs \usepackage[T1]{fontenc} and \usepackage{booktabs,longtable,array}.",
)
TALL = 35
"""Rows from which on a table may break over pages."""
WIDTH = r"0.34\linewidth"
"""Of a column of texts, some of which are long."""
WIDE_TEXT = 40
ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "-": "{-}",
    "−": r"\ensuremath{-}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "…": r"\dots{}",
    "Δ": r"\ensuremath{\Delta}",
    "δ": r"\ensuremath{\delta}",
    "ε": r"\ensuremath{\varepsilon}",
    "ρ": r"\ensuremath{\rho}",
    "τ": r"\ensuremath{\tau}",
    "µ": r"\ensuremath{\mu}",
    "μ": r"\ensuremath{\mu}",
    "√": r"\ensuremath{\surd}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "→": r"\ensuremath{\rightarrow}",
    "∞": r"\ensuremath{\infty}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "≈": r"\ensuremath{\approx}",
    "·": r"\ensuremath{\cdot}",
    "°": r"\ensuremath{^{\circ}}",
    "²": r"\ensuremath{^{2}}",
    "³": r"\ensuremath{^{3}}",
    "₂": r"\ensuremath{_{2}}",
}


def render_latex(report: Report) -> str:
    """The whole report, the same for the same record, ending in one newline."""
    lines = [*HEAD, "", rf"\section*{{{escape(report.title)}}}", ""]
    for section in report.sections:
        lines += _section(section)
    return "\n".join(lines).rstrip("\n") + "\n"


def escape(text: str, longest: int = LONGEST) -> str:
    """Plain text such that LaTeX sets just that text.

    Letters beyond European ones, which LaTeX's usual fonts lack, are written as code points.
    """
    return "".join(map(_escaped, inert(text, longest)))


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character.isascii() or (character.isalpha() and ord(character) < 0x180):
        return character
    composed = unicodedata.normalize("NFC", character)
    return f"{{[}}U+{ord(composed[0]):04X}{{]}}"


def _section(section: Section) -> Iterator[str]:
    yield from (rf"\subsection*{{{escape(section.title)}}}", "")
    for paragraph in section.paragraphs:
        yield from (escape(paragraph, 10_000), "")
    if section.points:
        yield r"\begin{itemize}"
        yield from (rf"\item {{{escape(point, 10_000)}}}" for point in section.points)
        yield from (r"\end{itemize}", "")
    for table in section.tables:
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    tall = len(table.rows) >= TALL
    texts = [
        [cell_text(cell, column.kind) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]
    layout = "".join(_letter(table, texts, place) for place in range(len(table.columns)))
    caption = rf"\caption{{{escape(table.title)}}}"
    heads = " & ".join(rf"{{{escape(column.title)}}}" for column in table.columns) + r" \\"
    if tall:
        yield from (rf"\begin{{longtable}}{{{layout}}}", caption + r" \\", r"\toprule", heads)
        yield from (r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot")
    else:
        yield from (r"\begin{table}[htbp]", r"\centering", r"\small", caption)
        yield from (rf"\begin{{tabular}}{{{layout}}}", r"\toprule", heads, r"\midrule")
    for row in texts:
        yield " & ".join(rf"{{{escape(text)}}}" for text in row) + r" \\"
    if not tall:
        yield from (r"\bottomrule", r"\end{tabular}")
        yield from (rf"\par\smallskip {{{escape(note, 10_000)}}}" for note in table.notes)
        yield from (r"\end{table}", "")
    else:
        yield r"\end{longtable}"
        yield from (escape(note, 10_000) + r"\par" for note in table.notes)
        yield ""


def _letter(table: Table, texts: list[list[str]], place: int) -> str:
    if table.columns[place].kind != "text":
        return "r"
    longest = max((len(row[place]) for row in texts), default=0)
    return rf">{{\raggedright\arraybackslash}}p{{{WIDTH}}}" if longest > WIDE_TEXT else "l"
