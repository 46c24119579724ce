
"use strict";
/* Draws the report's figures as SVG from the page's data; every text goes in as text. */
const NS = "http://www.w3.org/2000/svg";
const ROW = 30;
const el = (name, attributes, parent, text) => {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const make = (name, attributes, parent, text) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);

/* Round numbers between low and high, about `count` of them. */
const ticks = (low, high, count) => {
  const span = high - low;
  if (!(span > 0) || !isFinite(span)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = power * [1, 2, 5, 10].find((factor) => span / (power * factor) <= count);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return found;
};
const written = (value, kind, step) => {
  const factor = kind === "percent" || kind === "share" ? 100 : 1;
  const decimals = Math.min(8, Math.max(0, -Math.floor(Math.log10(Math.abs(step * factor)) + 1e-9)));
  const size = Math.abs(value * factor);
  if (!isFinite(decimals)) return String(value);
  const digits = size >= 1e7 || (size && size < 1e-6) ? size.toExponential(1) : size.toLocaleString("en-US", {
    minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const signed = kind === "percent" || kind === "change";
  const sign = /[1-9]/.test(digits) ? (value < 0 ? "−" : signed ? "+" : "") : "";
  return sign + digits + (factor === 100 ? " %" : "");
};
const domain = (numbers, also) => {
  const known = [...numbers, ...also].filter((n) => n !== null && isFinite(n));
  let low = known.length ? Math.min(...known) : 0, high = known.length ? Math.max(...known) : 1;
  if (low === high) { const room = Math.abs(low) * 0.1 || 1; low -= room; high += room; }
  const room = (high - low) * 0.06;
  return [low - room, high + room];
};
/* As much of a text as fits, by the width that it has when drawn. */
const fit = (node, width) => {
  const whole = node.textContent;
  if (!node.getComputedTextLength || node.getComputedTextLength() <= width) return;
  let kept = whole.length;
  while (kept > 1 && node.getComputedTextLength() > width) {
    kept = Math.min(kept - 1, Math.floor(kept * width / node.getComputedTextLength()));
    node.textContent = whole.slice(0, Math.max(1, kept)).trimEnd() + "…";
  }
};

/* What a mark says when it is pointed at or focused, and where it leads. */
const tip = () => document.getElementById("tip");
const say = (text, x, y) => {
  const box = tip();
  box.textContent = text;
  box.hidden = false;
  const left = Math.max(6, Math.min(x + 14, innerWidth - box.offsetWidth - 6));
  const below = y + 16 + box.offsetHeight < innerHeight;
  box.style.left = left + "px";
  box.style.top = (below ? y + 16 : Math.max(4, y - box.offsetHeight - 12)) + "px";
};
const hush = () => { tip().hidden = true; };
const open = (behind) => { if (behind !== null && behind !== undefined) location.hash = "trials:" + behind; };
const live = (group, text, behind) => {
  group.setAttribute("tabindex", "-1");
  group.setAttribute("role", "img");
  group.setAttribute("aria-label", text.replaceAll("\n", "; "));
  group.addEventListener("pointermove", (event) => say(text, event.clientX, event.clientY));
  group.addEventListener("pointerleave", hush);
  group.addEventListener("focus", () => {
    const box = group.getBoundingClientRect();
    if (group.matches(":focus-visible")) say(text, box.left + box.width / 2, box.top + box.height / 2);
  });
  group.addEventListener("blur", hush);
  group.addEventListener("click", () => open(behind));
  group.addEventListener("keydown", (event) => { if (event.key === "Enter") open(behind); });
};
/* One tab stop a figure; arrow keys go from mark to mark. */
const walk = (svg) => {
  const marks = [...svg.querySelectorAll(".mark")];
  if (marks.length) marks[0].setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    const here = marks.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") hush();
    if (here < 0 || !step) return;
    event.preventDefault();
    const next = marks[(here + step + marks.length) % marks.length];
    marks[here].setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
};
const canvas = (plot, width, height, label) => {
  plot.querySelector(":scope > svg")?.remove();
  return el("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": label }, plot);
};
const shape = (group, tone, x, y, size) => {
  if (tone === "bad") el("rect", { class: "point", x: x - size * 0.85, y: y - size * 0.85, width: size * 1.7, height: size * 1.7 }, group);
  else if (tone === "good") el("path", { class: "point", d: `M${x - size * 1.15},${y - size * 0.8}h${size * 2.3}l${-size * 1.15},${size * 1.9}z` }, group);
  else el("circle", { class: "point", cx: x, cy: y, r: tone === "quiet" ? size * 0.75 : size * 0.95 }, group);
};
const axisBelow = (svg, axis, at, low, high, from, to, top, bottom) => {
  const found = ticks(low, high, Math.max(3, Math.floor((to - from) / 80)));
  const step = found.length > 1 ? found[1] - found[0] : high - low;
  for (const value of found) {
    const zero = Math.abs(value) < step * 1e-6;
    el("line", { class: zero ? "zero" : "grid", x1: at(value), x2: at(value), y1: top, y2: bottom }, svg);
    el("text", { class: "soft middle", x: at(value), y: bottom + 16 }, svg, written(zero ? 0 : value, axis.kind, step));
  }
  const arrow = axis.better === "less" ? "← better   " : "";
  const title = el("text", { class: "soft middle", x: (from + to) / 2, y: bottom + 34 }, svg, arrow + axis.title + (axis.better === "more" ? "   better →" : ""));
  fit(title, to - from + 2 * Math.min(from, svg.viewBox.baseVal.width - to));
};
const tool = (bar, text, pressed, act) => {
  const button = make("button", { type: "button", "aria-pressed": pressed }, bar, text);
  button.addEventListener("click", () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", now);
    act(now);
  });
  return button;
};
const KEYS = { good: "greener", bad: "costlier", plain: "neither", quiet: "no mutant" };
/* Names the shapes that a figure uses, where there are verdicts at all. */
const key = (bar, marks) => {
  if (!marks.some((mark) => mark.tone === "good" || mark.tone === "bad")) return;
  for (const tone of Object.keys(KEYS)) {
    if (!marks.some((mark) => mark.tone === tone)) continue;
    const item = make("span", { class: "key" }, bar);
    const svg = el("svg", { width: 14, height: 12, viewBox: "0 0 14 12", "aria-hidden": "true" }, item);
    shape(el("g", { class: `mark ${tone}` }, svg), tone, 7, 6, 4.2);
    item.append(KEYS[tone]);
  }
};
const toolbar = (plot) => plot.querySelector(".tools") || make("div", { class: "tools" }, plot);

const MANY = 24;
const drawForest = (plot, figure, state) => {
  const bar = toolbar(plot);
  if (!bar.children.length && figure.marks.length > 1) {
    tool(bar, "sort by size", false, (on) => { state.sorted = on; state.draw(); });
    if (figure.marks.length > MANY) tool(bar, `all ${figure.marks.length}`, false, (on) => { state.all = on; state.draw(); });
    key(bar, figure.marks);
  }
  let marks = figure.marks.slice();
  const size = (mark) => (mark.x ? mark.x[0] : Infinity);
  if (state.sorted) marks.sort((a, b) => size(a) - size(b));
  if (!state.all) marks = marks.slice(0, MANY);
  const width = plot.clientWidth, narrow = width < 460;
  const left = narrow ? 8 : Math.min(240, width * 0.37), right = narrow ? 8 : Math.min(182, width * 0.31);
  const row = narrow ? 44 : ROW, top = 6, bottom = top + row * marks.length + 4;
  const svg = canvas(plot, width, bottom + 42, figure.title);
  const numbers = marks.flatMap((mark) => mark.x || []);
  const [low, high] = domain(numbers, [0, figure.band, figure.band === null ? null : -figure.band]);
  const at = scale(low, high, left + 8, width - right - 8);
  if (figure.band !== null) el("rect", { class: "band", x: at(-figure.band), width: at(figure.band) - at(-figure.band), y: top, height: bottom - top }, svg);
  axisBelow(svg, figure.x, at, low, high, left + 8, width - right - 8, top, bottom);
  marks.forEach((mark, place) => {
    const y = top + row * place + (narrow ? 32 : row / 2);
    const group = el("g", { class: `mark ${mark.tone}` }, svg);
    el("rect", { class: "hit", x: 1, y: top + row * place + 1, width: width - 2, height: row - 2, rx: 4 }, group);
    const label = el("text", narrow ? { x: 10, y: y - 15 } : { x: left - 4, y: y + 4, class: "end" }, group, mark.label);
    fit(label, narrow ? width * 0.52 : left - 8);
    const value = el("text", narrow ? { x: width - 10, y: y - 15, class: "end soft" } : { x: width - right + 2, y: y + 4, class: "soft" }, group, mark.xText);
    fit(value, narrow ? width * 0.46 : right - 2);
    if (mark.x) {
      const [middle, from, to] = mark.x;
      if (from !== null && to !== null) el("line", { class: "whisker", x1: at(from), x2: at(to), y1: y, y2: y }, group);
      shape(group, mark.tone, at(middle), y, 5);
    }
    live(group, [mark.label, mark.xText, mark.word].filter(Boolean).join("\n"), mark.behind);
  });
  walk(svg);
};

/* whether a line from one point to another runs through a box */
const crosses = ([[ax, ay], [bx, by]], box) => {
  for (let step = 0; step <= 60; step++) {
    const px = ax + ((bx - ax) * step) / 60, py = ay + ((by - ay) * step) / 60;
    if (px > box.x && px < box.x + box.w && py > box.y && py < box.y + box.h) return true;
  }
  return false;
};

const drawScatter = (plot, figure, state) => {
  const bar = toolbar(plot);
  if (!bar.children.length) tool(bar, "intervals", true, (on) => { state.bare = !on; state.draw(); });
  if (bar.children.length === 1) key(bar, figure.marks);
  const width = plot.clientWidth, height = Math.max(270, Math.min(380, width * 0.62));
  const left = 70, right = 14, top = 14, bottom = height - 46;
  const svg = canvas(plot, width, height, figure.title);
  const marks = figure.marks.filter((mark) => mark.x && mark.y);
  const shown = (triple) => (state.bare ? [triple[0]] : triple);
  const [lowX, highX] = domain(marks.flatMap((mark) => shown(mark.x)), [0]);
  const [lowY, highY] = domain(marks.flatMap((mark) => shown(mark.y)), [0, figure.margin]);
  const x = scale(lowX, highX, left, width - right), y = scale(lowY, highY, bottom, top);
  axisBelow(svg, figure.x, x, lowX, highX, left, width - right, top, bottom);
  const found = ticks(lowY, highY, 5), step = found.length > 1 ? found[1] - found[0] : 1;
  for (const value of found) {
    const zero = Math.abs(value) < step * 1e-6;
    el("line", { class: zero ? "zero" : "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }, svg);
    el("text", { class: "soft end", x: left - 6, y: y(value) + 4 }, svg, written(zero ? 0 : value, figure.y.kind, step));
  }
  const title = el("text", { class: "soft middle", transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)` }, svg, figure.y.title + (figure.y.better === "more" ? "   better →" : "   ← better"));
  fit(title, bottom - top + 20);
  const taken = [];
  if (figure.margin !== null) {
    el("line", { class: "margin", x1: left, x2: width - right, y1: y(figure.margin), y2: y(figure.margin) }, svg);
    const below = y(figure.margin) + (figure.y.better === "more" ? 14 : -5);
    const said = el("text", { class: "soft end", x: width - right - 2, y: below }, svg, "loss beyond the margin");
    taken.push({ x: width - right - 2 - said.getComputedTextLength(), y: below - 11, w: said.getComputedTextLength(), h: 14 });
  }
  const front = figure.front.map((place) => figure.marks[place]).filter((mark) => mark.x && mark.y).sort((a, b) => a.x[0] - b.x[0]);
  if (front.length > 1) el("path", { class: "front", d: "M" + front.map((mark) => `${x(mark.x[0])},${y(mark.y[0])}`).join("L") }, svg);
  const lines = front.slice(1).map((mark, place) => [front[place], mark].map((m) => [x(m.x[0]), y(m.y[0])]));
  for (const level of [0, figure.margin]) if (level !== null) lines.push([[left, y(level)], [width - right, y(level)]]);
  lines.push([[x(0), top], [x(0), bottom]]);
  const clear = (box) => !lines.some((line) => crosses(line, box));
  const free = (box) => !taken.some((o) => box.x < o.x + o.w && o.x < box.x + box.w && box.y < o.y + o.h && o.y < box.y + box.h);
  for (const mark of marks) taken.push({ x: x(mark.x[0]) - 7, y: y(mark.y[0]) - 7, w: 14, h: 14 });
  for (const mark of marks) {
    const [px, py] = [x(mark.x[0]), y(mark.y[0])];
    const group = el("g", { class: `mark ${mark.tone}` }, svg);
    el("circle", { class: "hit", cx: px, cy: py, r: 13 }, group);
    if (!state.bare) {
      if (mark.x[1] !== null && mark.x[2] !== null) el("line", { class: "thin", x1: x(mark.x[1]), x2: x(mark.x[2]), y1: py, y2: py }, group);
      if (mark.y[1] !== null && mark.y[2] !== null) el("line", { class: "thin", x1: px, x2: px, y1: y(mark.y[1]), y2: y(mark.y[2]) }, group);
    }
    shape(group, mark.tone, px, py, 5);
    live(group, [mark.label, `${figure.x.title}: ${mark.xText}`, `${figure.y.title}: ${mark.yText}`, mark.word].filter(Boolean).join("\n"), mark.behind);
  }
  for (const mark of marks) {
    const [px, py] = [x(mark.x[0]), y(mark.y[0])];
    const label = el("text", { class: "soft named" }, svg, mark.label);
    fit(label, width * 0.4);
    const w = label.getComputedTextLength();
    const places = [[px + 9, py - 7], [px - 9 - w, py - 7], [px + 9, py + 16], [px - 9 - w, py + 16]];
    const box = ([lx, ly]) => ({ x: lx, y: ly - 11, w, h: 14 });
    const fitting = places.filter(([lx, ly]) => lx > left && lx + w < width - 2 && ly > top + 8 && ly < bottom && free(box([lx, ly])));
    const place = fitting.find((at) => clear(box(at))) ?? fitting[0];
    if (place) {
      const ground = el("rect", { class: "ground", x: place[0] - 1, y: place[1] - 10, width: w + 2, height: 13 }, svg);
      svg.insertBefore(ground, label);
      label.setAttribute("x", place[0]);
      label.setAttribute("y", place[1]);
      taken.push({ x: place[0], y: place[1] - 11, w, h: 14 });
    } else label.remove();
  }
  walk(svg);
};

const drawHeatmap = (plot, figure) => {
  const width = plot.clientWidth, narrow = width < 460;
  const left = narrow ? 84 : Math.min(150, width * 0.28), cell = (width - left - 4) / figure.columns.length;
  const row = 34, slanted = cell < 84, top = slanted ? 92 : 26;
  const svg = canvas(plot, width, top + row * figure.rows.length + 6, figure.title);
  figure.columns.forEach((name, column) => {
    const middle = left + cell * (column + 0.5);
    const label = el("text", slanted ? { class: "soft end", transform: `translate(${middle + 3} ${top - 8}) rotate(50)` } : { class: "soft middle", x: middle, y: top - 8 }, svg, name);
    fit(label, slanted ? Math.min(112, middle * 1.5) : cell - 6);
  });
  figure.rows.forEach((name, place) => {
    const y = top + row * place;
    fit(el("text", { class: "end", x: left - 8, y: y + row / 2 + 4 }, svg, name), left - 10);
    figure.columns.forEach((column, number) => {
      const value = figure.values[place][number], x = left + cell * number;
      const group = el("g", { class: "mark cell" }, svg);
      el("rect", { class: value === null ? "none" : value < 0 ? "cold" : "warm", "fill-opacity": value === null ? 1 : 0.06 + 0.6 * Math.abs(value), x: x + 1.5, y: y + 1.5, width: cell - 3, height: row - 3, rx: 4 }, group);
      el("rect", { class: "hit", x: x + 1.5, y: y + 1.5, width: cell - 3, height: row - 3, rx: 4 }, group);
      if (cell > 27) el("text", { class: cell < 44 ? "middle small" : "middle", x: x + cell / 2, y: y + row / 2 + 4 }, group, figure.texts[place][number]);
      live(group, [`${name} with ${column}`, `ρ ${figure.texts[place][number]}`, figure.words[place][number]].filter(Boolean).join("\n"), figure.behind[place]);
    });
  });
  walk(svg);
};

const drawPairs = (plot, figure, state) => {
  const bar = toolbar(plot);
  if (!bar.children.length) {
    for (const name of ["first", "second"]) {
      const key = make("span", {}, bar);
      make("span", { class: `swatch ${name}` }, key);
      key.append(figure[name]);
    }
    if (figure.pairs.length > MANY) tool(bar, `all ${figure.pairs.length}`, false, (on) => { state.all = on; state.draw(); });
  }
  const pairs = state.all ? figure.pairs : figure.pairs.slice(0, MANY);
  const width = plot.clientWidth, narrow = width < 460;
  const left = narrow ? 8 : Math.min(240, width * 0.37), row = narrow ? 44 : ROW, top = 6;
  const bottom = top + row * pairs.length + 4;
  const svg = canvas(plot, width, bottom + 42, figure.title);
  const numbers = pairs.flatMap((pair) => [...(pair.first || []), ...(pair.second || [])]);
  const [low, high] = domain(numbers, [0]);
  const at = scale(low, high, left + 8, width - 16);
  axisBelow(svg, figure.x, at, low, high, left + 8, width - 16, top, bottom);
  pairs.forEach((pair, place) => {
    const y = top + row * place + (narrow ? 32 : row / 2);
    const group = el("g", { class: "mark" }, svg);
    el("rect", { class: "hit", x: 1, y: top + row * place + 1, width: width - 2, height: row - 2, rx: 4 }, group);
    fit(el("text", narrow ? { x: 10, y: y - 15 } : { x: left - 4, y: y + 4, class: "end" }, group, pair.label), narrow ? width - 20 : left - 8);
    if (pair.first && pair.second) el("line", { class: "between", x1: at(pair.first[0]), x2: at(pair.second[0]), y1: y, y2: y }, group);
    for (const [name, shift] of [["first", -3], ["second", 3]]) {
      const found = pair[name];
      if (!found) continue;
      if (found[1] !== null && found[2] !== null) el("line", { class: name, "stroke-width": 1.6, x1: at(found[1]), x2: at(found[2]), y1: y + shift, y2: y + shift }, group);
      if (name === "first") el("circle", { class: name, cx: at(found[0]), cy: y, r: 5 }, group);
      else el("rect", { class: name, x: at(found[0]) - 4.5, y: y - 4.5, width: 9, height: 9 }, group);
    }
    live(group, `${pair.label}\n${figure.first}: ${pair.firstText}\n${figure.second}: ${pair.secondText}`, pair.behind);
  });
  walk(svg);
};

const drawTrace = (plot, figure, state) => {
  const bar = toolbar(plot), steps = figure.series[0].low.length;
  state.off = state.off || new Set();
  state.view = state.view || [0, steps];
  if (!bar.children.length) {
    figure.series.forEach((series, number) => {
      const button = tool(bar, "", true, (on) => { state.off[on ? "delete" : "add"](number); state.draw(); });
      make("span", { class: `swatch s${number % 4}` }, button);
      button.append(series.name);
    });
    const whole = make("button", { type: "button", class: "whole", hidden: "" }, bar, "whole run");
    whole.addEventListener("click", () => { state.view = [0, steps]; state.draw(); });
    if (figure.behind !== null) make("a", { href: "#trials:" + figure.behind }, bar, "trials");
  }
  const [from, to] = state.view;
  bar.querySelector(".whole").hidden = to - from === steps;
  const width = plot.clientWidth, height = 250, left = 52, right = 10, top = 24, bottom = height - 40;
  const svg = canvas(plot, width, height, figure.title);
  const kept = figure.series.map((series, number) => [series, number]).filter(([, number]) => !state.off.has(number));
  const highs = kept.flatMap(([series]) => series.high.slice(from, to)).filter((n) => n !== null);
  const high = highs.length ? Math.max(...highs) * 1.08 || 1 : 1;
  const x = scale(from * figure.step, to * figure.step, left, width - right), y = scale(0, high, bottom, top);
  const inside = (s) => Math.max(left, Math.min(width - right, x(s)));
  for (const span of figure.spans) {
    const [a, b] = [inside(span.start), inside(span.end)];
    if (span.what === "epoch") {
      if (a > left && a < width - right) el("line", { class: "span-epoch", x1: a, x2: a, y1: top, y2: bottom }, svg);
    } else if (b > a) el("rect", { class: `span-${span.what}`, x: a, width: b - a, y: top, height: bottom - top }, svg);
  }
  const train = figure.spans.find((span) => span.what === "train");
  if (train && inside(train.end) - inside(train.start) > 60) el("text", { class: "soft middle", x: (inside(train.start) + inside(train.end)) / 2, y: top - 8 }, svg, "training");
  const found = ticks(0, high, 4), step = found.length > 1 ? found[1] - found[0] : high;
  for (const value of found) {
    el("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }, svg);
    el("text", { class: "soft end", x: left - 6, y: y(value) + 4 }, svg, written(value, "quantity", step));
  }
  const seconds = ticks(from * figure.step, to * figure.step, Math.max(2, Math.floor((width - left) / 80)));
  const each = seconds.length > 1 ? seconds[1] - seconds[0] : 1;
  for (const value of seconds) el("text", { class: "soft middle", x: x(value), y: bottom + 16 }, svg, written(value, "quantity", each));
  el("text", { class: "soft middle", x: (left + width) / 2, y: bottom + 33 }, svg, "Time (s)");
  el("text", { class: "soft", x: 2, y: top - 8 }, svg, "Power (W)");
  for (const [series, number] of kept) {
    const group = el("g", { class: `series s${number % 4}` }, svg);
    let run = [];
    const flush = () => {
      if (!run.length) return;
      const middle = (place) => x((place + 0.5) * figure.step);
      const up = run.map((p) => `${middle(p).toFixed(1)},${y(series.high[p]).toFixed(1)}`);
      const down = run.map((p) => `${middle(p).toFixed(1)},${y(series.low[p]).toFixed(1)}`).reverse();
      el("path", { class: "area", d: `M${[...up, ...down].join("L")}z` }, group);
      el("path", { class: "course", d: `M${run.map((p) => `${middle(p).toFixed(1)},${y((series.low[p] + series.high[p]) / 2).toFixed(1)}`).join("L")}` }, group);
      run = [];
    };
    for (let place = from; place < to; place++) {
      if (series.high[place] === null) flush(); else run.push(place);
    }
    flush();
  }
  const cross = el("line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" }, svg);
  const brush = el("rect", { class: "brush", y: top, height: bottom - top, visibility: "hidden" }, svg);
  const face = el("rect", { class: "mark face", fill: "transparent", x: left, y: top, width: width - left - right, height: bottom - top, tabindex: 0, role: "img",
    "aria-label": `${figure.title}. Arrow keys read the power, plus and minus zoom, Escape shows the whole run.` }, svg);
  let at = null, begun = null;
  const stepAt = (event) => {
    const px = (event.clientX - svg.getBoundingClientRect().left) * (width / svg.getBoundingClientRect().width);
    return Math.max(from, Math.min(to - 1, Math.floor(from + ((px - left) / (width - left - right)) * (to - from))));
  };
  const read = (place, cx, cy) => {
    at = place;
    const px = x((place + 0.5) * figure.step), time = place * figure.step;
    cross.setAttribute("x1", px);
    cross.setAttribute("x2", px);
    cross.setAttribute("visibility", "visible");
    const value = (n) => n.toPrecision(4).replace(/\.?0+$/, "");
    const watts = kept.map(([series]) => {
      const [a, b] = [series.low[place], series.high[place]];
      return `${series.name}: ${a === null ? "–" : a === b ? value(a) + " W" : `${value(a)} to ${value(b)} W`}`;
    });
    const now = figure.spans.filter((span) => span.start <= time + figure.step && time < span.end).map((span) => span.label).slice(0, 4);
    const box = svg.getBoundingClientRect();
    say([`${time.toFixed(figure.step < 0.1 ? 2 : 1)} s${now.length ? ": " + now.join(", ") : ""}`, ...watts].join("\n"), cx ?? box.left + px * (box.width / width), cy ?? box.top + top);
  };
  const zoom = (a, b) => {
    const low = Math.max(0, Math.floor(a)), top = Math.min(steps, Math.ceil(b));
    if (top - low >= 8) { state.view = [low, top]; state.draw(); plot.querySelector(".face").focus({ preventScroll: true }); }
  };
  face.addEventListener("pointermove", (event) => {
    const place = stepAt(event);
    read(place, event.clientX, event.clientY);
    if (begun !== null) {
      const [a, b] = [Math.min(begun, place), Math.max(begun, place) + 1];
      brush.setAttribute("x", x(a * figure.step));
      brush.setAttribute("width", x(b * figure.step) - x(a * figure.step));
      brush.setAttribute("visibility", "visible");
    }
  });
  face.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse") { begun = stepAt(event); face.setPointerCapture(event.pointerId); } });
  face.addEventListener("pointerup", (event) => {
    const place = stepAt(event), first = begun;
    begun = null;
    brush.setAttribute("visibility", "hidden");
    if (first !== null && Math.abs(place - first) >= 4) zoom(Math.min(first, place), Math.max(first, place) + 1);
  });
  const leave = () => { hush(); cross.setAttribute("visibility", "hidden"); };
  face.addEventListener("pointerleave", leave);
  face.addEventListener("blur", leave);
  face.addEventListener("dblclick", () => { state.view = [0, steps]; state.draw(); });
  face.addEventListener("keydown", (event) => {
    const here = at === null ? Math.floor((from + to) / 2) : at, span = to - from;
    const moved = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[event.key];
    if (moved) { event.preventDefault(); read(Math.max(from, Math.min(to - 1, here + moved))); }
    if (event.key === "+" || event.key === "=") zoom(here - span / 4, here + span / 4);
    if (event.key === "-") zoom(from - span / 2, to + span / 2);
    if (event.key === "Escape") { state.view = [0, steps]; state.draw(); plot.querySelector(".face").focus({ preventScroll: true }); }
  });
};

const DRAWERS = { forest: drawForest, scatter: drawScatter, heatmap: drawHeatmap, pairs: drawPairs, trace: drawTrace };
