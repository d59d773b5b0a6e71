"""The checks of the dashboard, one function each."""

import argparse
import math
import os
import time
import urllib.parse
from collections.abc import Callable

from gateway import Gateway
from harness import Checks, call, expect, expect_equal, wait_until
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGES = os.path.join(ROOT, "docs", "images")
VIEWS = ["", "endpoints", "models", "requests", "routing"]
FIRST_LOAD_MAX = 150_000
CPU_SHARE_MAX = 0.01
DESKTOP = {"width": 1440, "height": 1000}
PHONE = {"width": 390, "height": 844}

# The contrast of each visible text with what lies behind it (WCAG 2.2 section 1.4.3).
CONTRAST = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255, 255];
  };
  const bad = [];
  let count = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest('.unseen, svg, script, noscript')) continue;
    const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    count += 1;
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.push(`${walker.currentNode.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return { count, bad: [...new Set(bad)] };
}
"""

# What a screen reader would find without a name.
UNNAMED = """
() => {
  const bad = [];
  const named = (node) => (node.getAttribute('aria-label') || node.textContent || node.getAttribute('title')
    || (node.labels && [...node.labels].map((label) => label.textContent).join(''))
    || node.querySelector('img[alt]')?.alt || '').trim();
  for (const node of document.querySelectorAll('a, button, input, select, [role=img], [role=region], [role=list]')) {
    if (node.checkVisibility() && !named(node)) bad.push(node.outerHTML.slice(0, 120));
  }
  for (const table of document.querySelectorAll('table')) {
    if (table.checkVisibility() && table.querySelectorAll('th').length === 0) bad.push('a table without headings');
  }
  for (const image of document.querySelectorAll('img')) if (!image.hasAttribute('alt')) bad.push(image.outerHTML);
  if (document.querySelectorAll('h1').length !== 1) bad.push('not one h1');
  if (document.documentElement.lang !== 'en') bad.push('no language');
  return bad;
}
"""


class Visit:
    """One browser window and everything that happened in it."""

    def __init__(self, browser: Browser, gateway: Gateway, **options: object) -> None:
        self.gateway = gateway
        self.context: BrowserContext = browser.new_context(**{"viewport": DESKTOP, **options})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.problems: list[str] = []
        self.urls: list[str] = []
        self.unprotected: list[str] = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.on("response", self._answered)

    def _said(self, message: object) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def _answered(self, response: object) -> None:
        path = urllib.parse.urlsplit(response.url).path
        if path.startswith("/internal/ui") and "content-security-policy" not in response.headers:
            self.unprotected.append(response.url)

    def open(self, view: str = "") -> Page:
        """Opens a view and waits until it has figures."""
        self.page.goto(f"{self.gateway.url}/internal/ui/{view}")
        self.page.wait_for_selector("#fleet:not([data-tone=unknown])")
        return self.page

    def close(self) -> None:
        """Closes the window; what went wrong in it fails the check."""
        self.context.close()
        expect_equal(self.problems, [], "console")
        expect_equal(self.unprotected, [], "answers without a content-security policy")
        foreign = [url for url in self.urls if urllib.parse.urlsplit(url).netloc != self.gateway.host]
        expect_equal([url for url in foreign if not url.startswith(("data:", "blob:"))], [], "foreign requests")


def run(checks: Checks, browser: Browser, gateway: Gateway, options: argparse.Namespace) -> None:
    """Runs every check, those that end the traffic or the gateway last."""

    def visiting(check: Callable[[Visit], None], **settings: object) -> Callable[[], None]:
        def wrapped() -> None:
            visit = Visit(browser, gateway, **settings)
            try:
                check(visit)
            except BaseException:
                visit.context.close()
                raise
            visit.close()

        return wrapped

    time.sleep(options.seconds)
    checks.run("the first load is small", visiting(first_load))
    checks.run("the policy and its access rules are sent", lambda: access(gateway))
    checks.run("every view opens without an error, named for screen readers", visiting(views))
    checks.run("figures are those of the metrics page", visiting(figures))
    checks.run("slowest and failed requests are those remembered", visiting(lists))
    checks.run("a request is found by its id and shows its stages", visiting(search))
    checks.run("endpoints and models are those configured", visiting(inventory))
    checks.run("routing is explained as the gateway explains it", visiting(routing))
    checks.run("the keyboard reaches and works everything", visiting(keyboard))
    checks.run("it reads nothing while hidden or paused", visiting(paused))
    for scheme in ("light", "dark"):
        checks.run(f"every text has contrast, {scheme}", visiting(contrast, color_scheme=scheme))
    checks.run("the theme button wins over the system", visiting(theme, color_scheme="light"))
    checks.run(
        "a phone shows everything without sideways scrolling",
        visiting(phone, viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2),
    )
    if options.images:
        checks.run("pictures for the README", lambda: pictures(browser, gateway))
    checks.run("standing still, totals agree exactly", visiting(lambda visit: totals(visit)))
    checks.run("an open page costs the gateway next to nothing", visiting(lambda visit: cost(visit, options)))
    checks.run("a gateway that is gone is said, and the page stays", lambda: gone(browser, gateway))


def first_load(visit: Visit) -> None:
    session = visit.context.new_cdp_session(visit.page)
    session.send("Network.enable")
    sizes: dict[str, float] = {}
    paths: dict[str, str] = {}
    session.on("Network.responseReceived", lambda event: paths.update({event["requestId"]: event["response"]["url"]}))
    session.on(
        "Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]})
    )
    visit.open()
    visit.page.wait_for_timeout(1500)
    own = {paths[key]: size for key, size in sizes.items() if "/internal/ui/" in paths.get(key, "")}
    total = sum(own.values())
    expect(len(own) >= 8, f"only {sorted(own)} were loaded")
    expect(total <= FIRST_LOAD_MAX, f"{total:.0f} bytes for {sorted(own)}")
    print(f"    first load: {total:.0f} bytes in {len(own)} files")
    visit.page.reload()
    visit.page.wait_for_selector("#fleet:not([data-tone=unknown])")


def access(gateway: Gateway) -> None:
    base = f"http://127.0.0.1:{gateway.port}/internal/ui"
    for path, status in (("", 307), ("/", 200), ("/requests", 200), ("/assets/none.js", 404)):
        answer = call(base + path)
        expect_equal(answer.status, status, path)
        policy = answer.headers["Content-Security-Policy"]
        expect("default-src 'self'" in policy and "frame-ancestors 'none'" in policy, policy)
        expect_equal(answer.headers["X-Frame-Options"], "DENY", path)
    refused = call(base + "/", headers={"Host": "evil.example"})
    expect_equal(refused.status, 403, "a foreign host name")
    expect(refused.body.startswith(b"403 forbidden: host not accepted"), repr(refused.body))
    expect_equal(call(base + "/", "POST").status, 405, "POST")


def views(visit: Visit) -> None:
    page = visit.open()
    for view in VIEWS:
        page.goto(f"{visit.gateway.url}/internal/ui/{view}")
        page.wait_for_selector("main h1", state="attached")
        page.wait_for_timeout(400)
        expect_equal(page.evaluate(UNNAMED), [], f"without a name in {view or 'overview'}")
        current = page.locator("nav a[aria-current=page]")
        expect_equal(current.count(), 1, "current links")
        expect_equal(urllib.parse.urlsplit(current.get_attribute("href")).path, f"/internal/ui/{view}", "current")
    page.go_back()
    page.wait_for_selector(".requests-view")


def until(page: Page, condition: str, seconds: float = 30) -> None:
    """Waits for a condition; asked from outside, for the page's policy forbids what the browser driver would do."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        expect(time.monotonic() < deadline, f"waited {seconds:g} s for {condition}")
        page.wait_for_timeout(100)


def wait_for_points(page: Page, count: int = 2) -> None:
    """Waits until the first chart has drawn and holds some points."""
    page.wait_for_selector("#chart-rate svg.chart path.area")
    open_table(page, "rate", count)


def open_table(page: Page, chart: str, count: int = 1) -> None:
    """Opens the table beneath a chart and waits for its rows: a browser tells of the opening later, and only then they are made."""
    page.locator(f"#chart-{chart} details summary").click()
    until(page, f"document.querySelectorAll('#chart-{chart} tbody tr').length >= {count}", 10 + 10 * count)


def rows_of(page: Page, chart: str) -> list[list[float]]:
    """The figures of the open table beneath a chart, newest first, read in one go: the next poll replaces every row."""
    rows = page.evaluate(
        f"[...document.querySelectorAll('#chart-{chart} tbody tr')]"
        ".map((row) => [...row.querySelectorAll('td')].map((cell) => cell.dataset.raw))"
    )
    return [[float(cell) if cell else math.nan for cell in row] for row in rows]


def quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    """As Prometheus' histogram_quantile."""
    rank = share * buckets[-1][1]
    below = (0.0, 0.0)
    for bound, count in buckets:
        if count >= rank and count > 0:
            if bound == float("inf") or count == below[1]:
                return below[0] if bound == float("inf") else bound
            return below[0] + (bound - below[0]) * (rank - below[1]) / (count - below[1])
        below = (bound, count)
    return below[0]


def buckets_of(samples: list, family: str) -> dict[float, float]:
    sums: dict[float, float] = {}
    for name, labels, value in samples:
        if name == f"{family}_bucket":
            bound = float(labels["le"].replace("+Inf", "inf"))
            sums[bound] = sums.get(bound, 0) + value
    return dict(sorted(sums.items()))


def figures(visit: Visit) -> None:
    gateway = visit.gateway
    before, started = gateway.metrics(), time.monotonic()
    page = visit.open()
    wait_for_points(page, 4)
    after, seconds = gateway.metrics(), time.monotonic() - started

    def clients(samples: list) -> float:
        return sum(v for n, ls, v in samples if n == "glasspot_requests_total" and ls["route"] != "internal")

    rate = (clients(after) - clients(before)) / seconds
    shown = [sum(row) for row in rows_of(page, "rate")]
    mean = sum(shown) / len(shown)
    expect(abs(mean - rate) <= 0.5 * rate + 0.5, f"the page shows {shown}, the metrics say {rate:.2f} per second")
    open_table(page, "ttft")
    ttft = rows_of(page, "ttft")[0]
    family = "glasspot_time_to_first_token_seconds"
    old, new = buckets_of(before, family), buckets_of(after, family)
    wanted = quantile(0.5, [(bound, count - old.get(bound, 0)) for bound, count in new.items()])
    expect(0.4 * wanted <= ttft[0] <= 2.5 * wanted, f"median first token {ttft[0]} s, the metrics say {wanted} s")
    expect(ttft[0] <= ttft[1] <= ttft[2], f"quantiles out of order: {ttft}")
    stages = page.locator("#stages table tbody tr").all_inner_texts()
    expect(any("wait" in row for row in stages) and any("stream" in row for row in stages), f"stages: {stages}")
    lead = page.locator("#stages .lead").inner_text()
    expect("endpoint" in lead and "gateway" in lead, lead)
    for tile in ("rate", "ttft", "overhead", "tokens", "flight"):
        text = page.locator(f"#tile-{tile} .figure").inner_text()
        expect(any(letter.isdigit() for letter in text), f"tile {tile} shows {text}")
    for chart in ("rate", "errors", "ttft", "overhead", "tokens"):
        label = page.locator(f"#chart-{chart} svg.chart").get_attribute("aria-label")
        expect("now:" in label and any(letter.isdigit() for letter in label), f"{chart}: {label}")
        expect(page.locator(f"#chart-{chart} svg.chart path").count() > 3, f"{chart} draws nothing")


def lists(visit: Visit) -> None:
    page = visit.open()
    page.wait_for_selector("#slowest .request")
    page.wait_for_selector("#failed .request")
    slowest = {one["request_id"] for one in visit.gateway.json("/internal/requests?sort=slowest&limit=40")["requests"]}
    shown = [one.strip() for one in page.locator("#slowest .id").all_inner_texts()]
    expect(len(shown) >= 4 and set(shown) <= slowest, f"{shown} are not among the slowest")
    failed = {one["request_id"] for one in visit.gateway.json("/internal/requests?outcome=failed&limit=100")["requests"]}
    shown = [one.strip() for one in page.locator("#failed .id").all_inner_texts()]
    expect(shown and set(shown) <= failed, f"{shown} are not among the failed")
    expect("upstream error" in page.locator("#failed").inner_text(), "no failed request says how it failed")
    expect(page.locator("#slowest svg.stagebar rect").count() > 4, "no stage bars")


def search(visit: Visit) -> None:
    slowest = visit.gateway.json("/internal/requests?outcome=ok&sort=slowest&limit=100")["requests"]
    # The slowest of all may be a whole answer, which has no stage "stream".
    found = next(one for one in slowest if one["stages_us"].get("stream"))
    wanted = found["request_id"]
    page = visit.open("requests")
    page.wait_for_selector(".request")
    expect(page.locator(".request").count() > 10, "too few requests")
    page.get_by_label("Request id").fill(wanted[3:-2])
    until(page, "document.querySelectorAll('.request').length === 1")
    expect_equal(page.locator(".request .id").inner_text().strip(), wanted, "found")
    expect(wanted[3:-2] in page.url, f"{page.url} does not lead here again")
    page.locator(".request summary").click()
    table = page.locator(".request table.stages")
    expect("wait" in table.inner_text() and "stream" in table.inner_text(), table.inner_text())
    facts = page.locator(".request .facts").inner_text()
    expect(found["path"] in facts and wanted in facts, facts)
    stages = sum(found["stages_us"].values()) / 1000
    expect(abs(stages - found["duration_ms"]) < 0.01 * found["duration_ms"] + 0.01, "stages do not add up")
    page.reload()
    page.wait_for_selector(".request")
    expect_equal(page.locator(".request").count(), 1, "requests after a reload")
    page.get_by_label("Request id").fill("there-is-no-such-id")
    page.wait_for_selector("text=No remembered request matches.")


def inventory(visit: Visit) -> None:
    page = visit.open("endpoints")
    until(page, "document.querySelectorAll('tbody tr').length === 4")
    page.wait_for_selector("text=vllm")
    rows = {row.locator("b").inner_text(): row.inner_text() for row in page.locator("tbody tr").all()}
    expect_equal(sorted(rows), ["gpu-a100", "gpu-l4", "mac-mini", "workstation"], "endpoints")
    expect("healthy" in rows["gpu-a100"] and "closed" in rows["gpu-a100"], rows["gpu-a100"])
    expect("offline" in rows["mac-mini"] or "unhealthy" in rows["mac-mini"], rows["mac-mini"])
    page.goto(f"{visit.gateway.url}/internal/ui/models")
    until(page, "document.querySelectorAll('tbody tr').length === 3")
    text = page.locator("table").inner_text()
    expect("llama-3.3-70b" in text and "gpu-a100, gpu-l4" in text.replace("\n", " "), text)


def routing(visit: Visit) -> None:
    page = visit.open("routing")
    page.get_by_label("Model").fill("qwen2.5-7b")
    page.get_by_role("button", name="Explain").click()
    page.wait_for_selector("#explanation dl")
    query = "path=/olla/openai/v1/chat/completions&model=qwen2.5-7b"
    answer = call(f"http://127.0.0.1:{visit.gateway.port}/internal/routing/explain?{query}").json()
    text = page.locator("#explanation").inner_text()
    expect("least-connections" in text and "model_found" in text, text)
    chosen = page.locator(".verdict b").inner_text()
    candidates = [one["name"] for one in answer["endpoints"] if one["candidate"]]
    expect(chosen in candidates, f"{chosen} is none of {candidates}")
    rows = page.locator(".routing tbody tr")
    expect_equal(rows.count(), len(answer["endpoints"]), "rows")
    for one in answer["endpoints"]:
        row = rows.filter(has_text=one["name"]).inner_text()
        word = "candidate" if one["candidate"] else one["excluded_because"].replace("_", " ")
        expect(word in row, f"{one['name']}: {word} is not in {row!r}")
    # A refusal says why, and a path that leads nowhere says which would.
    page.get_by_label("Model").fill("nobody-has-this")
    page.get_by_role("button", name="Explain").click()
    page.wait_for_selector(".verdict .pill[data-tone=bad]")
    expect("model_not_found" in page.locator("#explanation").inner_text(), "no reason for the refusal")
    page.get_by_label("Path").fill("/internal/health")
    page.get_by_role("button", name="Explain").click()
    page.wait_for_selector("#explanation .hint")
    expect("leads to no endpoint" in page.locator("#explanation").inner_text(), "no hint")
    # The browser itself logs the 404 that was asked for.
    visit.problems = [one for one in visit.problems if "404" not in one]


def keyboard(visit: Visit) -> None:
    page = visit.open()
    page.wait_for_selector("#chart-rate svg.chart path.area")
    page.wait_for_selector("#slowest .request")
    page.keyboard.press("Tab")
    expect_equal(page.evaluate("document.activeElement.className"), "skip", "first stop")
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            "() => { const at = document.activeElement; const box = at.getBoundingClientRect();"
            " const style = getComputedStyle(at);"
            " return [at.tagName, at.id || at.textContent.trim().slice(0, 20), box.width > 0 && box.height > 0,"
            " style.outlineStyle !== 'none']; }"
        )
        if stop[0] == "BODY":
            break
        stops.append(stop)
    expect(all(seen and ringed for _, _, seen, ringed in stops), f"stops without a ring: {stops}")
    names = [name for _, name, _, _ in stops]
    for name in ("Overview", "Endpoints", "Models", "Requests", "Routing", "live", "theme"):
        expect(name in names, f"{name} is not reached: {names}")
    expect(any(tag.lower() == "svg" for tag, *_ in stops), "no chart is reached")
    page.locator("#chart-rate svg.chart").focus()
    page.keyboard.press("ArrowLeft")
    expect("at " in page.locator("#chart-rate .moment").inner_text(), "the arrow moved no cursor")
    page.keyboard.press("Escape")
    expect_equal(page.locator("#chart-rate .moment").inner_text(), "now", "after Escape")
    page.wait_for_selector("#slowest .request")
    page.locator("#slowest summary").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#slowest .request[open] table.stages")
    # A new reading must not take the focus away.
    page.wait_for_timeout(6000)
    expect_equal(page.evaluate("document.activeElement.tagName"), "SUMMARY", "focus after a reading")
    page.locator("nav a[data-view=requests]").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".requests-view")
    expect_equal(page.evaluate("document.activeElement.tagName"), "H1", "focus in a new view")


def paused(visit: Visit) -> None:
    page = visit.open()
    wait_for_points(page)
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_timeout(1000)
    count = len(visit.urls)
    page.wait_for_timeout(7000)
    expect_equal(len(visit.urls), count, "requests while hidden")
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1500)
    expect(len(visit.urls) > count, "it did not go on when seen again")
    page.get_by_role("button", name="Live").click()
    page.wait_for_timeout(1000)
    count = len(visit.urls)
    page.wait_for_timeout(6500)
    expect_equal(len(visit.urls), count, "requests while paused")
    expect_equal(page.locator("#live").get_attribute("aria-pressed"), "false", "the button")


def contrast(visit: Visit) -> None:
    page = visit.open()
    page.wait_for_selector("#slowest .request")
    for view in VIEWS:
        page.goto(f"{visit.gateway.url}/internal/ui/{view}")
        page.wait_for_selector("#fleet:not([data-tone=unknown])")
        page.wait_for_timeout(600)
        result = page.evaluate(CONTRAST)
        expect(result["count"] > 15, f"only {result['count']} texts in {view or 'overview'}")
        expect_equal(result["bad"], [], f"texts below 4.5:1 in {view or 'overview'}")


def brightness(page: Page) -> float:
    color = page.evaluate("getComputedStyle(document.body).backgroundColor")
    numbers = [float(part) for part in color[color.index("(") + 1 : -1].replace(",", " ").split()[:3]]
    return sum(numbers) / 3


def theme(visit: Visit) -> None:
    page = visit.open()
    expect(brightness(page) > 200, "the light page is dark")
    page.emulate_media(color_scheme="dark")
    expect(brightness(page) < 60, "the dark page is light")
    page.get_by_role("button", name="Theme").click()
    expect(brightness(page) > 200, "light was chosen")
    page.reload()
    page.wait_for_selector("#fleet:not([data-tone=unknown])")
    expect(brightness(page) > 200, "the choice was forgotten")


def phone(visit: Visit) -> None:
    page = visit.open()
    for view in VIEWS:
        page.goto(f"{visit.gateway.url}/internal/ui/{view}")
        page.wait_for_selector("#fleet:not([data-tone=unknown])")
        page.wait_for_timeout(2500 if view == "" else 600)
        width, inner = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        expect(width <= inner, f"{view or 'overview'} is {width} px wide on a screen of {inner}")
        wide = page.evaluate(
            "() => [...document.querySelectorAll('main *')].filter((node) => node.checkVisibility()"
            " && !node.closest('.scroll, svg, .unseen, pre, .request summary')"
            " && node.getBoundingClientRect().right > innerWidth + 1).map((node) => node.outerHTML.slice(0, 80))"
        )
        expect_equal(wide, [], f"beyond the edge in {view or 'overview'}")
        small = page.evaluate(
            "() => [...document.querySelectorAll('nav a, button, input, select')].filter((node) =>"
            " node.checkVisibility() && node.getBoundingClientRect().height < 32).map((node) => node.textContent)"
        )
        expect_equal(small, [], "too small to touch")


def totals(visit: Visit) -> None:
    gateway = visit.gateway
    gateway.stop_load()
    wait_until(
        lambda: not any(v for n, ls, v in gateway.metrics() if n == "glasspot_requests_in_flight" and ls["route"] != "internal"),
        "requests to end",
    )
    page = visit.open()
    wanted = f"{gateway.requests():,.0f} since start"
    page.wait_for_selector(f"#tile-rate >> text={wanted}")
    until(page, "document.querySelector('#tile-rate .figure').textContent === '0'")
    expect_equal(page.locator("#tile-flight .figure").inner_text(), "0", "in flight")


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(visit: Visit, options: argparse.Namespace) -> None:
    pid = next(one.child.pid for one in visit.gateway.processes if one.name == "glasspot")

    def share(seconds: float) -> float:
        begin, start = cpu_seconds(pid), time.monotonic()
        visit.page.wait_for_timeout(seconds * 1000)
        return (cpu_seconds(pid) - begin) / (time.monotonic() - start)

    idle = share(15)
    page = visit.open()
    page.wait_for_timeout(3000)
    opened = share(30)
    print(f"    CPU of a core: {idle:.2%} without the page, {opened:.2%} with it")
    if "release" in os.path.realpath(options.glasspot):
        expect(opened - idle <= CPU_SHARE_MAX, f"the open page costs {opened - idle:.2%} of a core")


def gone(browser: Browser, gateway: Gateway) -> None:
    visit = Visit(browser, gateway)
    page = visit.open()
    page.wait_for_selector("#tile-rate >> text=since start")
    next(one for one in gateway.processes if one.name == "glasspot").kill()
    page.wait_for_selector("#banner:not([hidden])", timeout=30_000)
    text = page.locator("#banner").inner_text()
    expect("does not answer" in text and "keeps trying" in text, text)
    expect("since start" in page.locator("#tile-rate").inner_text(), "the last reading is gone")
    expect_equal(page.locator("#fleet").inner_text(), "No connection", "the header")
    visit.context.close()


def pictures(browser: Browser, gateway: Gateway) -> None:
    os.makedirs(IMAGES, exist_ok=True)

    def picture(name: str, view: str, prepare: Callable[[Page], None], **settings: object) -> None:
        visit = Visit(browser, gateway, **settings)
        page = visit.open(view)
        prepare(page)
        page.screenshot(path=os.path.join(IMAGES, f"{name}.png"))
        visit.close()

    def charts(page: Page) -> None:
        wait_for_points(page, 10)
        page.locator("#chart-rate details summary").click()
        page.evaluate("document.activeElement.blur()")
        page.mouse.move(2, 2)

    def slow(page: Page) -> None:
        page.get_by_label("Order").select_option("slowest")
        page.wait_for_timeout(1500)
        page.locator(".request summary").first.click()
        page.wait_for_selector(".request[open] table.stages")
        page.evaluate("document.activeElement.blur()")

    picture("overview", "", charts, viewport={"width": 1280, "height": 1240}, color_scheme="light")
    picture("slow", "requests", slow, viewport={"width": 1280, "height": 820}, color_scheme="dark")
    picture("phone", "", charts, viewport=PHONE, color_scheme="dark")
