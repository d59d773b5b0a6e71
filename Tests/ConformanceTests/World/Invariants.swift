/// What holds on every scrape, at any moment, under any load (telemetry.md 1.4).
enum Invariants {
    /// Every breach on a page, and on its way from the page before; empty when all is well.
    ///
    /// An endpoint that left the configuration has taken the time of its attempts along.
    static func breaches(
        _ page: MetricsPage, after previous: MetricsPage? = nil, hasLostEndpoints: Bool = false
    ) -> [String] {
        var breaches = self.histograms(page) + self.labels(page)
        if self.isOwnCopy(page, after: previous) {
            breaches += self.requests(page) + self.attempts(page) + self.parties(page) + self.streams(page)
            if !hasLostEndpoints { breaches += self.stages(page) }
            breaches += self.states(page)
        }
        if let previous { breaches += self.counters(page, after: previous) }
        return breaches
    }

    /// Whether every loop copied its own shard: a copy from outside may fall between two records of one event.
    static func isOwnCopy(_ page: MetricsPage, after previous: MetricsPage? = nil) -> Bool {
        let name = "glasspot_metrics_shard_fallback_reads_total"
        return page.count(name) == previous?.count(name) ?? 0
    }

    /// 1: every request that started is finished or in flight, route by route.
    private static func requests(_ page: MetricsPage) -> [String] {
        let started = page.sums("glasspot_requests_started_total", by: "route")
        let finished = page.sums("glasspot_requests_total", by: "route")
        let running = page.sums("glasspot_requests_in_flight", by: "route")
        let timed = page.sums("glasspot_request_duration_seconds_count", by: "route")
        let routes = Set(started.keys).union(finished.keys).union(running.keys)
        return routes.flatMap { route -> [String] in
            let counts = (started[route] ?? 0, finished[route] ?? 0, running[route] ?? 0)
            var breaches: [String] = []
            if counts.0 != counts.1 + counts.2 { breaches.append("1: \(route) started, finished, running: \(counts)") }
            if counts.2 < 0 { breaches.append("1: \(route) has \(counts.2) in flight") }
            // Scrapes are counted and not timed.
            let isTimed = route == "internal" ? counts.1 >= timed[route] ?? 0 : counts.1 == timed[route] ?? 0
            if !isTimed {
                breaches.append("1: \(route) finished \(counts.1), timed \(timed[route] ?? 0)")
            }
            return breaches
        }
    }

    /// 2 and 5: every choice is an attempt that ended or runs, or was refused by a breaker.
    private static func attempts(_ page: MetricsPage) -> [String] {
        let chosen = page.sums("glasspot_routing_decisions_total", by: "endpoint")
        let ended = page.sums("glasspot_upstream_requests_total", by: "endpoint")
        let running = page.sums("glasspot_upstream_requests_in_flight", by: "endpoint")
        let refused = page.sums("glasspot_breaker_rejections_total", by: "endpoint")
        let timed = page.sums("glasspot_upstream_attempt_duration_seconds_count", by: "endpoint")
        return Set(chosen.keys).union(ended.keys).union(running.keys).flatMap { endpoint -> [String] in
            let counts = (ended[endpoint] ?? 0, running[endpoint] ?? 0, refused[endpoint] ?? 0)
            var breaches: [String] = []
            if chosen[endpoint] ?? 0 != counts.0 + counts.1 + counts.2 {
                breaches.append(
                    "2: \(endpoint) chosen \(chosen[endpoint] ?? 0), ended, running, refused: \(counts)")
            }
            if counts.1 < 0 { breaches.append("2: \(endpoint) has \(counts.1) attempts in flight") }
            if counts.0 != timed[endpoint] ?? 0 { breaches.append("2: \(endpoint) ended \(counts.0), timed \(timed)") }
            return breaches
        }
    }

