"""The HTML report in a real Chromium: figures, tables, keys, themes, widths; and no request."""

import re

import pytest
from page import THEMES, WIDTHS, Page
from simulated import Study, Truth, change, null, simulate
from test_report import NASTY, PAIR

from greenbench.api import Change, Companion, Mutation, Scenario
from greenbench.report import build_report, render_html
from greenbench.report.html import AT_ONCE
from greenbench.store import Store

pytestmark = pytest.mark.browser
TRUTHS = [
    (change("epochs", 5), Truth(energy=0.5, accuracy=-0.004)),
    (change("epochs", 8), Truth(energy=0.8)),
    (change("epochs", 12), Truth(energy=1.2, accuracy=0.002)),
    (change("learning_rate", 0.01), Truth(accuracy=-0.05)),
    (null(), Truth()),
]
OTHER = (Companion(model="other"),)
BESIDE = Scenario(kind="foreground", companions=OTHER)
MIXED = Scenario(kind="mixed", companions=OTHER)
KINDS = {"forest", "scatter", "heatmap", "pairs", "trace"}
MARKS = "return [...arguments[0].querySelectorAll('.plot > svg .mark')].length"


@pytest.fixture(scope="module")
def browser():
    page = Page()
    yield page
    page.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A result set with everything that a page can draw, and more trials than it shows at once."""
    folder = tmp_path_factory.mktemp("page") / "set"
    studies = [
        Study(TRUTHS, blocks=8),
        Study(TRUTHS, blocks=8, scenario=PAIR),
        Study(TRUTHS[:1], blocks=3, scenario=BESIDE),
        Study(TRUTHS[:1], blocks=3, scenario=MIXED),
        Study(model="other", blocks=3),
    ]
    simulate(folder, studies, traced=True).close()
    return folder


@pytest.fixture(scope="module")
def report(folder):
    return build_report(Store.open(folder, read_only=True))


@pytest.fixture(scope="module")
def path(report, folder):
    path = folder / "report.html"
    path.write_text(render_html(report), encoding="utf-8")
    return path


def plots(browser):
    return browser.js("return [...document.querySelectorAll('figure[data-figure]')]")


def column(browser, table, place):
    """The raw values of a column's cells, as shown from top to bottom."""
    return browser.js(
        "return [...arguments[0].querySelectorAll('tbody tr')]"
        ".map(row => row.cells[arguments[1]].dataset.v ?? row.cells[arguments[1]].textContent)",
        table,
        place,
    )


