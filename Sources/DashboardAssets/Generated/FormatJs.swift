// swift-format-ignore-file
// Written by web/build.py from web/format.js.

extension DashboardAssets {
    static let formatJs = DashboardAsset(
        path: "assets/format.6236191524db47a2.js", mediaType: "text/javascript; charset=utf-8", freshness: .immutable, tag: "6236191524db47a2",
        text: ##"""
// Numbers as people read them. An absent number is a dash, never a zero.

const NONE = "–";

function known(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** Three significant digits at most, none of them a trailing zero. */
function significant(value) {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** A count, exact up to six digits. */
export function count(value) {
  if (!known(value)) return NONE;
  return Math.abs(value) < 1e6 ? whole.format(value) : compact.format(value);
}

/** Something per second. */
export function rate(value) {
  if (!known(value)) return NONE;
  return value >= 1e5 ? compact.format(value) : significant(value);
}

/** A share, given as 0…1. */
export function percent(value) {
  if (!known(value)) return NONE;
  if (value > 0 && value < 0.0001) return "< 0.01 %";
  return `${significant(value * 100)} %`;
}

/** A span, given in seconds. */
export function duration(value) {
  if (!known(value)) return NONE;
  if (value === 0) return "0";
  if (value < 1e-3) return `${significant(value * 1e6)} µs`;
  if (value < 1) return `${significant(value * 1e3)} ms`;
  if (value < 120) return `${significant(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${significant(value / 3600)} h`;
}

/** A size in bytes. */
export function bytes(value) {
  if (!known(value)) return NONE;
  let size = value;
  let unit = "B";
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return `${unit === "B" ? whole.format(size) : significant(size)} ${unit}`;
}

/** The time of day of a moment, to the second. */
export function clock(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** How long ago a moment was; `now` and the moment in milliseconds. */
export function ago(moment, now) {
  if (!known(moment)) return "never";
  const seconds = Math.max(0, (now - moment) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${significant(seconds / 3600)} h ago`;
}

/** A word of the metrics as prose: `upstream_error` becomes `upstream error`. */
export function words(label) {
  return label.replaceAll("_", " ");
}

"""##)
}
