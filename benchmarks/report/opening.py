"""How long a report's page takes to open in Chromium, against a page that holds nothing.

    python benchmarks/report/opening.py RESULTS [--runs 5]

RESULTS is the folder of a result set. The page is opened in a new
tab, in turn with an empty page; `ready` is from the start of the navigation until the page's script
has run to its end, `drawn` until the first figure is drawn, `sorted` what a click on the head of
the list of trials takes. The median of the runs is printed as a Markdown table. Needs the packages of the
tests, Chromium and its driver.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from greenbench.report import build_report, render_html
from greenbench.store import Store

sys.path.append(str(Path(__file__).parents[2] / "tests" / "report"))
from page import Page

EMPTY = "<!doctype html><title>empty</title><script>document.documentElement.dataset.ready='yes'</script>"
DRAWN = "return !document.querySelector('figure') || !!document.querySelector('figure[data-drawn]')"
SORT = """
const table = document.querySelector('#trials .table');
if (!table) return 0;
const begun = performance.now();
table.querySelectorAll('thead button')[6].click();
table.offsetHeight;
return performance.now() - begun;
"""


def opened(page, path):
    begun = time.perf_counter()
    page.open(path)
    ready = time.perf_counter() - begun
    page.js("document.querySelector('figure')?.scrollIntoView({behavior: 'instant'})")
    page.until(DRAWN)
    drawn = time.perf_counter() - begun
    return ready, drawn, page.js(SORT) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    begun = time.perf_counter()
    report = build_report(Store.open(arguments.results, read_only=True))
    built = time.perf_counter() - begun
    begun = time.perf_counter()
    text = render_html(report)
    rendered = time.perf_counter() - begun
    with tempfile.TemporaryDirectory() as folder:
        pages = {"report": Path(folder) / "report.html", "empty": Path(folder) / "empty.html"}
        pages["report"].write_text(text, encoding="utf-8")
        pages["empty"].write_text(EMPTY, encoding="utf-8")
        browser = Page()
        found = {name: [] for name in pages}
        for _ in range(arguments.runs):
            for name, path in pages.items():
                found[name].append(opened(browser, path))
        requests, messages = browser.logs()
        browser.close()
    print(
        f"{report.trials.total:,} trials; analysed in {built:.1f} s, rendered in {rendered:.2f} s\n"
    )
    print("| page | MB | ready (s) | first figure drawn (s) | trials sorted (s) |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, size in (("report", len(text.encode()) / 1e6), ("empty", len(EMPTY) / 1e6)):
        medians = (statistics.median(run[place] for run in found[name]) for place in range(3))
        print(f"| {name} | {size:.2f} | " + " | ".join(f"{value:.3f}" for value in medians) + " |")
    assert not messages, messages
    assert len(requests) <= 1, requests


if __name__ == "__main__":
    main()
