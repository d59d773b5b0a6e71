"""Reads metric pages and holds them against the invariants of the catalogue."""

import math
import threading
import time
from collections import defaultdict

from harness import Failed, call, expect
from prometheus_client.parser import text_string_to_metric_families

Labels = tuple[tuple[str, str], ...]


class Page:
    """One scraped page of the text format."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[str, dict[Labels, float]] = defaultdict(dict)
        self.histograms: list[str] = []
        for family in text_string_to_metric_families(text):
            if family.type == "histogram":
                self.histograms.append(family.name)
            for sample in family.samples:
                key = tuple(sorted(sample.labels.items()))
                if key in self.samples[sample.name]:
                    raise Failed(f"series twice on one page: {sample.name}{dict(key)}")
                self.samples[sample.name][key] = sample.value

    def sum(self, name: str, **labels: str) -> float:
        """The sum over the series that carry these labels."""
        return sum(
            value
            for key, value in self.samples.get(name, {}).items()
            if labels.items() <= dict(key).items()
        )

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The sums by the values of one label."""
        totals: dict[str, float] = defaultdict(float)
        for key, value in self.samples.get(name, {}).items():
            fields = dict(key)
            if labels.items() <= fields.items():
                totals[fields[label]] += value
        return dict(totals)

    def check_requests(self) -> None:
        """Started = finished + in flight, per route."""
        started = self.by("glasspot_requests_started_total", "route")
        finished = self.by("glasspot_requests_total", "route")
        flying = self.by("glasspot_requests_in_flight", "route")
        expect(started, "glasspot_requests_started_total is missing")
        for route in started.keys() | finished.keys() | flying.keys():
            total = finished.get(route, 0) + flying.get(route, 0)
            expect(
                started.get(route, 0) == total,
                f"route {route}: {started.get(route, 0):g} started, {finished.get(route, 0):g} "
                f"finished, {flying.get(route, 0):g} in flight",
            )

    def check_attempts(self) -> None:
        """Attempts = decisions, less choices given up before their attempt began."""
        decisions = self.sum("glasspot_routing_decisions_total")
        attempts = self.sum("glasspot_upstream_requests_total") + self.sum(
            "glasspot_upstream_requests_in_flight"
        )
        given_up = self.sum("glasspot_breaker_rejections_total") + self.sum(
            "glasspot_client_cancellations_total"
        )
        expect(
            attempts <= decisions <= attempts + given_up,
            f"{decisions:g} decisions, {attempts:g} attempts, at most {given_up:g} given up",
        )

    def check_histograms(self) -> None:
        """Count = the +Inf bucket, buckets never fall, the sum is 0 when the count is."""
        expect(self.histograms, "the page has no histogram")
        for name in self.histograms:
            buckets: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
            for key, value in self.samples[f"{name}_bucket"].items():
                rest = tuple(pair for pair in key if pair[0] != "le")
                buckets[rest].append((float(dict(key)["le"]), value))
            for rest, count in self.samples[f"{name}_count"].items():
                series = f"{name}{dict(rest)}"
                # In the order of the page, so that a wrong order is seen too.
                bounds = [bound for bound, _ in buckets[rest]]
                values = [value for _, value in buckets[rest]]
                expect(bounds == sorted(bounds), f"{series}: bounds not ascending")
                expect(values == sorted(values), f"{series}: buckets fall: {values}")
                expect(bounds and bounds[-1] == math.inf, f"{series}: no +Inf bucket")
                expect(values[-1] == count, f"{series}: +Inf {values[-1]:g}, count {count:g}")
                total = self.samples[f"{name}_sum"].get(rest)
                expect(total is not None, f"{series}: no sum")
                expect(count > 0 or total == 0, f"{series}: count 0 but sum {total}")

    def check_invariants(self) -> None:
        """The first three invariants of the catalogue."""
        self.check_requests()
        self.check_attempts()
        self.check_histograms()


class Scraper:
    """Scrapes a gateway again and again, beside whatever else goes on."""

    def __init__(self, url: str, every: float = 0.5) -> None:
        self.url = url
        self.every = every
        self.pages: list[str] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                answer = call(self.url, timeout=10)
                if answer.status == 200:
                    self.pages.append(answer.body.decode())
                else:
                    self.failures.append(f"status {answer.status}")
            except OSError as error:
                self.failures.append(str(error))
            time.sleep(self.every)

    def stop(self) -> None:
        """Ends the scraping; the pages stay."""
        self._stop.set()
        self._thread.join()


def bucket_index(bounds: list[float], value: float) -> int:
    """The place of the first bound that is not below the value."""
    return next((place for place, bound in enumerate(bounds) if value <= bound), len(bounds))


def observations(buckets: dict[float, float]) -> list[int]:
    """The bucket of each observation, ascending, from cumulative buckets."""
    places: list[int] = []
    before = 0.0
    for place, bound in enumerate(sorted(buckets)):
        places += [place] * round(buckets[bound] - before)
        before = buckets[bound]
    return places
