"""Reading a text 0.0.4 page and the invariants that hold on every page (telemetry: started = finished + in flight,
whole histograms, counters that never fall, no empty label)."""
import re

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ ]+)$")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"(?:,|$)')
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}

Labels = tuple[tuple[str, str], ...]


class Page:
    def __init__(self):
        self.types: dict[str, str] = {}
        self.series: dict[str, dict[Labels, float]] = {}

    def total(self, name: str, by: str) -> dict[str, float]:
        """The sums of a metric over all its series, by one label."""
        sums: dict[str, float] = {}
        for labels, value in self.series.get(name, {}).items():
            key = dict(labels).get(by, "")
            sums[key] = sums.get(key, 0) + value
        return sums

    def value(self, name: str) -> float:
        return sum(self.series.get(name, {}).values())


def parse(text: str) -> Page:
    """Reads a page; raises ValueError at the first line that is none."""
    page = Page()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line[7:].rsplit(" ", 1)
            page.types[name] = kind
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise ValueError(f"not a sample: {line}")
        name, labels, value = match.groups()
        pairs = LABEL.findall(labels or "")
        if labels and ",".join(f'{key}="{raw}"' for key, raw in pairs) != labels.rstrip(","):
            raise ValueError(f"not labels: {line}")
        key = tuple((label, re.sub(r"\\.", lambda m: ESCAPES.get(m[0], m[0]), raw)) for label, raw in pairs)
        if key in page.series.setdefault(name, {}):
            raise ValueError(f"twice: {line}")
        page.series[name][key] = float(value)
    return page


def problems(page: Page) -> list[str]:
    """What is wrong with one page."""
    found = []
    started = page.total("glasspot_requests_started_total", "route")
    finished = page.total("glasspot_requests_total", "route")
    in_flight = page.total("glasspot_requests_in_flight", "route")
    for route in started.keys() | finished.keys() | in_flight.keys():
        if started.get(route, 0) != finished.get(route, 0) + in_flight.get(route, 0):
            found.append(
                f"{route}: {started.get(route, 0)} started, {finished.get(route, 0)} finished, "
                f"{in_flight.get(route, 0)} in flight")
    for name, kind in page.types.items():
        if kind == "histogram":
            found += histogram_problems(page, name)
    for name, series in page.series.items():
        found += [f"{name}: empty label in {labels}" for labels in series if any(not v for _, v in labels)]
    return found


def histogram_problems(page: Page, name: str) -> list[str]:
    found = []
    rows: dict[Labels, list[tuple[float, float]]] = {}
    for labels, value in page.series.get(name + "_bucket", {}).items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        rows.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for labels, buckets in rows.items():
        buckets.sort()
        values = [value for _, value in buckets]
        count = page.series.get(name + "_count", {}).get(labels)
        total = page.series.get(name + "_sum", {}).get(labels)
        if buckets[-1][0] != float("inf") or values[-1] != count:
            found.append(f"{name}{labels}: count {count} is not the last bucket {values[-1]}")
        if values != sorted(values):
            found.append(f"{name}{labels}: buckets fall")
        if count == 0 and total != 0:
            found.append(f"{name}{labels}: sum {total} of nothing")
    return found


def fallen(old: Page, new: Page) -> list[str]:
    """Counters (and histogram parts) that fell from one page of a process to the next."""
    found = []
    for name, series in new.series.items():
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if new.types.get(name) != "counter" and new.types.get(base) != "histogram":
            continue
        before = old.series.get(name, {})
        found += [
            f"{name}{labels}: {before[labels]} fell to {value}"
            for labels, value in series.items() if value < before.get(labels, 0)]
    return found
