// The first view: is it well, how fast is it, where does the time go, what is slow, what failed.

import { TimeChart } from "./chart.js";
import { attribute, h, table, text } from "./dom.js";
import { count, duration, percent, rate } from "./format.js";
import { breaker, requestList, state } from "./parts.js";
import { bar, byParty, legend, ordered, tableOf } from "./stages.js";

function tile(id, label) {
  const value = h("span", { class: "figure" }, "–");
  const note = h("span", { class: "note" });
  const element = h("div", { class: "tile", id }, h("dt", null, label), h("dd", null, value, note));
  return {
    element,
    update(figure, remark, tone) {
      text(value, figure);
      text(note, remark);
      attribute(element, "data-tone", tone);
    },
  };
}

const QUANTILES = (key) => [
  { key: `${key}50`, label: "p50", tone: "blue" }, { key: `${key}95`, label: "p95", tone: "orange", dash: "dashed" },
  { key: `${key}99`, label: "p99", tone: "red", dash: "dotted" },
];

function charts() {
  return [
    new TimeChart({
      id: "chart-rate", title: "Requests per second", note: "By how they ended.", format: rate, stacked: true,
      series: [
        { key: "ok", label: "ok", tone: "teal" }, { key: "client", label: "client's own", tone: "yellow" },
        { key: "failed", label: "failed", tone: "red" },
      ],
    }),
    new TimeChart({
      id: "chart-errors", title: "Errors per second", note: "What did not end well, by outcome.", format: rate,
      series: [
        { key: "upstream_error", label: "upstream error", tone: "red" },
        { key: "upstream_timeout", label: "upstream timeout", tone: "orange", dash: "dashed" },
        { key: "no_endpoint", label: "no endpoint", tone: "purple", dash: "dotted" },
        { key: "gateway_error", label: "gateway error", tone: "ink" },
        { key: "client_error", label: "client error", tone: "yellow" },
        { key: "client_cancelled", label: "client cancelled", tone: "sky", dash: "dashed" },
        { key: "rate_limited", label: "rate limited", tone: "blue", dash: "dotted" },
      ],
    }),
    new TimeChart({
      id: "chart-ttft", title: "Time to first token", note: "Request read to first content, over 30 s.",
      format: duration, series: QUANTILES("ttft"),
    }),
    new TimeChart({
      id: "chart-overhead", title: "Gateway overhead", note: "What the gateway itself adds, over 30 s.",
      format: duration, series: QUANTILES("overhead"),
    }),
    new TimeChart({
      id: "chart-tokens", title: "Tokens per second", note: "As the endpoints report them.", format: rate,
      series: [
        { key: "output", label: "output", tone: "teal" }, { key: "input", label: "input", tone: "purple", dash: "dashed" },
      ],
    }),
  ];
}

/** Where the time of a mean request goes. */
class StagePanel {
  constructor() {
    this.picture = h("div");
    this.parties = h("p", { class: "lead" });
    this.figures = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Stages, figures" });
    this.empty = h("p", { class: "empty" }, "No request has ended in the last 30 seconds.");
    this.element = h("section", { class: "panel", id: "stages", "aria-labelledby": "stages-title" },
      h("h2", { id: "stages-title" }, "Where the time goes"),
      h("p", { class: "note" }, "The mean request of the last 30 s, hop by hop."),
      this.parties, this.picture, legend(), this.empty, this.figures);
  }

  update(feed) {
    const stages = ordered(feed.stages);
    const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
    this.empty.hidden = total > 0;
    this.figures.hidden = this.parties.hidden = this.picture.hidden = !(total > 0);
    if (!(total > 0)) return;
    const parties = byParty(stages);
    text(this.parties, `${duration(total)} a request: ${percent(parties.endpoint / total)} endpoint, `
      + `${percent(parties.client / total)} client, ${percent(parties.gateway / total)} gateway.`);
    this.picture.replaceChildren(bar(stages, "Mean request"));
    this.figures.replaceChildren(tableOf(stages, "Stages of the mean request"));
  }
}

