// swift-format-ignore-file
// Written by web/build.py from web/glasspot.css.

extension DashboardAssets {
    static let glasspotCss = DashboardAsset(
        path: "assets/glasspot.690db5f423ea0c64.css", mediaType: "text/css; charset=utf-8", freshness: .immutable, tag: "690db5f423ea0c64",
        text: ##"""
/* Colours are Okabe and Ito's, told apart by every kind of colour vision; words and dashes repeat what they say. */
:root {
  color-scheme: light dark;
  --page: light-dark(#f4f6f8, #0d1117);
  --panel: light-dark(#ffffff, #151b23);
  --raised: light-dark(#eef2f5, #1d2530);
  --edge: light-dark(#d9e0e6, #2a3441);
  --ink: light-dark(#16202b, #e8edf2);
  --soft: light-dark(#51606f, #9dabba);
  --focus: light-dark(#0b6bcb, #66b3ff);
  --blue: light-dark(#0072b2, #4aa8e0);
  --sky: light-dark(#2f93c8, #86cdf2);
  --teal: light-dark(#00856a, #2fc19c);
  --yellow: light-dark(#a87b00, #ecc94b);
  --orange: light-dark(#c46a00, #f0a23c);
  --red: light-dark(#c23b0a, #ff7a4d);
  --purple: light-dark(#a04a80, #dd93be);
  --good: light-dark(#00684f, #4ad6b0);
  --good-back: light-dark(#dcf3ec, #10332a);
  --warn: light-dark(#7a5200, #f2c14e);
  --warn-back: light-dark(#fbf0d4, #3a2d0c);
  --bad: light-dark(#a32c00, #ff9470);
  --bad-back: light-dark(#fde5dc, #43190d);
  --radius: 10px;
  font: 15px/1.5 "Inter", system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
}
:root[data-theme="light"] { color-scheme: light; }
:root[data-theme="dark"] { color-scheme: dark; }
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--ink); font-variant-numeric: tabular-nums; }
h1, h2, p, dl, dd, ul, figure { margin: 0; padding: 0; }
h1 { font-size: 1.5rem; line-height: 1.2; letter-spacing: -0.015em; font-weight: 650; }
h2 { font-size: 0.98rem; line-height: 1.3; font-weight: 620; letter-spacing: -0.005em; }
ul { list-style: none; }
a { color: var(--blue); text-underline-offset: 2px; }
code { font: 0.86em/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
main:focus, h1:focus { outline: none; }
.unseen {
  position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.skip { position: absolute; left: 12px; top: -60px; z-index: 3; padding: 8px 14px; background: var(--panel); }
.skip:focus { top: 10px; }
.note, .empty { color: var(--soft); font-size: 0.84rem; }
.empty { padding: 14px 0 4px; }
.lead { color: var(--soft); max-width: 72ch; }
.verdict { margin-bottom: 12px; font-size: 1.05rem; }
.hint { padding: 12px 16px; border: 1px dashed var(--edge); border-radius: var(--radius); }
.number { text-align: right; white-space: nowrap; }

/* The bar on top. */
.bar {
  position: sticky; top: 0; z-index: 2; display: flex; align-items: center; gap: 8px 22px; flex-wrap: wrap;
  padding: 9px clamp(14px, 3vw, 32px); background: var(--panel); border-bottom: 1px solid var(--edge);
}
.brand { display: flex; align-items: center; gap: 9px; color: inherit; text-decoration: none; font-weight: 680; }
.brand span { font-size: 1.06rem; letter-spacing: -0.02em; }
nav { display: flex; gap: 2px; overflow-x: auto; scrollbar-width: none; }
nav a {
  padding: 6px 11px; border-radius: 7px; color: var(--soft); text-decoration: none; font-weight: 530; font-size: 0.92rem;
}
nav a:hover { color: var(--ink); background: var(--raised); }
nav a[aria-current] { color: var(--ink); background: var(--raised); box-shadow: inset 0 -2px var(--blue); }
.tools { display: flex; align-items: center; gap: 8px; margin-left: auto; }
.tool {
  font: inherit; font-size: 0.84rem; padding: 5px 11px; border: 1px solid var(--edge); border-radius: 7px;
  background: var(--panel); color: var(--ink); cursor: pointer; min-height: 32px;
}
.tool:hover { background: var(--raised); }
.tool.strong { background: var(--blue); border-color: var(--blue); color: light-dark(#fff, #06121c); font-weight: 600; }
#live[aria-pressed="true"]::before {
  content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%;
  background: var(--teal);
}
#live[aria-pressed="false"]::before { content: "❚❚ "; font-size: 0.7em; vertical-align: 1px; }
.pill {
  display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 0.8rem; line-height: 1.6; font-weight: 560;
  white-space: nowrap; background: var(--raised); color: var(--soft);
}
.pill[data-tone="good"] { background: var(--good-back); color: var(--good); }
.pill[data-tone="warn"] { background: var(--warn-back); color: var(--warn); }
.pill[data-tone="bad"] { background: var(--bad-back); color: var(--bad); }
.banner {
  padding: 10px clamp(14px, 3vw, 32px); background: var(--bad-back); color: var(--bad); font-weight: 530;
}

/* The page. */
main { max-width: 1480px; margin: 0 auto; padding: 20px clamp(14px, 3vw, 32px) 8px; }
main.stale .view { opacity: 0.55; }
.view { display: grid; gap: 16px; min-width: 0; }
.view > * { min-width: 0; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); }
.panel {
  background: var(--panel); border: 1px solid var(--edge); border-radius: var(--radius); padding: 16px 18px 12px;
  min-width: 0;
}
.foot {
  display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 24px; max-width: 1480px; margin: 0 auto;
  padding: 16px clamp(14px, 3vw, 32px) 28px; color: var(--soft); font-size: 0.82rem;
}

/* Tiles. */
.tiles { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); }
.tile {
  background: var(--panel); border: 1px solid var(--edge); border-radius: var(--radius); padding: 12px 16px 11px;
}
.tile[data-tone="bad"] { border-color: var(--bad); }
.tile dt { color: var(--soft); font-size: 0.84rem; }
.tile dd { display: flex; flex-direction: column; }
.figure { font-size: 1.75rem; line-height: 1.25; font-weight: 640; letter-spacing: -0.025em; white-space: nowrap; }
.tile[data-tone="bad"] .figure { color: var(--bad); }

/* Charts. */
.chart { display: block; width: 100%; margin-top: 4px; overflow: visible; touch-action: pan-y; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-top: 8px; font-size: 0.82rem; color: var(--soft); }
.legend .value { color: var(--ink); font-weight: 600; }
.key { width: 18px; height: 10px; margin-right: 6px; vertical-align: 0; }
figcaption { display: grid; grid-template-columns: 1fr max-content; align-items: baseline; }
figcaption .note { grid-column: 1 / -1; }
.moment { font-size: 0.78rem; color: var(--soft); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; stroke: var(--tone); }
.line.dashed { stroke-dasharray: 6 4; }
.line.dotted { stroke-dasharray: 1.5 4; }
.area { fill: var(--tone); fill-opacity: 0.72; }
.blue { --tone: var(--blue); }
.sky { --tone: var(--sky); }
.teal { --tone: var(--teal); }
.yellow { --tone: var(--yellow); }
.orange { --tone: var(--orange); }
.red { --tone: var(--red); }
.purple { --tone: var(--purple); }
.ink { --tone: var(--ink); }
.chart .grid { stroke: var(--edge); fill: none; }
.chart .faint { stroke-opacity: 0.55; }
.chart .rule { stroke: var(--soft); stroke-dasharray: 3 3; fill: none; }
.tick { fill: var(--soft); font-size: 11px; }
.tick.end { text-anchor: end; }
.tick.middle { text-anchor: middle; }
.figures { margin-top: 6px; font-size: 0.84rem; }
.figures summary, .request > summary { cursor: pointer; }
.figures summary { color: var(--soft); width: max-content; padding: 2px 4px; margin-left: -4px; }
.figures .scroll { max-height: 260px; overflow: auto; }

/* Stages. */
.stagebar { display: block; width: 100%; height: 22px; border-radius: 5px; background: var(--raised); margin: 6px 0; }
.stage { stroke: var(--panel); stroke-width: 1px; vector-effect: non-scaling-stroke; }
.stage.client, .swatch.client { fill: var(--sky); background: var(--sky); }
.stage.gateway, .swatch.gateway { fill: var(--orange); background: var(--orange); }
.stage.endpoint, .swatch.endpoint { fill: var(--teal); background: var(--teal); }
.stage.acquire, .stage.send { fill-opacity: 0.45; }
.stage.wait { fill-opacity: 0.68; }
.stage.read_body, .stage.inspect { fill-opacity: 0.7; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 7px; }
table.stages { margin-top: 6px; }

/* Tables. */
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: 0.87rem; }
th, td { padding: 7px 10px; text-align: left; vertical-align: middle; }
th.number, td.number { text-align: right; }
thead th { color: var(--soft); font-weight: 530; font-size: 0.8rem; border-bottom: 1px solid var(--edge); white-space: nowrap; }
tbody tr + tr > * { border-top: 1px solid var(--edge); }
tbody th { font-weight: 560; }
th:first-child, td:first-child { padding-left: 2px; }
.stages td, .stages th, .figures td, .figures th { padding-block: 4px; }
.stack { display: flex; flex-direction: column; }
small { color: var(--soft); font-size: 0.8rem; font-weight: 400; }

/* Requests. */
.requests { margin-top: 6px; }
.request { border-top: 1px solid var(--edge); }
[role="listitem"]:first-child .request { border-top: 0; }
.request > summary {
  display: grid; gap: 2px 14px; align-items: center; padding: 8px 2px; list-style: none;
  grid-template-columns: 5.2em minmax(7em, 1fr) max-content 5.2em;
}
.request > summary::-webkit-details-marker { display: none; }
.request > summary:hover { background: var(--raised); }
.request .when { color: var(--soft); font-size: 0.83rem; }
.request .what { display: flex; flex-direction: column; line-height: 1.3; min-width: 0; }
.request .what > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.request b { font-weight: 580; }
.request .pill { justify-self: start; }
.request .span { font-weight: 600; text-align: right; }
.request .stagebar { grid-column: 1 / -1; height: 9px; margin: 3px 0 0; border-radius: 3px; }
.request .id { grid-column: 1 / -1; overflow: hidden; text-overflow: ellipsis; font-size: 0.76rem; }
.request .more { padding: 4px 0 16px; display: grid; gap: 12px; }
.facts { display: grid; gap: 6px 20px; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); font-size: 0.87rem; }
.facts dt { color: var(--soft); font-size: 0.79rem; }
.facts dd { overflow-wrap: anywhere; }
.facts .block { grid-column: 1 / -1; }
@media (min-width: 900px) {
  .requests-view .request > summary {
    grid-template-columns: 5.2em minmax(9em, 1.2fr) 9.5em 5.2em minmax(10em, 2fr);
  }
  .requests-view .request .stagebar { grid-column: auto; height: 14px; margin: 0; }
}

/* Forms. */
.filters { display: flex; flex-wrap: wrap; gap: 12px 16px; align-items: end; }
.filters label { display: flex; flex-direction: column; gap: 3px; font-size: 0.82rem; color: var(--soft); flex: 1 1 12em; }
.filters label:has(select) { flex: 0 1 11em; }
.filters .tool { min-height: 36px; }
input, select {
  font: inherit; font-size: 0.92rem; min-height: 36px; padding: 5px 10px; color: var(--ink); background: var(--panel);
  border: 1px solid light-dark(#a9b6c2, #46566a); border-radius: 7px; width: 100%;
}

/* A phone: rows become cards. */
@media (max-width: 760px) {
  .bar { gap: 6px 12px; }
  nav { order: 3; flex: 1 0 100%; margin: 0 -4px; }
  nav a { padding: 8px 10px; white-space: nowrap; }
  .tool { min-height: 36px; }
  #theme { display: none; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .tile { padding: 10px 12px; }
  .figure { font-size: 1.4rem; }
  .panel { padding: 14px 14px 10px; }
  table.cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.cards, table.cards tbody, table.cards tr, table.cards td, table.cards th { display: block; }
  table.cards tr { padding: 10px 0; }
  table.cards tr + tr { border-top: 1px solid var(--edge); }
  table.cards tbody tr > * {
    display: flex; justify-content: space-between; gap: 16px; padding: 3px 0; border: 0; text-align: right;
    white-space: normal;
  }
  table.cards tbody tr > *::before { content: attr(data-label); color: var(--soft); font-weight: 400; text-align: left; }
  table.cards tbody th { text-align: left; font-size: 0.98rem; }
  table.cards tbody th::before { content: none !important; }
  .request > summary { grid-template-columns: minmax(0, 1fr) max-content 4.6em; }
  .request .when { grid-column: 1 / -1; }
}
@media (prefers-contrast: more) {
  :root { --edge: var(--soft); --soft: var(--ink); }
}
@media (forced-colors: active) {
  .pill, .swatch, .stagebar { forced-color-adjust: none; }
}
@media print {
  .bar, .tools, .skip { position: static; }
}

"""##)
}