def table_of(browser, title):
    return browser.js(
        "return [...document.querySelectorAll('div.table')]"
        ".find(t => t.querySelector('h3').textContent === arguments[0])",
        title,
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
def test_every_figure_is_drawn_in_both_themes_and_widths(browser, path, report, theme, width):
    browser.open(path, width=width, theme=theme)
    browser.draw_all()
    drawn = plots(browser)
    figures = [figure for section in report.sections for figure in section.figures]
    assert {figure.kind for figure in figures} == KINDS
    pairs = {figure.title for figure in figures if figure.kind == "pairs"}
    assert pairs == {
        "Energy of one training: mlp, homogeneous ×2 beside mlp, solo",
        f"Time of one training: mlp, {BESIDE} beside mlp, solo",
        f"Energy of the cohort for its work: mlp, {MIXED}",
        f"Time of one training: mlp, {MIXED} beside mlp, solo",
    }
    assert len(drawn) == len(figures)
    for element, figure in zip(drawn, figures, strict=True):
        assert browser.js(MARKS, element) >= 1, figure.title
        inside = browser.js(
            "const box = arguments[0].querySelector('.plot > svg').getBoundingClientRect();"
            "return [box.width, box.height, [...arguments[0].querySelectorAll('.plot > svg text')]"
            ".map(t => t.getBoundingClientRect()).every(b => b.left >= -1 && b.right <= innerWidth + 1)]",
            element,
        )
        assert inside[0] > 250, figure.title
        assert inside[1] > 60, figure.title
        assert inside[2], f"a text of {figure.title} leaves the page"
        bad = browser.js(
            "return [...arguments[0].querySelectorAll('.plot > svg *')].flatMap(e => [...e.attributes])"
            ".filter(a => /NaN|Infinity|undefined/.test(a.value)).map(a => a.value)",
            element,
        )
        assert bad == [], figure.title
    assert browser.js("return document.documentElement.scrollWidth") <= width
    ground = browser.js("return getComputedStyle(document.documentElement).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) / 3
    assert light > 200 if theme == "light" else light < 60
    requests, messages = browser.logs()
    assert requests == [path.as_uri()]
    assert messages == []


def contrast(one, two):
    """WCAG 2.2's contrast ratio of two rgb() texts."""

    def luminance(text):
        parts = [int(n) / 255 for n in re.findall(r"\d+", text)[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
def test_texts_stand_out_from_their_ground(browser, path, theme):
    browser.open(path, theme=theme)
    browser.draw_all()
    ground = browser.js("return getComputedStyle(document.documentElement).backgroundColor")
    for selector in ("main p", ".note", "nav a", ".word.good", ".word.bad", "svg .soft", "h2"):
        style = "fill" if selector.startswith("svg") else "color"
        colour = browser.js(
            f"return getComputedStyle(document.querySelector(arguments[0])).{style}", selector
        )
        assert contrast(colour, ground) >= 4.5, selector


def test_the_switch_overrules_the_system(browser, path):
    browser.open(path, theme="light")
    ground = "return getComputedStyle(document.documentElement).backgroundColor"
    button = browser.js("return document.querySelector('.theme')")
    before = browser.js(ground)
    seen = []
    for _ in range(3):
        button.click()
        seen.append((button.text.split()[-1], browser.js(ground)))
    assert [name for name, _ in seen] == ["light", "dark", "auto"]
    assert seen[0][1] == seen[2][1] == before != seen[1][1]


def test_tables_sort(browser, path):
    browser.open(path)
    table = table_of(browser, "mlp, solo: energy")
    planned = column(browser, table, 2)
    heads = browser.js("return [...arguments[0].querySelectorAll('thead button')]", table)
    browser.js("arguments[0].click()", heads[2])
    up = [float(v) for v in column(browser, table, 2)]
    assert up == sorted(up)
    assert up != [float(v) for v in planned]
    head = browser.js("return arguments[0].querySelectorAll('thead th')[2]", table)
    assert head.get_attribute("aria-sort") == "ascending"
    browser.js("arguments[0].click()", heads[2])
    assert [float(v) for v in column(browser, table, 2)] == up[::-1]
    browser.js("arguments[0].click()", heads[2])
    assert column(browser, table, 2) == planned
    assert head.get_attribute("aria-sort") is None
    browser.js("arguments[0].click()", heads[0])
    names = column(browser, table, 0)
    assert names[:3] == ["epochs: 10 → 5", "epochs: 10 → 8", "epochs: 10 → 12"], "numbers by size"
    browser.js("arguments[0].click()", heads[3])
    assert column(browser, table, 3)[-1] == "–", "what is not known comes last"


def test_tables_filter_and_show_more(browser, path, report):
    browser.open(path)
    table = table_of(browser, "The trials")
    total = len(report.trials.table.rows)
    assert total > AT_ONCE
    shown = "return arguments[0].querySelectorAll('tbody tr').length"
    assert browser.js(shown, table) == AT_ONCE
    field = browser.js("return arguments[0].querySelector('input')", table)
    field.send_keys("epochs solo")
    assert browser.js(shown, table) == 3 * 8
    assert f"24 of 24 rows that match, of {total}" in table.text
    field.clear()
    field.send_keys(" ")
    more = browser.js("return arguments[0].querySelector('.shown button')", table)
    browser.js("arguments[0].click()", more)
    assert browser.js(shown, table) == total
    field.send_keys("no such thing")
    assert browser.js(shown, table) == 0


def test_a_number_leads_to_the_trials_behind_it(browser, path):
    browser.open(path)
    table = table_of(browser, "mlp, solo: energy")
    rows = browser.js("return [...arguments[0].querySelectorAll('tbody tr')]", table)
    first = next(row for row in rows if row.text.startswith("epochs: 10 → 5"))
    number = browser.js("return arguments[0].cells[2].querySelector('a')", first)
    browser.js("arguments[0].click()", number)
    trials = table_of(browser, "The trials")
    browser.until("return !document.querySelector('.chosen').hidden")
    arms = column(browser, trials, 2)
    assert sorted(set(arms)) == ["epochs: 10 → 5", "original"]
    assert len(arms) == 8 + 2 * 8
    assert set(column(browser, trials, 1)) == {"mlp, solo"}
    chosen = browser.js("return document.querySelector('.chosen').textContent")
    assert "mlp, solo: epochs: 10 → 5 and original" in chosen
    browser.driver.back()
    browser.until("return document.querySelector('.chosen').hidden")
    assert len(column(browser, trials, 2)) == AT_ONCE


def test_a_number_of_co_location_leads_to_the_trials_of_both_studies(browser, path):
    browser.open(path)
    table = table_of(browser, f"Deltas in both: mlp, {MIXED} beside mlp, solo")
    browser.js("arguments[0].querySelector('tbody td a').click()", table)
    browser.until("return !document.querySelector('.chosen').hidden")
    trials = table_of(browser, "The trials")
    found = list(zip(*(column(browser, trials, place) for place in (1, 2)), strict=True))
    arms = {("mlp, solo", 8), (f"mlp, {MIXED}", 3)}
    for study, blocks in arms:
        assert found.count((study, "epochs: 10 → 5")) in (blocks, 2 * blocks)
        assert (study, "original") in found
    assert {study for study, _ in found} == {study for study, _ in arms}
    browser.draw_all()
    mark = browser.js(
        "const figure = [...document.querySelectorAll('figure')]"
        ".find(f => f.textContent.includes('Energy of the cohort'));"
        "return figure.querySelector('.mark')"
    )
    browser.js("arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true}))", mark)
    chosen = "return document.querySelector('.chosen').textContent"
    browser.until("return document.querySelector('.chosen').textContent.includes('other, solo')")
    assert f"mlp, {MIXED}: original; mlp, solo: original; other, solo: original" in browser.js(
        chosen
    )


def test_keys_alone_reach_marks_traces_and_tables(browser, path):
    from selenium.webdriver.common.keys import Keys

    browser.open(path)
    browser.draw_all()
    browser.js("document.querySelector('figure .mark[tabindex=\"0\"]').focus()")
    active = "return document.activeElement.getAttribute('aria-label')"
    first = browser.js(active)
    assert first.startswith("epochs: 10 → 5; −")
    browser.press(Keys.ARROW_DOWN)
    assert browser.js(active).startswith("epochs: 10 → 8; −")
    tip = "const t = document.getElementById('tip'); return t.hidden ? '' : t.textContent"
    assert browser.js(tip).startswith("epochs: 10 → 8\n−")
    browser.press(Keys.ESCAPE)
    assert browser.js(tip) == ""
    browser.press(Keys.ENTER)
    browser.until("return location.hash.startsWith('#trials:')")
    browser.until("return document.activeElement.matches('#trials h2')")
    browser.js("document.querySelector('thead button').focus()")
    browser.press(Keys.ENTER)
    assert browser.js("return document.querySelector('thead th').getAttribute('aria-sort')")
    unreachable = browser.js(
        "return [...document.querySelectorAll('button, input, summary')].filter(e => e.tabIndex < 0).length"
    )
    assert unreachable == 0


def test_a_trace_is_read_zoomed_and_its_channels_hidden(browser, path):
    from selenium.webdriver.common.keys import Keys

    browser.open(path)
    browser.draw_all()
    figure = browser.js("return document.querySelector('.face').closest('figure')")
    courses = "return arguments[0].querySelectorAll('.series').length"
    points = "return arguments[0].querySelector('.course').getAttribute('d').split('L').length"
    whole = browser.js(points, figure)
    assert browser.js(courses, figure) == 2
    assert browser.js("return arguments[0].querySelectorAll('.span-train').length", figure) == 1
    assert browser.js("return arguments[0].querySelectorAll('.span-epoch').length", figure) >= 5
    browser.js("arguments[0].querySelector('.face').focus()", figure)
    browser.press(Keys.ARROW_RIGHT)
    tip = browser.js("return document.getElementById('tip').textContent")
    assert re.search(r"^\d+\.\d s: training.*epoch \d+", tip)
    assert re.search(r"gpu/0: [\d.]+( to [\d.]+)? W", tip)
    browser.press("+")
    assert browser.js(points, figure) == pytest.approx(whole / 2, abs=2)
    browser.press(Keys.ESCAPE)
    assert browser.js(points, figure) == whole
    browser.js("arguments[0].querySelector('.tools button').click()", figure)
    assert browser.js(courses, figure) == 1


def test_figures_answer_their_switches(browser, path):
    browser.open(path)
    browser.draw_all()
    forest = plots(browser)[0]
    labels = "return [...arguments[0].querySelectorAll('.plot > svg .mark')].map(m => m.ariaLabel)"
    planned = browser.js(labels, forest)
    browser.js("arguments[0].querySelector('.tools button').click()", forest)
    by_size = [
        float(re.search(r"([−+]?\d+\.\d) %", text)[1].replace("−", "-"))
        for text in browser.js(labels, forest)
    ]
    assert by_size == sorted(by_size)
    assert browser.js(labels, forest) != planned


def test_hostile_names_do_nothing_on_the_page(browser, tmp_path):
    mutation = Mutation("optimizer", (Change("optimizer", "sgd", NASTY + "</script><img src=x>"),))
    bad = '"><img src=http://e.x/p onerror=alert(1)>' + NASTY
    store = simulate(
        tmp_path / "set",
        [Study([(mutation, Truth(energy=0.5)), (null(), Truth())], model=bad, blocks=5)],
        outcomes={0: {"status": "failed", "error": bad}},
        facts={"suite_name": bad, "suite_description": bad},
        traced=True,
    )
    page = tmp_path / "report.html"
    text = render_html(build_report(store))
    page.write_text(text, encoding="utf-8")
    assert "\u202e" not in text
    assert "\x1b" not in text
    browser.open(page)
    browser.draw_all()
    found = browser.js(
        "return [document.scripts.length, document.images.length, document.querySelectorAll('b').length,"
        " document.title, document.querySelector('.plot > svg .mark text').textContent]"
    )
    assert found[:3] == [2, 0, 0]
    assert found[3].startswith('greenbench: "><img src=http://e.x/p onerror=alert(1)>a|b <script>')
    assert found[4].startswith("optimizer: sgd → a|b")
    requests, messages = browser.logs()
    assert requests == [page.as_uri()]
    assert messages == []


@pytest.mark.parametrize("empty", ["nothing ran", "all failed", "no noise", "infinite energy"])
def test_poor_records_make_a_page_without_errors(browser, tmp_path, empty):
    from test_report import BAD

    page = tmp_path / "report.html"
    page.write_text(render_html(build_report(simulate(tmp_path / "set", **BAD[empty]))))
    browser.open(page, width=375)
    browser.draw_all()
    assert browser.logs() == ([page.as_uri()], [])
    assert "Summary" in browser.js("return document.body.innerText")


def test_a_notebook_shows_the_page_in_a_sealed_frame(browser, report, tmp_path):
    notebook = tmp_path / "notebook.html"
    notebook.write_text(
        f"<!doctype html><meta charset=utf-8><body>{report._repr_html_()}", encoding="utf-8"
    )
    browser.logs()
    browser.driver.get(notebook.as_uri())
    frame = browser.js("return document.querySelector('iframe')")
    assert frame.get_attribute("sandbox") == "allow-scripts"
    browser.driver.switch_to.frame(frame)
    browser.until("return document.documentElement.dataset.ready === 'yes'")
    browser.js("document.querySelector('figure').scrollIntoView()")
    browser.until("return document.querySelectorAll('.plot > svg .mark').length > 3")
    browser.driver.switch_to.default_content()
    requests, messages = browser.logs()
    assert {request for request in requests if not request.startswith("about:")} == {
        notebook.as_uri()
    }
    assert messages == []
    assert report._repr_markdown_().startswith("# greenbench: simulated")
