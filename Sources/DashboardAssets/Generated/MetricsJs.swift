// swift-format-ignore-file
// Written by web/build.py from web/metrics.js.

extension DashboardAssets {
    static let metricsJs = DashboardAsset(
        path: "assets/metrics.fa36513980f25bee.js", mediaType: "text/javascript; charset=utf-8", freshness: .immutable, tag: "fa36513980f25bee",
        text: ##"""
// The metrics page as numbers: parsing, sums over labels, differences and quantiles. Nothing here touches the document.

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?/gy;
const ESCAPE = /\\(.)/g;

function labelsOf(source) {
  const labels = {};
  LABEL.lastIndex = 0;
  for (let match = LABEL.exec(source); match; match = LABEL.exec(source)) {
    labels[match[1]] = match[2].includes("\\")
      ? match[2].replace(ESCAPE, (_, letter) => (letter === "n" ? "\n" : letter))
      : match[2];
  }
  return labels;
}

function numberOf(source) {
  if (source === "+Inf") return Infinity;
  if (source === "-Inf") return -Infinity;
  return Number(source);
}

/** Reads a page in the text format 0.0.4: a map from name to `[{labels, value}]`. */
export function parse(page) {
  const samples = new Map();
  for (const line of page.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const brace = line.indexOf("{");
    const end = brace < 0 ? -1 : line.lastIndexOf("}");
    const blank = line.indexOf(" ", Math.max(0, end));
    const name = brace < 0 ? line.slice(0, blank) : line.slice(0, brace);
    const value = numberOf(line.slice(blank + 1).split(" ", 1)[0]);
    const labels = brace < 0 ? {} : labelsOf(line.slice(brace + 1, end));
    const list = samples.get(name);
    if (list) list.push({ labels, value });
    else samples.set(name, [{ labels, value }]);
  }
  return samples;
}

/** The sum of a family's samples that pass a filter; null when the family is not there. */
export function sum(samples, name, passes = () => true) {
  const list = samples.get(name);
  if (!list) return null;
  let total = 0;
  for (const sample of list) if (passes(sample.labels)) total += sample.value;
  return total;
}

/** The same, by the values of one label: a map. */
export function sumBy(samples, name, label, passes = () => true) {
  const totals = new Map();
  for (const sample of samples.get(name) ?? []) {
    if (!passes(sample.labels)) continue;
    const key = sample.labels[label];
    if (key !== undefined) totals.set(key, (totals.get(key) ?? 0) + sample.value);
  }
  return totals;
}

/** A histogram added up over its series: `{buckets: [[bound, cumulative]…], sum, count}`; null without samples. */
export function histogram(samples, name, passes = () => true) {
  const buckets = new Map();
  for (const sample of samples.get(`${name}_bucket`) ?? []) {
    if (!passes(sample.labels)) continue;
    const bound = numberOf(sample.labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + sample.value);
  }
  if (buckets.size === 0) return null;
  return {
    buckets: [...buckets].sort((left, right) => left[0] - right[0]),
    sum: sum(samples, `${name}_sum`, passes) ?? 0,
    count: sum(samples, `${name}_count`, passes) ?? 0,
  };
}

/** What was added between two readings of a counter; one that shrank began anew. */
export function added(later, earlier) {
  if (later === null || later === undefined) return null;
  return later >= (earlier ?? 0) ? later - (earlier ?? 0) : later;
}

/** What was added between two readings of a histogram. */
export function addedHistogram(later, earlier) {
  if (!later) return null;
  if (!earlier || later.count < earlier.count) return later;
  const before = new Map(earlier.buckets);
  return {
    buckets: later.buckets.map(([bound, count]) => [bound, Math.max(0, count - (before.get(bound) ?? 0))]),
    sum: later.sum - earlier.sum,
    count: later.count - earlier.count,
  };
}

/**
 * A quantile as Prometheus' `histogram_quantile` estimates it: linear within a bucket, the last finite bound beyond.
 *
 * Null for no histogram or an empty one.
 */
export function quantile(share, histogram) {
  const buckets = histogram?.buckets ?? [];
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  const rank = share * total;
  let lowerBound = 0;
  let lowerCount = 0;
  for (const [bound, count] of buckets) {
    if (count >= rank && count > 0) {
      if (bound === Infinity) return lowerBound;
      return count === lowerCount ? bound
        : lowerBound + (bound - lowerBound) * (rank - lowerCount) / (count - lowerCount);
    }
    lowerBound = bound;
    lowerCount = count;
  }
  return lowerBound;
}

"""##)
}
