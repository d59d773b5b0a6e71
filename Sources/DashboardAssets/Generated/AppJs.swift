// swift-format-ignore-file
// Written by web/build.py from web/app.js.

extension DashboardAssets {
    static let appJs = DashboardAsset(
        path: "assets/app.75488a8d31e8da0f.js", mediaType: "text/javascript; charset=utf-8", freshness: .immutable, tag: "75488a8d31e8da0f",
        text: ##"""
// The page: views by path, the header's state, theme and pause.

import { attribute, text } from "./dom.9aa1d63f3e2db2df.js";
import { Feed } from "./feed.6a941bc5a58a65d8.js";
import { Overview } from "./overview.edfcb7c571a3fe3d.js";
import { Endpoints, Models, Requests, Routing } from "./views.2bcccb7de3275119.js";

const ROOT = "/internal/ui/";
const feed = new Feed();
const main = document.getElementById("main");
const makers = {
  overview: () => new Overview(), endpoints: () => new Endpoints(), models: () => new Models(),
  requests: () => new Requests(feed), routing: () => new Routing(),
};
const views = new Map();
let current = null;

function announce(message) {
  text(document.getElementById("announcer"), message);
}

// Views

function nameOf(path) {
  const name = path.slice(ROOT.length).replace(/\/+$/, "");
  return name in makers ? name : "overview";
}

function show(name, { focus = false } = {}) {
  if (!views.has(name)) views.set(name, makers[name]());
  current = views.get(name);
  main.replaceChildren(current.element);
  for (const link of document.querySelectorAll("nav a")) {
    attribute(link, "aria-current", link.dataset.view === name ? "page" : null);
  }
  document.title = name === "overview" ? "Glasspot" : `${current.title} · Glasspot`;
  current.update(feed);
  feed.want(current.extras);
  if (focus) current.element.querySelector("h1").focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-view]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (nameOf(location.pathname) !== link.dataset.view) history.pushState(null, "", link.href);
  scrollTo(0, 0);
  show(link.dataset.view, { focus: true });
});
addEventListener("popstate", () => show(nameOf(location.pathname), { focus: true }));

// Theme

const themeButton = document.getElementById("theme");

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  text(themeButton, `Theme: ${theme}`);
}

function storedTheme() {
  try {
    return localStorage.getItem("glasspot-theme");
  } catch {
    return null;
  }
}

themeButton.addEventListener("click", () => {
  const order = ["auto", "light", "dark"];
  const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
  setTheme(next);
  try {
    localStorage.setItem("glasspot-theme", next);
  } catch {
    // A browser that keeps nothing for this origin keeps no theme either.
  }
});
setTheme(["light", "dark"].includes(storedTheme()) ? storedTheme() : "auto");

// Pause

const liveButton = document.getElementById("live");
liveButton.addEventListener("click", () => {
  feed.pause(!feed.isPaused);
  attribute(liveButton, "aria-pressed", String(!feed.isPaused));
  text(liveButton, feed.isPaused ? "Paused" : "Live");
  announce(feed.isPaused ? "Paused" : "Live again");
});

// The header's state and what has to be said aloud

let lastStates = null;

function showFleet() {
  const endpoints = feed.endpoints;
  const good = endpoints.filter((one) => one.state === "healthy").length;
  const isUp = (one) => ["healthy", "busy", "warming"].includes(one.state) && one.breaker !== "open";
  const up = endpoints.filter(isUp).length;
  const pill = document.getElementById("fleet");
  if (feed.error) {
    attribute(pill, "data-tone", "bad");
    text(pill, "No connection");
    return;
  }
  if (!feed.latest) return;
  const tone = endpoints.length === 0 || up === 0 ? "bad" : up < endpoints.length || good < up ? "warn" : "good";
  attribute(pill, "data-tone", tone);
  text(pill, endpoints.length === 0 ? "No endpoints" : `${up} of ${endpoints.length} endpoints up`);
  const states = new Map(endpoints.map((one) => [one.name, one.state]));
  const changes = [...states].filter(([name, now]) => lastStates?.has(name) && lastStates.get(name) !== now);
  if (changes.length > 0) {
    announce(changes.map(([name, now]) => `Endpoint ${name} is now ${now.replaceAll("_", " ")}.`).join(" "));
  }
  lastStates = states;
  const { build, configuration } = feed.latest;
  text(document.getElementById("build"), [
    `Glasspot ${build.version ?? ""}`.trim(), configuration.engine && `engine ${configuration.engine}`,
    configuration.balancer && `balancer ${configuration.balancer}`,
  ].filter(Boolean).join(" · "));
}

function showBanner() {
  const banner = document.getElementById("banner");
  banner.hidden = feed.error === null;
  main.classList.toggle("stale", feed.error !== null && feed.latest !== undefined);
  if (feed.error === null) return;
  const retry = feed.latest ? " What you see is the last reading; the page keeps trying." : " The page keeps trying.";
  text(banner, feed.error.status === 403
    ? `${feed.error.message} The metrics are closed to this browser by dashboard.gate_internal_api.`
    : `${feed.error.message}${retry}`);
}

feed.listeners.add(() => {
  showFleet();
  showBanner();
  current?.update(feed);
});

show(nameOf(location.pathname));
feed.start();

"""##)
}
