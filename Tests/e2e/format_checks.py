"""Formats of the metrics page: independent decoders read the same numbers, and Prometheus stores what it should."""

import math
import time
import urllib.parse
from collections.abc import Callable

import metrics_schema
from harness import Checks, Failed, call, expect, expect_equal, wait_until
from metrics_page import Labels, Page
from prometheus_client.openmetrics import parser as openmetrics
from world import Prometheus, World

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
DURATION = "glasspot_request_duration_seconds"
Samples = dict[tuple[str, Labels], float]


def run(checks: Checks, world: World) -> None:
    _decoders(checks, world)
    _stores(checks, world)


def _scrape(world: World, accept: str) -> bytes:
    answer = call(f"{world.main.url}/internal/metrics", headers={"Accept": accept}, timeout=10)
    expect_equal(answer.status, 200, "status")
    kind, *_ = (answer.headers["Content-Type"] or "").split(";")
    expect_equal(kind, accept.split(";", maxsplit=1)[0], "Content-Type")
    return answer.body


def _text(world: World) -> Samples:
    page = Page(_scrape(world, "text/plain; version=0.0.4").decode())
    return {
        (name, labels): value
        for name, series in page.samples.items()
        for labels, value in series.items()
    }


def _openmetrics(world: World) -> Samples:
    samples: Samples = {}
    text = _scrape(world, OPENMETRICS).decode()
    for family in openmetrics.text_string_to_metric_families(text):
        for sample in family.samples:
            samples[sample.name, tuple(sorted(sample.labels.items()))] = float(sample.value)
    return samples


def _protobuf(world: World) -> Samples:
    samples: Samples = {}
    for family in metrics_schema.families(_scrape(world, PROTOBUF)):
        for metric in family.metric:
            labels = tuple(sorted((pair.name, pair.value) for pair in metric.label))
            for name, more, value in _values(family.name, metric):
                samples[name, tuple(sorted((*labels, *more)))] = value
    return samples


def _values(name: str, metric: object) -> list[tuple[str, Labels, float]]:
    """The samples of one metric, as the text form has them."""
    for kind in ("counter", "gauge", "untyped"):
        if metric.HasField(kind):
            return [(name, (), getattr(metric, kind).value)]
    histogram = metric.histogram
    found = [
        (f"{name}_bucket", (("le", str(bucket.upper_bound)),), float(bucket.cumulative_count))
        for bucket in histogram.bucket
    ]
    if not histogram.bucket or histogram.bucket[-1].upper_bound != math.inf:
        found.append((f"{name}_bucket", (("le", "inf"),), float(histogram.sample_count)))
    found.append((f"{name}_count", (), float(histogram.sample_count)))
    found.append((f"{name}_sum", (), histogram.sample_sum))
    return found


def _bounds_as_numbers(samples: Samples) -> Samples:
    """The same samples with every `le` in one spelling."""
    return {
        (name, tuple((key, str(float(value)) if key == "le" else value) for key, value in labels)): number
        for (name, labels), number in samples.items()
    }


