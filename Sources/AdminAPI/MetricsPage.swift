import Domain
import Exposition
import MetricKernel
import Pipeline
import Synchronization
import Telemetry

/// The page `/internal/metrics` (telemetry.md 2.2).
extension AdminRoutes {
    /// What a scraper is given when it names no time limit; Prometheus' own default.
    private static let defaultTimeout = Nanoseconds.seconds(10)
    private static let timeoutMax = Nanoseconds.seconds(60)

    func metricsPage(_ request: LocalRequest) async -> LocalResponse {
        let start = self.sources.now()
        let format = ExpositionFormat.negotiate(
            accept: request.value(of: "Accept"), served: self.configuration.scrapeFormats)
        let coding = ContentCoding.negotiate(acceptEncoding: request.value(of: "Accept-Encoding"))
        guard self.takePlace() else {
            return self.refuse("too many scrapes at once", format, coding, since: start)
        }
        defer { self.scrapes.subtract(1, ordering: .relaxed) }
        let deadline = start + Self.timeLimit(request.value(of: "X-Prometheus-Scrape-Timeout-Seconds"))
        let (shards, facts) = await self.sources.collect(deadline)
        guard self.sources.now() < deadline else {
            return self.refuse("the scrape took too long", format, coding, since: start)
        }
        // By full names, as the official Go client filters.
        let names = Set(Query(request.query, limit: MetricSchema.familyLimit).values("name[]"))
        let isWhole = names.isEmpty && request.method != "HEAD"
        var snapshot = self.metrics.snapshot(shards: shards, facts: facts, for: isWhole ? .scrape : .excerpt)
        if !names.isEmpty { snapshot = snapshot.keeping(names) }
        var body = format.render(snapshot)
        var fields: [LocalResponse.Field] = [
            ("Content-Type", format.contentType), ("Vary", "Accept, Accept-Encoding"),
        ]
        var encoding = ScrapeEncoding.identity
        if coding == .gzip, let compressed = try? Gzip.compress(body) {
            body = compressed
            encoding = .gzip
            fields.append(("Content-Encoding", "gzip"))
        }
        guard self.sources.now() < deadline else {
            return self.refuse("the scrape took too long", format, coding, since: start)
        }
        self.metrics.control.scrapeFinished(
            format.scrapeFormat, encoding, code: 200, bodyBytes: body.count, duration: self.sources.now() - start)
        return LocalResponse(status: 200, fields: fields, body: body)
    }

    /// Takes one of the places for scrapes, if one is free; whoever is refused never held one.
    private func takePlace() -> Bool {
        var running = self.scrapes.load(ordering: .relaxed)
        while running < self.configuration.scrapesMax {
            let result = self.scrapes.weakCompareExchange(
                expected: running, desired: running + 1, ordering: .relaxed)
            if result.exchanged { return true }
            running = result.original
        }
        return false
    }

    private func refuse(
        _ message: String, _ format: ExpositionFormat, _ coding: ContentCoding, since start: MonotonicTime
    ) -> LocalResponse {
        let response = LocalResponse.textError(503, message, fields: [("Retry-After", "1")])
        self.metrics.control.scrapeFinished(
            format.scrapeFormat, .identity, code: 503, bodyBytes: response.body.count,
            duration: self.sources.now() - start)
        return response
    }

    /// Nine tenths of what the scraper waits, so that the answer is there in time.
    private static func timeLimit(_ header: String?) -> Nanoseconds {
        guard let header, let seconds = Double(header), seconds.isFinite, seconds > 0 else {
            return Nanoseconds(rawValue: Self.defaultTimeout.rawValue / 10 * 9)
        }
        let limit = min(seconds, Self.timeoutMax.seconds)
        return Nanoseconds(rawValue: Int64(limit * 9e8))
    }
}

extension AdminRoutes.Configuration {
    /// The formats a scraper may ask for.
    fileprivate var scrapeFormats: Set<ExpositionFormat.Syntax> {
        self.offersOpenMetrics2
            ? ExpositionFormat.stable.union([.openMetrics200]) : ExpositionFormat.stable
    }
}

extension ExpositionFormat {
    /// The family of format a scrape is counted under.
    fileprivate var scrapeFormat: ScrapeFormat {
        switch self.syntax {
        case .text004, .text100: .text
        case .openMetrics001, .openMetrics100, .openMetrics200: .openmetrics
        case .protobuf: .protobuf
        }
    }
}
