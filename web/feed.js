// Reads the gateway every few seconds while somebody looks, and keeps what the charts need.

import { added, addedHistogram, histogram, parse, quantile, sum, sumBy } from "./metrics.js";

/** Milliseconds between readings of the metrics. */
export const PERIOD = 5000;
/** How much history is kept, in milliseconds. */
export const HISTORY = 15 * 60 * 1000;
/** Quantiles and means are over this span, so that light traffic draws no noise. */
const WINDOW = 30000;

/** The families that are read: the page asks for these alone. */
const FAMILIES = [
  "glasspot_requests_total", "glasspot_requests_in_flight", "glasspot_time_to_first_token_seconds",
  "glasspot_overhead_seconds", "glasspot_tokens_total", "glasspot_request_stage_duration_seconds",
  "glasspot_upstream_stage_duration_seconds", "glasspot_endpoint_state", "glasspot_breaker_state",
  "glasspot_upstream_requests_total", "glasspot_upstream_requests_in_flight", "glasspot_time_to_first_byte_seconds",
  "glasspot_upstream_connections_open", "glasspot_model_requests_total", "glasspot_endpoint_models",
  "glasspot_retries_total", "glasspot_build_info", "glasspot_config_info", "process_start_time_seconds",
];

const METRICS = `/internal/metrics?${FAMILIES.map((name) => `name[]=${name}`).join("&")}`;

/** Outcomes that count against the gateway and its endpoints. */
export const FAILED = ["upstream_error", "upstream_timeout", "no_endpoint", "gateway_error"];
/** Outcomes that a client brought about. */
export const CLIENT = ["client_error", "client_cancelled", "rate_limited"];

/** Why a reading failed, in words for the banner. */
export class ReadError extends Error {
  constructor(path, status, detail) {
    super(detail);
    this.path = path;
    this.status = status;
  }
}