def _decoders(checks: Checks, world: World) -> None:
    def agrees(other: Callable[[World], Samples]) -> None:
        # A scrape counts itself and health checks go on: what stood still between two text pages is compared.
        compared: Samples = {}
        for _ in range(5):
            before, found, after = _text(world), other(world), _text(world)
            still = _bounds_as_numbers({key: value for key, value in before.items() if after.get(key) == value})
            found = _bounds_as_numbers(found)
            for key, value in still.items():
                told = found.get(key)
                # `build_info` and `config_info` are families of type info in OpenMetrics: the same sample.
                expect(told is not None, f"{key[0]}{dict(key[1])} is missing")
                if told == value:
                    compared[key] = value
            missing = {key: (value, found[key]) for key, value in still.items() if key not in compared}
            if not missing:
                break
            time.sleep(0.3)
        else:
            raise Failed(f"other numbers: {list(missing.items())[:3]}")
        expect(len(compared) > 1_000, f"only {len(compared)} samples stood still")
        buckets = [value for (name, _), value in compared.items() if name == f"{DURATION}_bucket" and value]
        expect(buckets, "no observation was compared")

    def exemplars() -> None:
        text = _scrape(world, OPENMETRICS).decode()
        seen: dict[str, int] = {}
        for family in openmetrics.text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.exemplar is None:
                    continue
                labels = sample.exemplar.labels
                size = sum(len(key) + len(value) for key, value in labels.items())
                expect(size <= 128, f"{sample.name}: an exemplar of {size} characters")
                expect(sample.exemplar.timestamp is not None, f"{sample.name}: no timestamp")
                expect("request_id" in labels or "trace_id" in labels, f"{sample.name}: {labels}")
                expect(
                    float(sample.labels.get("le", "inf")) >= sample.exemplar.value,
                    f"{sample.name}: exemplar {sample.exemplar.value} in bucket {sample.labels}",
                )
                seen[family.name] = seen.get(family.name, 0) + 1
        for name in (DURATION, "glasspot_time_to_first_token_seconds"):
            expect(name in seen, f"{name} has no exemplar; others: {seen}")

    def native() -> None:
        found = 0
        for family in metrics_schema.families(_scrape(world, PROTOBUF)):
            for metric in family.metric:
                histogram = metric.histogram
                if not histogram.HasField("schema"):
                    continue
                found += histogram.sample_count > 0
                expect(len(histogram.positive_span), f"{family.name}: no span marks it as native")
                counts = metrics_schema.native_buckets(histogram)
                total = histogram.zero_count + sum(counts.values())
                expect_equal(total, histogram.sample_count, f"{family.name}: observations")
                expect(min(counts.values(), default=0) >= 0, f"{family.name}: a negative bucket")
                factor = 2 ** (2**-histogram.schema)
                for bucket in histogram.bucket:
                    certain = histogram.zero_count + sum(
                        count for index, count in counts.items() if factor**index <= bucket.upper_bound
                    )
                    possible = histogram.zero_count + sum(
                        count for index, count in counts.items() if factor ** (index - 1) < bucket.upper_bound
                    )
                    expect(
                        certain <= bucket.cumulative_count <= possible,
                        f"{family.name} up to {bucket.upper_bound}: {bucket.cumulative_count} classic, "
                        f"{certain} to {possible} native",
                    )
        expect(found, "no native histogram has an observation")

    checks.run("OpenMetrics: the strict parser reads the numbers of the text page", lambda: agrees(_openmetrics))
    checks.run("OpenMetrics: exemplars have ids, times and their bucket", exemplars)
    checks.run("protobuf: decoded by the public schema, the numbers of the text page", lambda: agrees(_protobuf))
    checks.run("protobuf: native buckets agree with the classic ones", native)


def _stores(checks: Checks, world: World) -> None:
    def second(name: str, feature: str) -> Prometheus:
        prometheus = Prometheus(world.folder, world.main.port, name, feature)
        world.processes.append(prometheus.process)
        return prometheus

    plain = second("prometheus-exemplars", "exemplar-storage")
    native = second("prometheus-native", "native-histograms")
    before = Page(world.main.metrics()).sum(f"{DURATION}_count", route="provider")

    def load() -> None:
        """Requests over some seconds, so that both have rates."""
        body = {"model": "mock-chat", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        for _ in range(40):
            answer = world.main.call("/olla/vllm/v1/chat/completions", "POST", body)
            expect_equal(answer.status, 200, "status")
            time.sleep(0.1)

    def stored() -> None:
        load()
        start = time.time() - 600

        def found() -> list:
            query = {"query": f"{DURATION}_bucket", "start": start, "end": time.time() + 60}
            url = f"{plain.url}/api/v1/query_exemplars?" + urllib.parse.urlencode(query)
            return [
                exemplar
                for series in call(url).json()["data"]
                for exemplar in series["exemplars"]
                if len(exemplar["labels"].get("trace_id", "")) == 32
            ]

        wait_until(found, "an exemplar with a trace id to be stored", 20, 0.5)

    def quantiles() -> None:
        after = Page(world.main.metrics())
        expect(after.sum(f"{DURATION}_count", route="provider") >= before + 40, "the load was not counted")
        bounds = sorted(
            {float(dict(key)["le"]) for key in after.samples[f"{DURATION}_bucket"]}
        )
        selector = '{route="provider",stream="true"}'

        def agree() -> bool:
            for quantile in (0.5, 0.9):
                classic = plain.value(
                    f"histogram_quantile({quantile}, sum by (le) (rate({DURATION}_bucket{selector}[30s])))"
                )
                told = native.value(
                    f"histogram_quantile({quantile}, sum(rate({DURATION}{selector}[30s])))"
                )
                if not (0 < classic < math.inf and 0 < told < math.inf):
                    return False
                places = [next(p for p, b in enumerate(bounds) if v <= b) for v in (classic, told)]
                if abs(places[0] - places[1]) > 1:
                    return False
            return True

        wait_until(agree, "native and classic quantiles within one bucket of each other", 20, 0.5)

    checks.run("Prometheus stores exemplars of the OpenMetrics page", stored)
    checks.run("Prometheus: quantiles of native and classic histograms agree", quantiles)
