// The other views: endpoints, models, requests, routing.

import { read } from "./feed.js";
import { h, table, text } from "./dom.js";
import { ago, count, duration, percent, rate, words } from "./format.js";
import { breaker, requestList, state } from "./parts.js";
import { legend } from "./stages.js";

function frame(name, title, lead, ...children) {
  return h("div", { class: `view ${name}` }, h("h1", { tabindex: "-1" }, title), h("p", { class: "lead" }, lead), children);
}

/** Every endpoint with its health, breaker and figures. */
export class Endpoints {
  constructor() {
    this.name = "endpoints";
    this.title = "Endpoints";
    this.extras = { status: "/internal/status/endpoints" };
    this.grid = table("Endpoints", [
      { label: "Endpoint", cell: (one) => h("span", { class: "stack" }, h("b", null, one.name),
        h("small", null, [one.type, one.url].filter(Boolean).join(" · "))) },
      { label: "State", cell: (one) => state(one.state) }, { label: "Breaker", cell: (one) => breaker(one.breaker) },
      { label: "Priority", numeric: true, cell: (one) => count(one.priority) },
      { label: "Models", numeric: true, cell: (one) => count(one.models) },
      { label: "In flight", numeric: true, cell: (one) => count(one.inFlight) },
      { label: "Req/s", numeric: true, cell: (one) => rate(one.rate) },
      { label: "Failed", numeric: true, cell: (one) => percent(one.failedShare) },
      { label: "First byte p50", numeric: true, cell: (one) => duration(one.firstByte50) },
      { label: "p95", numeric: true, cell: (one) => duration(one.firstByte95) },
      { label: "Tokens/s", numeric: true, cell: (one) => rate(one.tokens) },
      { label: "Connections", numeric: true, cell: (one) => `${count(one.active)} + ${count(one.idle)} idle` },
      { label: "Last check", cell: (one) => one.check },
    ], (one) => one.name, "No endpoint is configured. Add one under discovery.static.endpoints and restart.");
    this.note = h("p", { class: "note" });
    this.element = frame("endpoints", "Endpoints",
      "Health as the last check found it; the breaker watches the requests themselves. Figures are of the last 30 s.",
      h("section", { class: "panel" }, this.grid.element, this.note));
  }

  update(feed) {
    const known = new Map((feed.status?.endpoints ?? []).map((one) => [one.name, one]));
    const now = Date.now();
    this.grid.update(feed.endpoints.map((one) => {
      const more = known.get(one.name);
      return {
        ...one, type: more?.type, url: more?.url, priority: more?.priority,
        check: more ? ago(Date.parse(more.health_check_at ?? ""), now) : "–",
      };
    }));
    text(this.note, feed.statusError ? feed.statusError.message : "");
  }
}

/** Every model with where it lives and how it does. */
export class Models {
  constructor() {
    this.name = "models";
    this.title = "Models";
    this.extras = { inventory: "/internal/status/models?detailed=true&group=family" };
    this.grid = table("Models", [
      { label: "Model", cell: (one) => h("span", { class: "stack" }, h("b", null, one.name),
        h("small", null, one.traits || "no details reported")) },
      { label: "Family", cell: (one) => one.family ?? "–" },
      { label: "Endpoints", wide: true, cell: (one) => one.endpoints.join(", ") || "none" },
      { label: "Requests", numeric: true, cell: (one) => count(one.requests) },
      { label: "Req/s", numeric: true, cell: (one) => rate(one.rate) },
      { label: "First token p50", numeric: true, cell: (one) => duration(one.ttft50) },
      { label: "p95", numeric: true, cell: (one) => duration(one.ttft95) },
      { label: "Tokens/s", numeric: true, cell: (one) => rate(one.tokens) },
    ], (one) => one.name, "No model is known yet: endpoints are asked for theirs after their first health check.");
    this.note = h("p", { class: "note" });
    this.element = frame("models", "Models", "One name, wherever the model runs. Figures are of the last 30 s.",
      h("section", { class: "panel" }, this.grid.element, this.note));
  }

