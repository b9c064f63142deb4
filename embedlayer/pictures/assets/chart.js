"use strict";
// Line charts: <figure data-chart="0"> shows pageData.charts[0], over the tokens or the seconds.

const CHART = { height: 220, left: 56, right: 12, top: 10, bottom: 30 };
const UNITS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

// An SVG element; numbers may be attributes.
function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Three digits and a factor of 1000: 12.3M.
function quantity(number) {
  for (const [factor, unit] of UNITS) {
    if (Math.abs(number) >= 0.9995 * factor) return `${+(number / factor).toPrecision(3)}${unit}`;
  }
  return `${+number.toPrecision(4)}`;
}

function duration(seconds) {
  if (seconds < 120) return `${+seconds.toPrecision(3)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const OVER = {
  tokens: { name: "tokens", text: quantity, tick: quantity },
  seconds: { name: "seconds", text: duration, tick: quantity },
};

// Round numbers between two, about so many.
function ticks(low, high, number) {
  const raw = (high - low) / number;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((one) => one >= raw);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    found.push(+(i * step).toPrecision(12));
  }
  return found;
}

function extent(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
}

class Chart {
  constructor(figure, { title, zero, series }) {
    Object.assign(this, { figure, title, zero, series, over: "tokens", at: null });
    this.box = make("div", { class: "plot" });
    this.note = make("div", { class: "note", role: "status" });
    figure.append(this.box);
    if (series.length > 1) figure.append(this.legend());
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  legend() {
    const entries = this.series.map((one) => make("span", {},
      svg("svg", { width: 24, height: 10, "aria-hidden": "true" },
        svg("line", { class: this.kind(one), x1: 0, x2: 24, y1: 5, y2: 5 })), one.name));
    return make("div", { class: "legend" }, ...entries);
  }

  kind(one) {
    return `series group-${one.group}${one.dashed ? " dashed" : ""}`;
  }

  draw() {
    const width = this.box.clientWidth, xs = this.series.map((one) => one[this.over]).flat();
    if (!width) return;
    const inner = { width: width - CHART.left - CHART.right };
    inner.height = CHART.height - CHART.top - CHART.bottom;
    const [, last] = extent(xs);
    let [low, high] = extent(this.series.map((one) => one.values).flat());
    if (this.zero) low = 0;
    const air = (high - low || Math.abs(high) || 1) * 0.06;
    high += air;
    if (!this.zero) low -= air;
    this.x = (value) => CHART.left + (last ? value / last : 0) * inner.width;
    this.y = (value) => CHART.top + (1 - (value - low) / (high - low)) * inner.height;
    this.picture = svg("svg", {
      width, height: CHART.height, role: "img", tabindex: 0, "aria-label": this.summary(),
    });
    this.axes(width, inner, last, low, high);
    for (const one of this.series) this.line(one);
    this.cursor = svg("g", { class: "cursor" });
    this.picture.append(this.cursor);
    this.picture.addEventListener("pointermove", (event) => this.point(event));
    this.picture.addEventListener("pointerdown", (event) => this.point(event));
    this.picture.addEventListener("pointerleave", () => this.show(null));
    this.picture.addEventListener("blur", () => this.show(null));
    this.picture.addEventListener("keydown", (event) => this.step(event));
    this.box.replaceChildren(this.picture, this.note);
    this.show(null);
  }

  axes(width, inner, last, low, high) {
    for (const value of ticks(low, high, 4)) {
      const y = Math.round(this.y(value)) + 0.5;
      this.picture.append(
        svg("line", { class: "grid", x1: CHART.left, x2: width - CHART.right, y1: y, y2: y }),
        svg("text", { class: "tick", x: CHART.left - 6, y: y + 4, "text-anchor": "end" },
          quantity(value)));
    }
    const bottom = CHART.top + inner.height;
    for (const value of last ? ticks(0, last, Math.max(2, inner.width / 90)) : [0]) {
      const anchor = this.x(value) > width - 40 ? "end" : "middle";
      this.picture.append(svg("text", {
        class: "tick", x: this.x(value), y: bottom + 18, "text-anchor": anchor,
      }, OVER[this.over].tick(value)));
    }
    this.picture.append(svg("line", {
      class: "axis", x1: CHART.left, x2: width - CHART.right, y1: bottom + 0.5, y2: bottom + 0.5,
    }));
  }

  line(one) {
    let path = "", known = 0;
    one.values.forEach((value, i) => {
      if (value === null || one[this.over][i] === null) return;
      path += `${known++ ? "L" : "M"}${this.x(one[this.over][i]).toFixed(1)},${this.y(value).toFixed(1)}`;
    });
    this.picture.append(svg("path", { class: this.kind(one), d: path }));
    if (known > 24) return;
    one.values.forEach((value, i) => {
      if (value === null || one[this.over][i] === null) return;
      const place = { cx: this.x(one[this.over][i]), cy: this.y(value), r: 2.5 };
      this.picture.append(svg("circle", { class: `dot group-${one.group}`, ...place }));
    });
  }

  summary() {
    const ends = this.series.map((one) => {
      const known = one.values.filter((value) => value !== null);
      return known.length
        ? `${one.name} from ${quantity(known[0])} to ${quantity(known.at(-1))}` : one.name;
    });
    return `${this.title}: ${ends.join("; ")}`;
  }

  // Every place where some series has a value, in order.
  places() {
    const all = this.series.map((one) => one[this.over]).flat().filter((at) => at !== null);
    return [...new Set(all)].sort((a, b) => a - b);
  }

  point(event) {
    const x = event.clientX - this.picture.getBoundingClientRect().left;
    const places = this.places();
    const far = (place) => Math.abs(this.x(place) - x);
    this.show(places.reduce((best, one) => (far(one) < far(best) ? one : best), places[0] ?? null));
  }

  step(event) {
    const places = this.places(), by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const now = this.at === null ? (by > 0 ? -1 : places.length) : places.indexOf(this.at);
    this.show(places[Math.min(Math.max(now + by, 0), places.length - 1)] ?? null);
  }

  // The values at a place, of each series its nearest.
  show(place) {
    this.at = place;
    this.cursor.replaceChildren();
    this.note.hidden = place === null;
    if (place === null) return;
    const x = this.x(place), top = CHART.top, bottom = CHART.height - CHART.bottom;
    this.cursor.append(svg("line", { class: "axis", x1: x, x2: x, y1: top, y2: bottom }));
    const lines = [make("strong", {}, `${OVER[this.over].text(place)} ${this.over === "tokens" ? "tokens" : ""}`)];
    for (const one of this.series) {
      const i = nearest(one, this.over, place);
      if (i < 0) continue;
      this.cursor.append(svg("circle", {
        class: `dot group-${one.group}`, cx: this.x(one[this.over][i]), cy: this.y(one.values[i]), r: 4,
      }));
      lines.push(make("span", {}, `${one.name} ${quantity(one.values[i])}`));
    }
    this.note.replaceChildren(...lines);
    const room = this.box.clientWidth - this.note.offsetWidth;
    this.note.style.left = `${Math.max(0, Math.min(room, x > this.box.clientWidth / 2
      ? x - this.note.offsetWidth - 12 : x + 12))}px`;
  }
}

function nearest(one, over, place) {
  let best = -1;
  one[over].forEach((at, i) => {
    if (one.values[i] === null || at === null) return;
    if (best < 0 || Math.abs(at - place) < Math.abs(one[over][best] - place)) best = i;
  });
  return best;
}

const charts = [...document.querySelectorAll("[data-chart]")].map(
  (figure) => new Chart(figure, pageData.charts[figure.dataset.chart]));

for (const button of document.querySelectorAll("[data-over]")) {
  button.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-over]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    for (const chart of charts) {
      chart.over = button.dataset.over;
      chart.draw();
    }
  });
}
