import Domain
import Exposition
import MetricKernel
import Telemetry

/// `docs/METRICS.md`, written from the catalogue in the code.
enum CatalogPage {
    /// Where the page lies in the repository.
    static let path = "docs/METRICS.md"

    /// The whole page.
    static func markdown() -> String {
        var page = self.introduction()
        page += self.stages()
        page += self.index()
        for (section, rows) in MetricCatalog.sections {
            page += "\n## \(section.rawValue)\n"
            for row in rows { page += self.family(row) }
        }
        return page + self.views()
    }

    private static func introduction() -> String {
        """
        <!-- Written by `swift run catalogue markdown` from Sources/Telemetry; edits are lost. -->
        # Metrics

        \(MetricCatalog.rows.count) families, all served by `GET /internal/metrics`. What holds for all of them:

        - **Every request is counted once.** `glasspot_requests_started_total` = `glasspot_requests_total` +
          `glasspot_requests_in_flight`, route by route, on every scrape. The same holds for attempts:
          `glasspot_routing_decisions_total` = `glasspot_upstream_requests_total` + attempts in flight + breaker
          rejections.
        - **Time adds up.** At each instant a request is in exactly one [stage](#stages) and waits for exactly one
          party. The sums of the gateway's stages and of the upstream stages together are the sum of
          `glasspot_request_duration_seconds`; so are the three parties of `glasspot_request_party_seconds_total`.
          Retries re-enter the upstream stages; their time stays with the endpoint that took it.
        - **A page is one instant.** Each event loop copies its own numbers in one go, so the families of a page agree
          with each other and not only each with itself.
        - **Zero is shown.** Series whose labels have a closed list of values exist from the start, so `rate()` and
          alerts see the first event. Series with a model in them begin when the model is first used.
        - **Labels are bounded.** `endpoint` is a configured name, `model` a model the gateway knows (at most
          `metrics.max_models`), `key` the name of a client key. Everything else becomes `other` and is counted in
          `glasspot_metrics_label_overflow_total`. Paths, addresses, request ids and error texts are never labels. The
          series of a removed endpoint, model or key appear in one more scrape and then not again; if it comes back it
          starts at zero.
        - **Tokens are what the endpoint reports.** Without usage nothing is guessed: `glasspot_usage_missing_total`
          counts. Time to first token stops at the first delta that carries text, reasoning or a tool call; role-only,
          empty and usage-only chunks do not stop it, and answers that are no stream have none.
        - **A cut stream is no success.** `outcome` says how a request ended; `code` is what the client saw, `499` when
          it left before any status.


        """
    }

    // MARK: Stages

    private static func stages() -> String {
        var text = """
            ## Stages

            | Stage | Waits for | From → to | In |
            |---|---|---|---|

            """
        for stage in Stage.allCases {
            let family = stage.isUpstream ? "upstream_stage" : "request_stage"
            let span = self.spans[stage] ?? ""
            text += "| `\(stage.label)` | \(stage.party.label) | \(span) | `glasspot_\(family)_duration_seconds` |\n"
        }
        return text
    }

    private static let spans: [Stage: String] = [
        .readHead: "first byte of the request → head parsed",
        .readBody: "more of the body is needed → it arrived",
        .inspect: "head or body at hand → model and needs known",
        .admit: "asked for admission (key, rate, size) → allowed or refused; summed over several visits",
        .queue: "admitted to wait for capacity → released",
        .route: "released → endpoint chosen",
        .translateRequest: "endpoint chosen → request in the endpoint's dialect",
        .acquire: "request ready → connection usable",
        .send: "connection usable → last request byte taken by the socket",
        .wait: "last byte sent → response head",
        .stream: "response head → last byte of the answer, less the time it is held up by the gateway or the client",
        .translateResponse: "part of the answer at hand → the same in the client's dialect; summed over the answer",
        .writeResponse: "part of the answer at hand → the client's socket took it; summed over the answer",
        .finish: "end of the answer seen → last byte taken by the client's socket",
    ]

    // MARK: Families

    private static func index() -> String {
        var text = "\n## All families\n\n| Family | Type | Meaning |\n|---|---|---|\n"
        for row in MetricCatalog.rows {
            text += "| [`\(row.name)`](#\(row.name)) | \(self.kind(row)) | \(row.help) |\n"
        }
        return text
    }

    private static func kind(_ row: CatalogRow) -> String { self.kind(row.kind) }

