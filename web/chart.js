// A line or area chart over time, drawn as SVG, with its figures as a table behind it.

import { h, s, text } from "./dom.js";
import { clock } from "./format.js";

const HEIGHT = 168;
const LEFT = 52;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 22;
/** The shortest span of time shown, so that the first points do not fill the whole width. */
const SPAN_MIN = 2 * 60 * 1000;
const ROWS_MAX = 36;

/** A bound above `value` whose half and whole read well. */
function niceCeiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 5, 10].find((candidate) => candidate * power >= value * 1.0001) ?? 10;
  return step * power;
}

/**
 * One chart.
 *
 * `series` are `{key, label, tone, dash}`; `format` makes texts of values; `stacked` piles the series up.
 */
export class TimeChart {
  constructor({ id, title, note, series, format, stacked = false }) {
    Object.assign(this, { title, series, format, stacked });
    this.points = [];
    this.cursor = null;
    this.values = new Map();
    this.moment = h("span", { class: "moment" });
    const legend = h("ul", { class: "legend" }, series.map((one) => {
      const value = h("output", { class: "value" });
      this.values.set(one.key, value);
      return h("li", null, s("svg", { class: "key", viewBox: "0 0 18 10", "aria-hidden": "true" },
        stacked ? s("rect", { x: 1, y: 1, width: 16, height: 8, rx: 2, class: `area ${one.tone}` })
          : s("path", { d: "M0 5H18", class: `line ${one.tone} ${one.dash ?? ""}` })), one.label, " ", value);
    }));
    this.svg = s("svg", {
      class: "chart", role: "img", tabindex: "0", height: HEIGHT,
      onpointermove: (event) => this.point(event), onpointerleave: () => this.move(null),
      onblur: () => this.move(null), onkeydown: (event) => this.key(event),
    });
    this.waiting = h("p", { class: "empty" }, "Two readings make a line: a moment, please.");
    this.body = h("tbody");
    this.details = h("details", { class: "figures", ontoggle: () => this.fillTable() },
      h("summary", null, "Figures", h("span", { class: "unseen" }, ` of ${title}`)),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Figures of ${title}` },
        h("table", null, h("caption", { class: "unseen" }, `${title}, newest first`),
          h("thead", null, h("tr", null, h("th", { scope: "col" }, "Time"),
            series.map((one) => h("th", { scope: "col", class: "number" }, one.label)))), this.body)));
    this.element = h("figure", { class: "panel", id },
      h("figcaption", null, h("h2", null, title), this.moment, h("p", { class: "note" }, note)),
      legend, this.svg, this.waiting, this.details);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Shows points `{time, values}`, oldest first. */
  update(points) {
    this.points = points;
    this.draw();
    this.fillTable();
  }

  get drawable() { return this.points.filter((point) => Object.keys(point.values).length > 0); }

  draw() {
    const width = this.svg.clientWidth || this.element.clientWidth;
    const isEmpty = this.drawable.length === 0;
    this.waiting.hidden = !isEmpty;
    this.svg.toggleAttribute("hidden", isEmpty);
    if (isEmpty || width < 80) return;
    const end = this.points.at(-1).time;
    const start = Math.min(this.points[0].time, end - SPAN_MIN);
    const top = niceCeiling(Math.max(0, ...this.points.map((point) => this.height(point))));
    this.x = (time) => LEFT + (time - start) / (end - start) * (width - LEFT - RIGHT);
    this.y = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
    const parts = [...this.grid(top, start, end, width)];
    if (this.stacked) parts.push(...this.areas());
    else parts.push(...this.lines());
    this.rule = s("path", { class: "rule" });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.svg.setAttribute("aria-label", this.summary());
    this.svg.replaceChildren(...parts, this.rule);
    this.showCursor();
  }

  height(point) {
    const values = this.series.map((one) => point.values[one.key] ?? 0);
    return this.stacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  }

  *grid(top, start, end, width) {
    for (const share of [0, 0.5, 1]) {
      const y = this.y(top * share);
      yield s("path", { class: "grid", d: `M${LEFT} ${y.toFixed(1)}H${width - RIGHT}` });
      yield s("text", { class: "tick end", x: LEFT - 6, y: (y + 4).toFixed(1) }, this.format(top * share));
    }
    const minutes = (end - start) / 60000;
    const step = [0.5, 1, 2, 5].find((candidate) => minutes / candidate <= Math.max(2, width / 110)) ?? 5;
    for (let back = step; back * 60000 < end - start; back += step) {
      const x = this.x(end - back * 60000);
      if (x < LEFT + 14) break;
      yield s("path", { class: "grid faint", d: `M${x.toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}` });
      yield s("text", { class: "tick middle", x: x.toFixed(1), y: HEIGHT - 6 },
        back < 1 ? "30 s" : `${back} min`);
    }
    yield s("text", { class: "tick end", x: width - RIGHT, y: HEIGHT - 6 }, "now");
  }

  /** Runs of points that have a value: a gap ends a line. */
  runs(key) {
    const runs = [[]];
    for (const point of this.points) {
      const value = point.values[key];
      if (value === null || value === undefined) {
        if (runs.at(-1).length > 0) runs.push([]);
      } else {
        runs.at(-1).push([this.x(point.time), value]);
      }
    }
    return runs.filter((run) => run.length > 0);
  }

  *lines() {
    for (const one of this.series) {
      for (const run of this.runs(one.key)) {
        const path = run.map(([x, value], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${this.y(value).toFixed(1)}`);
        if (run.length === 1) path.push("h0.1");
        yield s("path", { class: `line ${one.tone} ${one.dash ?? ""}`, d: path.join("") });
      }
    }
  }

  *areas() {
    const runs = [[]];
    for (const point of this.points) {
      if (Object.keys(point.values).length > 0) runs.at(-1).push(point);
      else if (runs.at(-1).length > 0) runs.push([]);
    }
    for (const run of runs.filter((points) => points.length > 0)) {
      let floor = run.map(() => 0);
      for (const one of this.series) {
        const roof = run.map((point, index) => floor[index] + (point.values[one.key] ?? 0));
        const up = run.map((point, index) =>
          `${index ? "L" : "M"}${this.x(point.time).toFixed(1)} ${this.y(roof[index]).toFixed(1)}`);
        const back = run.map((point, index) =>
          `L${this.x(point.time).toFixed(1)} ${this.y(floor[index]).toFixed(1)}`).reverse();
        yield s("path", { class: `area ${one.tone}`, d: `${up.join("")}${back.join("")}Z` });
        floor = roof;
      }
    }
  }

  /** What the picture says, for those who do not see it. */
  summary() {
    const now = this.drawable.at(-1);
    const parts = this.series.map((one) => `${one.label} ${this.format(now?.values[one.key])}`);
    return `${this.title}, now: ${parts.join(", ")}. Left and right arrows walk through time.`;
  }

  // The cursor: by pointer or by arrow keys.

  point(event) {
    const points = this.drawable;
    if (points.length === 0 || !this.x) return;
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    let nearest = 0;
    points.forEach((point, index) => {
      if (Math.abs(this.x(point.time) - x) < Math.abs(this.x(points[nearest].time) - x)) nearest = index;
    });
    this.move(points[nearest].time);
  }

  key(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    const points = this.drawable;
    if (event.key === "Escape") return this.move(null);
    if (step === undefined || points.length === 0) return;
    event.preventDefault();
    const index = points.findIndex((point) => point.time === this.cursor);
    const from = index < 0 ? points.length - 1 : index;
    this.move(points[Math.min(points.length - 1, Math.max(0, from + step))].time);
  }

  move(time) {
    this.cursor = time;
    this.showCursor();
  }

  showCursor() {
    const points = this.drawable;
    const chosen = points.find((point) => point.time === this.cursor);
    const shown = chosen ?? points.at(-1);
    for (const one of this.series) text(this.values.get(one.key), this.format(shown?.values[one.key]));
    text(this.moment, chosen ? `at ${clock(new Date(chosen.time))}` : "now");
    this.rule?.setAttribute("d", chosen ? `M${this.x(chosen.time).toFixed(1)} ${TOP}V${HEIGHT - BOTTOM}` : "");
  }

  fillTable() {
    if (!this.details.open) return;
    this.body.replaceChildren(...this.drawable.slice(-ROWS_MAX).reverse().map((point) => h("tr", null,
      h("th", { scope: "row" }, clock(new Date(point.time))),
      this.series.map((one) => h("td", { class: "number", "data-raw": point.values[one.key] ?? "" },
        this.format(point.values[one.key]))))));
  }
}