  update(feed) {
    const groups = feed.inventory?.model_groups ?? [];
    const figures = feed.models;
    const rows = groups.flatMap((group) => group.models.map((model) => ({
      ...figures.get(model.name), name: model.name, family: model.family, endpoints: model.endpoints ?? [],
      traits: [model.params, model.quant, model.size, (model.aliases ?? []).length ? `also ${model.aliases.join(", ")}` : ""]
        .filter(Boolean).join(" · "),
    })));
    rows.sort((left, right) => (right.requests ?? 0) - (left.requests ?? 0) || left.name.localeCompare(right.name));
    this.grid.update(rows);
    text(this.note, feed.inventoryError ? feed.inventoryError.message : "");
  }
}

const OUTCOMES = [
  ["all", "All outcomes"], ["failed", "Failed"], ["ok", "ok"], ["client_error", "client error"],
  ["client_cancelled", "client cancelled"], ["rate_limited", "rate limited"], ["no_endpoint", "no endpoint"],
  ["upstream_error", "upstream error"], ["upstream_timeout", "upstream timeout"], ["gateway_error", "gateway error"],
];

/** The requests the gateway remembers, to be searched. */
export class Requests {
  constructor(feed) {
    this.name = "requests";
    this.title = "Requests";
    this.feed = feed;
    const wanted = new URLSearchParams(location.search);
    this.search = h("input", {
      type: "search", id: "search", placeholder: "whole id or part of it", autocomplete: "off", spellcheck: "false",
      value: wanted.get("id") ?? "", oninput: () => this.changed(),
    });
    this.outcome = h("select", { id: "outcome", onchange: () => this.changed() },
      OUTCOMES.map(([value, label]) => h("option", { value, selected: value === wanted.get("outcome") }, label)));
    this.sort = h("select", { id: "sort", onchange: () => this.changed() },
      [["newest", "Newest first"], ["slowest", "Slowest first"]].map(([value, label]) =>
        h("option", { value, selected: value === wanted.get("sort") }, label)));
    this.found = h("p", { class: "note", role: "status" });
    this.list = requestList("Requests", "No remembered request matches.");
    this.element = frame("requests-view", "Requests",
      "Each event loop remembers its last 128 requests, and beyond them the failed ones and the slowest of 15 minutes. "
        + "The id is the one in X-Olla-Request-ID and in the log.",
      h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
        h("label", null, "Request id", this.search), h("label", null, "Outcome", this.outcome),
        h("label", null, "Order", this.sort)),
      legend(), h("section", { class: "panel" }, this.found, this.list.element));
  }

  get query() {
    const query = new URLSearchParams();
    if (this.search.value.trim()) query.set("id", this.search.value.trim());
    if (this.outcome.value !== "all") query.set("outcome", this.outcome.value);
    if (this.sort.value !== "newest") query.set("sort", this.sort.value);
    return query;
  }

  get extras() {
    const query = this.query;
    query.set("limit", "100");
    return { found: `/internal/requests?${query}` };
  }

  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const query = this.query.toString();
      history.replaceState(null, "", `/internal/ui/requests${query ? `?${query}` : ""}`);
      this.feed.want(this.extras);
    }, 200);
  }

  update(feed) {
    this.list.update(feed.found, feed.foundError);
    if (feed.found) {
      text(this.found, `${count(feed.found.matching)} of ${count(feed.found.remembered)} remembered requests match.`);
    }
  }
}

const RESULTS = {
  chosen: "goes to", waits: "waits for room", refreshes_models: "has the endpoints asked for their models first",
  rejected: "is refused",
};