    private static func kind(_ kind: MetricKind) -> String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .info: "info"
        case .histogram: "histogram"
        }
    }

    private static func views() -> String {
        var text = """

            ## Views

            `metrics.views: [olla, otel]` adds further names over the same measurements; both are off by default because
            they double what a scraper stores. `olla` has the 45 names of the compatible system with true counts; those
            names do not pass `promtool check metrics`. `otel` has the names of the OpenTelemetry conventions as
            projections; rows of the conventions that need a dimension none of our families has are left out
            (`gen_ai.client.operation.time_to_first_chunk`, `gen_ai.server.request.duration`).

            """
        for view in MetricView.allCases {
            text += "\n### View `\(view.rawValue)`\n\n| Family | Type | Labels | Meaning |\n|---|---|---|---|\n"
            for row in view.rows {
                let labels = row.labels.isEmpty ? "—" : row.labels.map { "`\($0)`" }.joined(separator: " ")
                text += "| `\(row.name)` | \(self.kind(row.kind)) | \(labels) | \(row.help) |\n"
            }
        }
        return text
    }

    private static func unit(_ row: CatalogRow) -> String {
        switch row.unit {
        case .seconds: row.name.hasSuffix("_timestamp_seconds") ? ", Unix time in seconds" : ", seconds"
        case .bytes: ", bytes"
        case .milliseconds: ", milliseconds"
        case .none, .thousandths: ""
        }
    }

    private static func family(_ row: CatalogRow) -> String {
        var text = "\n### \(row.name)\n\n\(row.help)\n\n"
        text += "- Type: \(self.kind(row))\(self.unit(row))\n"
        text += "- Recorded: \(row.recorded)\n"
        for label in row.labels { text += "- Label `\(label.name)`: \(self.values(label.values))\n" }
        if let bounds = row.buckets?.boundTexts(in: row.unit) {
            text += "- Buckets: \(bounds.map { "`\($0)`" }.joined(separator: " "))\n"
        }
        text += "\n```promql\n\(Example.query(for: row))\n```\n"
        return text
    }

    private static func values(_ values: LabelSource.Values) -> String {
        switch values {
        case .closed(let list): list.map { "`\($0)`" }.joined(separator: " ")
        case .endpoints: "the endpoint's name in the configuration, or `other`"
        case .models: "the model after aliases, or `other`; `none` when the request names none"
        case .clientKeys: "the key's name in the configuration, or `other`"
        case .loops: "the event loop, from 0"
        case .version: "the version of this build"
        case .revision: "the source revision of this build"
        case .swiftVersion: "the compiler of this build"
        }
    }
}

/// A query that says something useful about a family.
enum Example {
    /// The query; any range stands for what suits the dashboard.
    static func query(for row: CatalogRow) -> String {
        let special: String? =
            switch row.metric {
            case .requestsTotal:
                "sum by (outcome) (rate(glasspot_requests_total{outcome!=\"ok\"}[5m]))"
            case .requestStageDurationSeconds, .upstreamStageDurationSeconds:
                "sum by (stage) (rate(\(row.name)_sum[5m]))"
            case .requestPartySecondsTotal:
                "sum by (party) (rate(\(row.name)[5m])) / ignoring (party) group_left "
                    + "sum(rate(glasspot_request_duration_seconds_sum[5m]))"
            case .oldestRequestStartTimestampSeconds:
                "time() - \(row.name) > 600 and \(row.name) > 0"
            case .endpointUp: "min by (endpoint) (\(row.name)) == 0"
            case .endpointState, .breakerState: "\(row.name) == 1"
            case .modelEndpoints: "min by (model) (\(row.name)) == 0"
            case .configLastReloadSuccessful: "\(row.name) == 0"
            case .processOpenFDs: "process_open_fds / process_max_fds"
            case .processStartTimeSeconds: "time() - process_start_time_seconds"
            case .buildInfo, .configInfo: row.name
            case .swiftEventLoopCPUSecondsTotal: "rate(\(row.name)[5m])"
            case .tokensTotal: "sum by (model, token_type) (rate(\(row.name)[5m]))"
            case .metricsSeries: row.name
            default: nil
            }
        return special ?? self.plain(row)
    }

    private static func plain(_ row: CatalogRow) -> String {
        let labels = row.labels.prefix(2).map { $0.name }
        let by = labels.isEmpty ? "" : " by (\(labels.joined(separator: ", ")))"
        switch row.kind {
        case .counter: return "sum\(by) (rate(\(row.name)[5m]))"
        case .info: return row.name
        case .histogram:
            let kept = (["le"] + labels.prefix(1)).joined(separator: ", ")
            return "histogram_quantile(0.95, sum by (\(kept)) (rate(\(row.name)_bucket[5m])))"
        case .gauge:
            if row.name.hasSuffix("_timestamp_seconds") { return "time() - max\(by) (\(row.name))" }
            if row.name.hasSuffix("_ratio") { return "max\(by) (\(row.name))" }
            return labels.isEmpty ? row.name : "sum\(by) (\(row.name))"
        }
    }
}