/** The view. */
export class Overview {
  constructor() {
    this.name = "overview";
    this.title = "Overview";
    this.extras = {
      slowest: "/internal/requests?sort=slowest&limit=6", failed: "/internal/requests?outcome=failed&limit=6",
    };
    this.tiles = {
      rate: tile("tile-rate", "Requests per second"), failed: tile("tile-failed", "Failed"),
      ttft: tile("tile-ttft", "First token, median"), overhead: tile("tile-overhead", "Overhead, median"),
      tokens: tile("tile-tokens", "Output tokens per second"), flight: tile("tile-flight", "In flight"),
    };
    this.charts = charts();
    this.stages = new StagePanel();
    this.fleet = table("Fleet", [
      { label: "Endpoint", cell: (one) => one.name }, { label: "State", cell: (one) => state(one.state) },
      { label: "Breaker", cell: (one) => breaker(one.breaker) },
      { label: "In flight", numeric: true, cell: (one) => count(one.inFlight) },
      { label: "Req/s", numeric: true, cell: (one) => rate(one.rate) },
      { label: "Failed", numeric: true, cell: (one) => percent(one.failedShare) },
      { label: "First byte p95", numeric: true, cell: (one) => duration(one.firstByte95) },
    ], (one) => one.name, "No endpoint is configured. Add one under discovery.static.endpoints.");
    this.slowest = requestList("Slowest requests", "No request is remembered yet.");
    this.failed = requestList("Failed requests", "Nothing failed among the requests remembered.");
    this.hint = h("p", { class: "hint", hidden: true }, "No requests yet. Send one: ",
      h("code", null, `curl ${location.origin}/olla/openai/v1/chat/completions `
        + "-d '{\"model\":\"…\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'"));
    this.element = h("div", { class: "view overview" },
      h("h1", { tabindex: "-1", class: "unseen" }, this.title),
      h("dl", { class: "tiles" }, Object.values(this.tiles).map((one) => one.element)), this.hint,
      h("div", { class: "grid" }, this.charts.map((chart) => chart.element), this.stages.element),
      h("section", { class: "panel", "aria-labelledby": "fleet-title" }, h("h2", { id: "fleet-title" }, "Fleet"),
        this.fleet.element),
      h("div", { class: "grid" },
        h("section", { class: "panel", id: "slowest", "aria-labelledby": "slowest-title" },
          h("h2", { id: "slowest-title" }, "Slowest requests"),
          h("p", { class: "note" }, "Of the last 15 minutes."), this.slowest.element),
        h("section", { class: "panel", id: "failed", "aria-labelledby": "failed-title" },
          h("h2", { id: "failed-title" }, "Failed requests"),
          h("p", { class: "note" }, "By an endpoint or the gateway; what clients lost is under Requests."),
          this.failed.element)));
  }

  update(feed) {
    const now = feed.figures;
    const share = now.rate > 0 ? now.failed / now.rate : now.rate === 0 ? 0 : null;
    this.tiles.rate.update(rate(now.rate), `${count(feed.total)} since start`);
    this.tiles.failed.update(percent(share), `${rate(now.failed)} per second`, share > 0.01 ? "bad" : null);
    this.tiles.ttft.update(duration(now.ttft50), `p99 ${duration(now.ttft99)}`);
    this.tiles.overhead.update(duration(now.overhead50), `p99 ${duration(now.overhead99)}`);
    this.tiles.tokens.update(rate(now.output), `${rate(now.input)} input`);
    this.tiles.flight.update(count(feed.latest?.inFlight), `${count(feed.latest?.retries)} retries since start`);
    this.hint.hidden = !(feed.latest && feed.total === 0);
    for (const chart of this.charts) chart.update(feed.points);
    this.stages.update(feed);
    this.fleet.update(feed.endpoints);
    this.slowest.update(feed.slowest, feed.slowestError);
    this.failed.update(feed.failed, feed.failedError);
  }
}
