// swift-format-ignore-file
// Written by web/build.py from web/index.html.

extension DashboardAssets {
    static let indexHtml = DashboardAsset(
        path: "index.html", mediaType: "text/html; charset=utf-8", freshness: .document, tag: "9ff314de8a262749",
        text: ##"""
<!doctype html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Glasspot</title>
<link rel="icon" type="image/svg+xml" href="/internal/ui/assets/pot.c9689f771c6b6a42.svg">
<link rel="stylesheet" href="/internal/ui/assets/glasspot.690db5f423ea0c64.css">
<link rel="modulepreload" href="/internal/ui/assets/chart.4e30401b693aea4e.js">
<link rel="modulepreload" href="/internal/ui/assets/dom.9aa1d63f3e2db2df.js">
<link rel="modulepreload" href="/internal/ui/assets/feed.6a941bc5a58a65d8.js">
<link rel="modulepreload" href="/internal/ui/assets/format.6236191524db47a2.js">
<link rel="modulepreload" href="/internal/ui/assets/metrics.fa36513980f25bee.js">
<link rel="modulepreload" href="/internal/ui/assets/stages.e8c6c94b4851cafe.js">
<script type="module" src="/internal/ui/assets/app.75488a8d31e8da0f.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="bar">
  <a class="brand" href="/internal/ui/" data-view="overview" aria-label="Glasspot, overview">
    <img src="/internal/ui/assets/pot.c9689f771c6b6a42.svg" width="28" height="28" alt="">
    <span>Glasspot</span>
  </a>
  <nav aria-label="Views">
    <a href="/internal/ui/" data-view="overview">Overview</a>
    <a href="/internal/ui/endpoints" data-view="endpoints">Endpoints</a>
    <a href="/internal/ui/models" data-view="models">Models</a>
    <a href="/internal/ui/requests" data-view="requests">Requests</a>
    <a href="/internal/ui/routing" data-view="routing">Routing</a>
  </nav>
  <div class="tools">
    <span id="fleet" class="pill" data-tone="unknown">Connecting</span>
    <button id="live" type="button" class="tool" aria-pressed="true">Live</button>
    <button id="theme" type="button" class="tool">Theme: auto</button>
  </div>
</header>
<div id="banner" class="banner" role="alert" hidden></div>
<main id="main" tabindex="-1">
  <noscript><p class="note">This page draws the gateway's metrics in your browser and needs JavaScript.
  The same figures are on <a href="/internal/metrics">/internal/metrics</a> and
  <a href="/internal/status">/internal/status</a>.</p></noscript>
</main>
<footer class="foot">
  <span id="build"></span>
  <span>Read-only. Everything here comes from <a href="/internal/metrics">/internal/metrics</a>,
  <a href="/internal/status">/internal/status</a> and <a href="/internal/requests">/internal/requests</a>.</span>
</footer>
<div id="announcer" class="unseen" role="status" aria-live="polite"></div>
</body>
</html>

"""##)
}
