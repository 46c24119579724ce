
/* What moves on the page: themes, figures as they come into view, tables, and the trials behind numbers. */
document.documentElement.classList.add("scripted");
const data = JSON.parse(document.getElementById("data").textContent);

/* --- themes --- */
const THEMES = ["auto", "light", "dark"];
const remembered = (value) => {
  try {
    if (value === undefined) return localStorage.getItem("greenbench-theme");
    localStorage.setItem("greenbench-theme", value);
  } catch { /* a file or a sealed frame may have no storage */ }
  return null;
};
const themeButton = document.querySelector(".theme");
const showTheme = (theme) => {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.dataset.now = theme;
  themeButton.querySelector(".name").textContent = theme;
  themeButton.setAttribute("aria-label", theme === "auto" ? "Colours: as the system has them" : `Colours: ${theme}`);
};
themeButton.addEventListener("click", () => {
  const next = THEMES[(THEMES.indexOf(themeButton.dataset.now) + 1) % THEMES.length];
  showTheme(next);
  remembered(next);
});
showTheme(THEMES.includes(remembered()) ? remembered() : "auto");

/* --- figures: drawn when they come near the window, and again when their room changes --- */
const states = new Map();
const near = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    const plot = entry.target, figure = data.figures[plot.parentElement.dataset.figure];
    const state = { width: 0, draw() { this.width = plot.clientWidth; DRAWERS[figure.kind](plot, figure, this); } };
    states.set(plot, state);
    state.draw();
    plot.parentElement.dataset.drawn = "yes";
    resized.observe(plot);
  }
}, { rootMargin: "600px" });
const resized = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const state = states.get(target);
    if (state && target.clientWidth && Math.abs(target.clientWidth - state.width) > 1) state.draw();
  }
});
for (const plot of document.querySelectorAll(".plot")) near.observe(plot);
addEventListener("beforeprint", () => { for (const plot of document.querySelectorAll(".plot")) if (!states.has(plot)) near.observe(plot); });

/* --- tables: sort by a click on a head, filter by words, a page of rows at a time --- */
const AT_ONCE = 40;
const tables = new Map();
class Table {
  constructor(box) {
    this.box = box;
    this.body = box.querySelector("tbody");
    this.heads = [...box.querySelectorAll("thead th")];
    this.status = box.querySelector(".shown");
    this.limit = AT_ONCE;
    this.order = null;
    this.words = [];
    this.groups = null;
    this.heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => this.sort(column)));
    const input = box.querySelector(".filter input");
    if (input) input.addEventListener("input", () => this.filter(input.value));
  }
  /* All rows, those kept aside too; taken up when they are first needed. */
  rows() {
    if (!this.every) {
      const aside = this.box.querySelector("template");
      this.every = [...this.body.rows, ...(aside ? aside.content.querySelectorAll("tr") : [])];
    }
    return this.every;
  }
  sort(column) {
    const again = this.order && this.order.column === column;
    this.order = again && this.order.down ? null : { column, down: again };
    this.heads.forEach((head, place) => {
      if (this.order && place === column) head.setAttribute("aria-sort", this.order.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.show();
  }
  filter(text) {
    this.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.limit = AT_ONCE;
    this.show();
  }
  only(groups) {
    this.groups = groups;
    this.limit = AT_ONCE;
    this.show();
  }
  show() {
    let rows = this.rows();
    if (this.groups) rows = rows.filter((row) => this.groups.has(Number(row.dataset.g)));
    if (this.words.length) {
      rows = rows.filter((row) => {
        const text = (row.known ??= row.textContent.toLowerCase().replaceAll("−", "-"));
        return this.words.every((word) => text.includes(word.replaceAll("−", "-")));
      });
    }
    if (this.order) rows = sorted(rows, this.order.column, this.order.down);
    this.body.replaceChildren(...rows.slice(0, this.limit));
    const shown = Math.min(rows.length, this.limit), all = this.rows().length;
    this.status.textContent = shown < all ? `${shown} of ${rows.length < all ? `${rows.length} rows that match, of ${all}` : `${all} rows`}` : "";
    if (shown < rows.length) {
      const more = make("button", { type: "button" }, this.status, `show ${Math.min(1000, rows.length - shown)} more`);
      more.addEventListener("click", () => { this.limit += 1000; this.show(); });
    }
  }
}
const collator = new Intl.Collator("en", { numeric: true });
/* Numbers by value, texts by reading order, what is not known last either way. */
const sorted = (rows, column, down) => {
  const keyed = rows.map((row) => {
    const cell = row.cells[column];
    const text = cell.textContent;
    return { row, text, number: cell.dataset.v === undefined ? null : Number(cell.dataset.v), unknown: text === "–" || text === "" };
  });
  keyed.sort((a, b) => {
    if (a.unknown !== b.unknown) return a.unknown ? 1 : -1;
    const found = a.number !== null && b.number !== null ? a.number - b.number || 0
      : a.number !== null ? -1 : b.number !== null ? 1 : collator.compare(a.text, b.text);
    return down && (a.number === null) === (b.number === null) ? -found : found;
  });
  return keyed.map((item) => item.row);
};
for (const box of document.querySelectorAll("div.table")) tables.set(box, new Table(box));

/* --- the trials behind a number: #trials:3 --- */
const chosen = document.querySelector(".chosen");
const follow = () => {
  const section = document.getElementById("trials");
  if (!section) return;
  const found = /^#trials:(\d+)$/.exec(location.hash);
  const selection = found ? data.behind[Number(found[1])] : null;
  const table = tables.get(section.querySelector("div.table"));
  if (!selection && !table.groups) return;
  table.only(selection ? new Set(selection.groups) : null);
  chosen.hidden = !selection;
  chosen.querySelector(".what").textContent = selection ? `Behind that number: ${selection.label}.` : "";
  if (selection) {
    section.scrollIntoView();
    const title = section.querySelector("h2");
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
  }
};
addEventListener("hashchange", follow);
follow();

/* --- which section is being read --- */
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.getAttribute("href").slice(1), link]));
const reading = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of document.querySelectorAll("main > section")) reading.observe(section);
document.documentElement.dataset.ready = "yes";