/** Reads a path; JSON unless `asText`. */
export async function read(path, { asText = false, signal } = {}) {
  let response;
  try {
    response = await fetch(path, {
      headers: { Accept: asText ? "text/plain;version=0.0.4" : "application/json" },
      cache: "no-cache", credentials: "same-origin",
      signal: signal ?? AbortSignal.timeout(10000),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ReadError(path, 0, "The gateway does not answer.");
  }
  if (!response.ok) {
    const detail = (await response.text()).trim().split("\n", 1)[0];
    throw new ReadError(path, response.status, detail || `The gateway answered ${response.status}.`);
  }
  return asText ? response.text() : response.json();
}

const ofClients = (labels) => labels.route !== "internal";

/** The part of a metrics page that is kept. */
function reduce(page, time) {
  const samples = parse(page);
  const endpoints = new Map();
  for (const { labels, value } of samples.get("glasspot_endpoint_state") ?? []) {
    const entry = endpoints.get(labels.endpoint) ?? {};
    if (value === 1) entry.state = labels.state;
    endpoints.set(labels.endpoint, entry);
  }
  for (const { labels, value } of samples.get("glasspot_breaker_state") ?? []) {
    const entry = endpoints.get(labels.endpoint);
    if (entry && value === 1) entry.breaker = labels.state;
  }
  for (const [name, entry] of endpoints) {
    const here = (labels) => labels.endpoint === name;
    entry.outcomes = sumBy(samples, "glasspot_upstream_requests_total", "outcome", here);
    entry.inFlight = sum(samples, "glasspot_upstream_requests_in_flight", here);
    entry.firstByte = histogram(samples, "glasspot_time_to_first_byte_seconds", here);
    entry.connections = sumBy(samples, "glasspot_upstream_connections_open", "state", here);
    entry.tokens = sum(samples, "glasspot_tokens_total", (labels) => here(labels) && labels.token_type === "output");
    entry.models = sum(samples, "glasspot_endpoint_models", here);
  }
  const models = new Map();
  for (const { labels } of samples.get("glasspot_model_requests_total") ?? []) models.set(labels.model, null);
  for (const name of models.keys()) {
    const here = (labels) => labels.model === name;
    models.set(name, {
      outcomes: sumBy(samples, "glasspot_model_requests_total", "outcome", here),
      firstToken: histogram(samples, "glasspot_time_to_first_token_seconds", here),
      tokens: sumBy(samples, "glasspot_tokens_total", "token_type", here),
    });
  }
  return {
    time,
    started: sum(samples, "process_start_time_seconds"),
    outcomes: sumBy(samples, "glasspot_requests_total", "outcome", ofClients),
    inFlight: sum(samples, "glasspot_requests_in_flight", ofClients),
    firstToken: histogram(samples, "glasspot_time_to_first_token_seconds"),
    overhead: histogram(samples, "glasspot_overhead_seconds"),
    tokens: sumBy(samples, "glasspot_tokens_total", "token_type"),
    retries: sum(samples, "glasspot_retries_total"),
    stages: new Map([
      ...sumBy(samples, "glasspot_request_stage_duration_seconds_sum", "stage"),
      ...sumBy(samples, "glasspot_upstream_stage_duration_seconds_sum", "stage"),
    ]),
    endpoints, models,
    build: samples.get("glasspot_build_info")?.[0]?.labels ?? {},
    configuration: samples.get("glasspot_config_info")?.[0]?.labels ?? {},
  };
}

function total(map) {
  let result = 0;
  for (const value of map.values()) result += value;
  return result;
}

function perSecond(later, earlier, seconds) {
  const difference = added(later, earlier);
  return difference === null || seconds <= 0 ? null : difference / seconds;
}

/** The figures between two readings. */
function between(now, before, window) {
  const seconds = (now.time - before.time) / 1000;
  const outcome = (name) => perSecond(now.outcomes.get(name) ?? 0, before.outcomes.get(name) ?? 0, seconds);
  const firstToken = addedHistogram(now.firstToken, window.firstToken);
  const overhead = addedHistogram(now.overhead, window.overhead);
  const values = {
    ok: outcome("ok"),
    input: perSecond(now.tokens.get("input") ?? 0, before.tokens.get("input") ?? 0, seconds),
    output: perSecond(now.tokens.get("output") ?? 0, before.tokens.get("output") ?? 0, seconds),
    ttft50: quantile(0.5, firstToken), ttft95: quantile(0.95, firstToken), ttft99: quantile(0.99, firstToken),
    overhead50: quantile(0.5, overhead), overhead95: quantile(0.95, overhead), overhead99: quantile(0.99, overhead),
  };
  for (const name of [...FAILED, ...CLIENT]) values[name] = outcome(name);
  values.failed = FAILED.reduce((rate, name) => rate + values[name], 0);
  values.client = CLIENT.reduce((rate, name) => rate + values[name], 0);
  values.rate = values.ok + values.failed + values.client;
  return { time: now.time, values };
}

/** Reads while the page is seen, and tells its listeners. */
export class Feed {
  constructor() {
    this.readings = [];
    this.points = [];
    this.error = null;
    this.isPaused = false;
    this.listeners = new Set();
    this.extras = new Map();
    this.timer = 0;
    this.ticks = 0;
    document.addEventListener("visibilitychange", () => this.resume());
  }

  /** Begins to read. */
  start() { this.resume(); }

  /** Stops or goes on at the user's wish. */
  pause(isPaused) {
    this.isPaused = isPaused;
    this.resume();
  }

  resume() {
    clearTimeout(this.timer);
    if (this.isPaused || document.hidden) return;
    this.turn();
  }

  async turn() {
    clearTimeout(this.timer);
    const mine = ++this.ticks;
    try {
      const page = await read(METRICS, { asText: true });
      if (mine !== this.ticks) return;
      this.take(reduce(page, Date.now()));
      this.error = null;
      await Promise.all([...this.extras].map(([key, path]) => this.fetchExtra(key, path)));
    } catch (error) {
      if (mine !== this.ticks) return;
      this.error = error;
    }
    if (mine !== this.ticks) return;
    for (const listener of this.listeners) listener(this);
    if (this.isPaused || document.hidden) return;
    // The second reading comes early: with it there is something to see.
    this.timer = setTimeout(() => this.turn(), this.readings.length === 1 ? 2000 : PERIOD);
  }

  async fetchExtra(key, path) {
    try {
      this[key] = await read(path);
      this[`${key}Error`] = null;
    } catch (error) {
      this[`${key}Error`] = error;
    }
  }

  /** What the seen view needs beside the metrics: a map from name to path. */
  want(extras) {
    this.extras = new Map(Object.entries(extras));
    return this.refreshExtras();
  }

  /** Reads them now, without waiting for the next turn. */
  async refreshExtras() {
    if (document.hidden) return;
    const wanted = this.extras;
    await Promise.all([...wanted].map(([key, path]) => this.fetchExtra(key, path)));
    if (wanted === this.extras) for (const listener of this.listeners) listener(this);
  }

  take(reading) {
    const before = this.latest;
    // After a break the old reading tells nothing about now: the line has a gap there.
    const hasGap = before && reading.time - before.time > 3 * PERIOD;
    if (before && before.started !== reading.started) this.readings = [];
    this.readings.push(reading);
    while (reading.time - this.readings[0].time > HISTORY) this.readings.shift();
    while (this.points.length > 0 && reading.time - this.points[0].time > HISTORY) this.points.shift();
    if (this.readings.length < 2) return;
    if (hasGap) this.points.push({ time: before.time + 1, values: {} });
    else this.points.push(between(reading, this.readings.at(-2), this.windowStart));
  }

  /** The newest reading. */
  get latest() { return this.readings.at(-1); }

  /** The reading that the window of quantiles and means begins with. */
  get windowStart() {
    const now = this.latest.time;
    return this.readings.find((reading) => now - reading.time <= WINDOW + PERIOD / 2) ?? this.latest;
  }

  /** The newest figures; empty before there are two readings. */
  get figures() { return this.points.at(-1)?.values ?? {}; }

  /** Requests of all outcomes since start. */
  get total() { return this.latest ? total(this.latest.outcomes) : null; }

  /** Seconds of each stage per request over the window, `[[stage, seconds]…]`. */
  get stages() {
    if (!this.latest) return [];
    const [now, before] = [this.latest, this.windowStart];
    const requests = added(total(now.outcomes), total(before.outcomes));
    if (!requests) return [];
    return [...now.stages].map(([stage, seconds]) => [stage, added(seconds, before.stages.get(stage)) / requests]);
  }

  /** Figures of each endpoint over the window, by name. */
  get endpoints() {
    if (!this.latest) return [];
    const [now, before] = [this.latest, this.windowStart];
    const seconds = (now.time - before.time) / 1000;
    return [...now.endpoints].map(([name, entry]) => {
      const old = before.endpoints.get(name);
      const rateOf = (outcome) =>
        perSecond(entry.outcomes.get(outcome) ?? 0, old?.outcomes.get(outcome) ?? 0, seconds);
      const attempts = perSecond(total(entry.outcomes), old ? total(old.outcomes) : 0, seconds);
      const failed = attempts === null ? null : rateOf("upstream_error") + rateOf("upstream_timeout");
      const firstByte = addedHistogram(entry.firstByte, old?.firstByte);
      return {
        name, state: entry.state ?? "unknown", breaker: entry.breaker ?? "closed", inFlight: entry.inFlight,
        rate: attempts, failedShare: attempts ? failed / attempts : null,
        firstByte50: quantile(0.5, firstByte), firstByte95: quantile(0.95, firstByte),
        tokens: perSecond(entry.tokens, old?.tokens, seconds), models: entry.models,
        active: entry.connections.get("active") ?? 0, idle: entry.connections.get("idle") ?? 0,
        attempts: total(entry.outcomes),
      };
    });
  }

  /** Figures of each model over the window, by name. */
  get models() {
    if (!this.latest) return new Map();
    const [now, before] = [this.latest, this.windowStart];
    const seconds = (now.time - before.time) / 1000;
    return new Map([...now.models].map(([name, entry]) => {
      const old = before.models.get(name);
      const firstToken = addedHistogram(entry.firstToken, old?.firstToken);
      return [name, {
        name, requests: total(entry.outcomes),
        rate: perSecond(total(entry.outcomes), old ? total(old.outcomes) : 0, seconds),
        ttft50: quantile(0.5, firstToken), ttft95: quantile(0.95, firstToken),
        tokens: perSecond(entry.tokens.get("output") ?? 0, old?.tokens.get("output") ?? 0, seconds),
      }];
    }));
  }
}