/** What an explanation says before its table: the outcome, and what led to it. */
function decision(answer) {
  const { result, endpoint, status, message, routing_strategy: strategy, routing_reason: reason } = answer.decision;
  const tone = { chosen: "good", rejected: "bad" }[result] ?? "warn";
  const rows = [
    ["Balancer", answer.balancer], ["Provider", answer.provider], ["Path behind the prefix", answer.forwarded_path],
    ["Model stage", strategy && `${words(strategy)}: ${reason}`], ["Status", status], ["Message", message],
    ["Session", answer.sticky_session && words(answer.sticky_session.outcome)],
    ["Waiting now", answer.waiting > 0 ? count(answer.waiting) : null],
    ["Try again in", duration(answer.decision.retry_after_seconds)],
  ];
  return h("div", null,
    h("p", { class: "verdict" }, "The request ", h("span", { class: "pill", "data-tone": tone }, RESULTS[result] ?? words(result)),
      endpoint ? [" ", h("b", null, endpoint)] : null),
    h("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "–")
      .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, String(value))))),
    h("p", { class: "note" }, `Score: ${answer.score_meaning}.`));
}

/** Which part an endpoint has in the choice. */
function part(one) {
  if (!one.candidate) return h("span", { class: "pill", "data-tone": "bad" }, words(one.excluded_because));
  if (!one.preferred) return h("span", { class: "pill", "data-tone": "warn" }, "in reserve");
  return h("span", { class: "pill", "data-tone": one.within_bounds ? "good" : "warn" },
    one.within_bounds ? "candidate" : "beyond its share");
}

/** What a request would meet: candidates, exclusions, the choice. */
export class Routing {
  constructor() {
    this.name = "routing";
    this.title = "Routing";
    this.extras = { inventory: "/internal/status/models?detailed=true&group=family" };
    this.path = h("input", {
      type: "text", id: "path", value: "/olla/openai/v1/chat/completions", autocomplete: "off", spellcheck: "false",
    });
    this.model = h("input", { type: "text", id: "model", list: "models", autocomplete: "off", spellcheck: "false" });
    this.models = h("datalist", { id: "models" });
    this.answer = h("div", { id: "explanation", role: "status" },
      h("p", { class: "empty" }, "Ask, and the gateway says which endpoints a request would consider, and why."));
    this.grid = table("Endpoints as this request meets them", [
      { label: "Endpoint", cell: (one) => h("span", { class: "stack" }, h("b", null, one.name), h("small", null, one.type)) },
      { label: "State", cell: (one) => state(one.state) }, { label: "Breaker", cell: (one) => breaker(one.breaker) },
      { label: "Part", cell: (one) => part(one) },
      { label: "Score", numeric: true, cell: (one) => rate(one.score) },
      { label: "Active", numeric: true, cell: (one) =>
        one.max_concurrent_requests > 0 ? `${count(one.active_requests)} of ${count(one.max_concurrent_requests)}`
          : count(one.active_requests) },
      { label: "Back in", numeric: true, cell: (one) => duration(one.retry_after_seconds) },
    ], (one) => one.name, "No endpoint is configured.");
    this.grid.element.hidden = true;
    this.element = frame("routing", "Routing", "Ask what would happen to a request. Nothing is sent to an endpoint.",
      h("form", {
        class: "filters",
        onsubmit: (event) => {
          event.preventDefault();
          this.ask();
        },
      }, h("label", null, "Path", this.path), h("label", null, "Model", this.model, this.models),
      h("button", { type: "submit", class: "tool strong" }, "Explain")),
      h("section", { class: "panel" }, this.answer, this.grid.element));
  }

  async ask() {
    const query = new URLSearchParams({ path: this.path.value });
    if (this.model.value) query.set("model", this.model.value);
    try {
      const answer = await read(`/internal/routing/explain?${query}`);
      this.answer.replaceChildren(decision(answer));
      this.grid.update(answer.endpoints);
      this.grid.element.hidden = false;
    } catch (error) {
      this.answer.replaceChildren(h("p", { class: "hint" }, error.message));
      this.grid.element.hidden = true;
    }
  }

  update(feed) {
    const names = (feed.inventory?.model_groups ?? []).flatMap((group) => group.models.map((model) => model.name));
    if (names.join("\n") === this.names) return;
    this.names = names.join("\n");
    this.models.replaceChildren(...names.map((name) => h("option", { value: name })));
    if (!this.model.value && names.length > 0) this.model.value = names[0];
  }
}
