// swift-format-ignore-file
// Written by web/build.py from web/stages.js.

extension DashboardAssets {
    static let stagesJs = DashboardAsset(
        path: "assets/stages.e8c6c94b4851cafe.js", mediaType: "text/javascript; charset=utf-8", freshness: .immutable, tag: "e8c6c94b4851cafe",
        text: ##"""
// Where a request's time went: one bar, a colour per party, a shade per stage.

import { h, s } from "./dom.9aa1d63f3e2db2df.js";
import { duration, percent, words } from "./format.6236191524db47a2.js";

/** The stages in the order of a request's life, with the party that is waited for. */
export const STAGES = [
  ["read_head", "client"], ["read_body", "client"], ["inspect", "gateway"], ["admit", "gateway"],
  ["queue", "gateway"], ["route", "gateway"], ["translate_request", "gateway"], ["acquire", "endpoint"],
  ["send", "endpoint"], ["wait", "endpoint"], ["stream", "endpoint"], ["translate_response", "gateway"],
  ["write_response", "client"], ["finish", "gateway"],
];

const PARTY = new Map(STAGES);
const ORDER = new Map(STAGES.map(([stage], position) => [stage, position]));

/** The party of a stage; a stage this page does not know counts as the gateway's. */
export function partyOf(stage) {
  return PARTY.get(stage) ?? "gateway";
}

/** Stages with their seconds, in the order of a request's life, without those that took no time. */
export function ordered(pairs) {
  return pairs
    .filter(([, seconds]) => seconds > 0)
    .sort((left, right) => (ORDER.get(left[0]) ?? 99) - (ORDER.get(right[0]) ?? 99));
}

/** Seconds by party. */
export function byParty(pairs) {
  const sums = { client: 0, gateway: 0, endpoint: 0 };
  for (const [stage, seconds] of pairs) sums[partyOf(stage)] += seconds;
  return sums;
}

/** A bar of stages; its text tells the longest ones to those who do not see it. */
export function bar(pairs, label) {
  const stages = ordered(pairs);
  const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
  const longest = [...stages].sort((left, right) => right[1] - left[1]).slice(0, 3)
    .map(([stage, seconds]) => `${words(stage)} ${duration(seconds)}`).join(", ");
  let x = 0;
  const pieces = stages.map(([stage, seconds]) => {
    const width = total > 0 ? seconds / total * 100 : 0;
    const piece = s("rect", {
      x: x.toFixed(3), y: 0, width: width.toFixed(3), height: 1, class: `stage ${partyOf(stage)} ${stage}`,
    }, s("title", null, `${words(stage)}: ${duration(seconds)} (${percent(seconds / total)})`));
    x += width;
    return piece;
  });
  return s("svg", {
    class: "stagebar", viewBox: "0 0 100 1", preserveAspectRatio: "none", role: "img",
    "aria-label": total > 0 ? `${label}: ${longest}` : `${label}: no time recorded`,
  }, pieces);
}

/** What the colours mean. */
export function legend() {
  return h("ul", { class: "legend parties", "aria-label": "Colours of the bars" },
    ["client", "gateway", "endpoint"].map((party) =>
      h("li", null, h("span", { class: `swatch ${party}` }), `waiting for the ${party}`)));
}

/** The stages as a table: the text behind a bar. */
export function tableOf(pairs, caption) {
  const stages = ordered(pairs);
  const total = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
  return h("table", { class: "stages" }, h("caption", { class: "unseen" }, caption),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Stage"), h("th", { scope: "col" }, "Waits for"),
      h("th", { scope: "col", class: "number" }, "Time"), h("th", { scope: "col", class: "number" }, "Share"))),
    h("tbody", null, stages.map(([stage, seconds]) => h("tr", null,
      h("th", { scope: "row" }, h("span", { class: `swatch ${partyOf(stage)}` }), words(stage)),
      h("td", null, partyOf(stage)), h("td", { class: "number" }, duration(seconds)),
      h("td", { class: "number" }, percent(seconds / total))))));
}

"""##)
}
