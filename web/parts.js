// Pieces that several views show: states, outcomes, lists of requests.

import { attribute, h, keyed, text } from "./dom.js";
import { bytes, clock, count, duration, words } from "./format.js";
import { bar, tableOf } from "./stages.js";
import { FAILED } from "./feed.js";

const STATES = {
  healthy: ["good", "●"], busy: ["warn", "◐"], warming: ["warn", "◔"], unhealthy: ["bad", "✕"], offline: ["bad", "✕"],
  rate_limited: ["warn", "◑"], config_error: ["bad", "!"], unknown: ["unknown", "○"],
};

/** A state as mark and word: the colour says nothing that the word does not. */
export function state(name) {
  const [tone, mark] = STATES[name] ?? STATES.unknown;
  return h("span", { class: "pill", "data-tone": tone }, h("span", { "aria-hidden": "true" }, `${mark} `), words(name));
}

/** The state of a breaker. */
export function breaker(name) {
  const tone = { closed: "good", half_open: "warn", open: "bad" }[name] ?? "unknown";
  return h("span", { class: "pill", "data-tone": tone }, words(name));
}

/** The outcome of a request. */
export function outcome(name) {
  const tone = name === "ok" ? "good" : FAILED.includes(name) ? "bad" : "warn";
  return h("span", { class: "pill", "data-tone": tone }, words(name));
}

/** The stages of a request as pairs of name and seconds. */
export function stagesOf(request) {
  return Object.entries(request.stages_us ?? {}).map(([stage, value]) => [stage, value / 1e6]);
}

function facts(request) {
  const rows = [
    ["Request id", request.request_id], ["Time", new Date(request.time).toLocaleString()],
    ["Call", `${request.method} ${request.path}`], ["Route", request.route], ["Status", request.status],
    ["Attempts", request.attempts], ["Stream", request.stream ? "yes" : "no"],
    ["First byte", request.ttfb_ms === undefined ? null : duration(request.ttfb_ms / 1000)],
    ["First token", request.ttft_ms === undefined ? null : duration(request.ttft_ms / 1000)],
    ["Tokens in, out", request.output_tokens === undefined && request.input_tokens === undefined ? null
      : `${count(request.input_tokens)}, ${count(request.output_tokens)}`],
    ["Bytes in, out", `${bytes(request.request_bytes)}, ${bytes(request.response_bytes)}`],
    ["Finish reason", request.finish_reason && words(request.finish_reason)],
    ["Error", request.error && words(request.error)],
    ["Client left in", request.client_gone_stage && words(request.client_gone_stage)],
  ];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, String(value)))));
}

function makeRequest(request) {
  const stages = stagesOf(request);
  const seconds = request.duration_ms / 1000;
  const name = request.model ?? request.path;
  let isFilled = false;
  const more = h("div", { class: "more" });
  return h("details", {
    class: "request",
    ontoggle: () => {
      if (isFilled) return;
      isFilled = true;
      more.append(facts(request), tableOf(stages, "Stages of the request"));
    },
  },
  h("summary", null,
    h("span", { class: "when" }, clock(new Date(request.time))),
    h("span", { class: "what" }, h("b", null, name), h("small", null, request.endpoint ?? "no endpoint")),
    outcome(request.outcome),
    h("span", { class: "span number" }, duration(seconds)),
    bar(stages, "Stages"),
    h("small", { class: "id" }, request.request_id)),
  more);
}

/** A list of requests, each opening into its figures. */
export function requestList(label, emptyText) {
  const list = h("div", { class: "requests", role: "list", "aria-label": label });
  const note = h("p", { class: "empty" }, "Loading …");
  return {
    element: h("div", null, list, note),
    update(answer, error) {
      if (error) {
        text(note, error.message);
        attribute(note, "hidden", false);
        return;
      }
      if (!answer) return;
      keyed(list, answer.requests, (request) => `${request.time} ${request.request_id}`,
        (request) => h("div", { role: "listitem" }, makeRequest(request)));
      text(note, emptyText);
      note.hidden = answer.requests.length > 0;
    },
  };
}