    /// 3: counts are the last bucket, buckets never fall, no observation means no sum.
    private static func histograms(_ page: MetricsPage) -> [String] {
        var last: [String: Double] = [:]
        var counts: [String: Double] = [:]
        var sums: [String: Double] = [:]
        var breaches: [String] = []
        for sample in page.samples {
            if sample.name.hasSuffix("_count") {
                counts[sample.name.dropLast(6) + "{" + sample.labels] = sample.value
            } else if sample.name.hasSuffix("_sum") {
                sums[sample.name.dropLast(4) + "{" + sample.labels] = sample.value
            } else if sample.name.hasSuffix("_bucket") {
                guard let mark = sample.labels.firstRange(of: "le=\"") else { continue }
                var labels = String(sample.labels[..<mark.lowerBound])
                if labels.hasSuffix(",") { labels.removeLast() }
                let key = sample.name.dropLast(7) + "{" + labels
                if sample.value < last[key] ?? 0 { breaches.append("3: \(key)} falls at \(sample.labels)") }
                last[key] = sample.value
            }
        }
        for (key, count) in counts {
            if last[key] != count { breaches.append("3: \(key)} +Inf \(last[key] ?? -1), count \(count)") }
            if count == 0, sums[key] != 0 { breaches.append("3: \(key)} has a sum without observations") }
        }
        if last.count != counts.count { breaches.append("3: \(last.count) bucket rows, \(counts.count) counts") }
        return breaches
    }

    /// The endpoints on a page.
    static func endpoints(of page: MetricsPage) -> Set<String> {
        Set(page["glasspot_endpoint_up"].compactMap { $0.label("endpoint") })
    }

    /// 4: all stages together are the whole time, to the nanosecond.
    private static func stages(_ page: MetricsPage) -> [String] {
        let total = page.nanoseconds("glasspot_request_duration_seconds_sum")
        let stages =
            page.nanoseconds("glasspot_request_stage_duration_seconds_sum")
            + page.nanoseconds("glasspot_upstream_stage_duration_seconds_sum")
        return stages == total ? [] : ["4: stages \(stages) ns, requests \(total) ns"]
    }

    /// 4: all parties together are the whole time, to the nanosecond.
    private static func parties(_ page: MetricsPage) -> [String] {
        var breaches: [String] = []
        for route in Set(page["glasspot_request_party_seconds_total"].compactMap { $0.label("route") }) {
            let parties = page.nanoseconds("glasspot_request_party_seconds_total", ["route": route])
            let whole = page.nanoseconds("glasspot_request_duration_seconds_sum", ["route": route])
            if parties != whole { breaches.append("4: \(route) parties \(parties) ns, requests \(whole) ns") }
        }
        return breaches
    }

    /// 6: every delta is a stream's first or has a gap before it.
    private static func streams(_ page: MetricsPage) -> [String] {
        let gaps = page.count("glasspot_inter_chunk_duration_seconds_count")
        let firsts = page.count("glasspot_time_to_first_token_seconds_count")
        let deltas = page.count("glasspot_stream_chunks_total")
        var breaches = gaps + firsts == deltas ? [] : ["6: \(gaps) gaps, \(firsts) first tokens, \(deltas) deltas"]
        for sample in page["glasspot_streams_in_flight"] where sample.value < 0 {
            breaches.append("6: \(sample.value) streams in flight")
        }
        return breaches
    }

    /// 9: an endpoint and a breaker are in exactly one state; nothing is open less than not at all.
    private static func states(_ page: MetricsPage) -> [String] {
        var breaches: [String] = []
        for name in ["glasspot_endpoint_state", "glasspot_breaker_state"] {
            for (endpoint, count) in page.sums(name, by: "endpoint") where count != 1 {
                breaches.append("9: \(name) of \(endpoint) is \(count)")
            }
        }
        for name in ["glasspot_client_connections_open", "glasspot_upstream_connections_open"] {
            for sample in page[name] where sample.value < 0 {
                breaches.append("9: \(name){\(sample.labels)} is \(sample.value)")
            }
        }
        return breaches
    }

    /// 8: counters never fall, and no series goes away.
    private static func counters(_ page: MetricsPage, after previous: MetricsPage) -> [String] {
        var values: [String: Double] = [:]
        let suffixes = ["_total", "_bucket", "_count", "_sum"]
        for sample in page.samples where suffixes.contains(where: sample.name.hasSuffix) {
            values[sample.name + "{" + sample.labels] = sample.value
        }
        // An endpoint or a client key that left the configuration takes its series along, all of them.
        let endpoints = self.endpoints(of: page).union(["other"])
        let keys = Set(page.samples.compactMap { $0.label("key") })
        return previous.samples.compactMap { sample in
            if let key = sample.label("key"), !keys.contains(key) { return nil }
            if let endpoint = sample.label("endpoint"), !endpoints.contains(endpoint) { return nil }
            guard suffixes.contains(where: sample.name.hasSuffix), !sample.name.hasPrefix("process_") else {
                return nil
            }
            let key = sample.name + "{" + sample.labels
            guard let value = values[key] else { return "8: \(key)} is gone" }
            return value < sample.value ? "8: \(key)} fell from \(sample.value) to \(value)" : nil
        }
    }
}
