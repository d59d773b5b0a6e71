import Catalog
import Domain

/// The pages `/internal/status` and `/internal/status/endpoints` (http-surface 1.7).
struct StatusPage {
    private let configuration: AdminRoutes.Configuration
    private let report: StatusReport
    private let rows: [Row]
    private let now: Nanoseconds

    /// One endpoint with all that is shown of it.
    private struct Row {
        let endpoint: FleetEndpoint
        let traffic: EndpointTraffic
        let health: EndpointHealth
    }

    init(_ routes: AdminRoutes, _ report: StatusReport) {
        self.configuration = routes.configuration
        self.report = report
        self.now = routes.sources.wallTime()
        self.rows = (report.fleet ?? routes.fleet.snapshot).endpoints
            .map {
                Row(endpoint: $0, traffic: report.traffic(of: $0.index), health: report.health(of: $0.index))
            }
            .sorted { Self.precedes($0.endpoint, $1.endpoint) }
    }

    /// Priority descending, healthy ones first, then name and id.
    private static func precedes(_ left: FleetEndpoint, _ right: FleetEndpoint) -> Bool {
        if left.spec.priority != right.spec.priority { return left.spec.priority > right.spec.priority }
        let (leftUp, rightUp) = (left.state == .healthy, right.state == .healthy)
        if leftUp != rightUp { return leftUp }
        return (left.spec.name, left.id) < (right.spec.name, right.id)
    }

    private var healthyCount: Int { self.rows.count { $0.endpoint.state == .healthy } }

    // MARK: /internal/status

    /// The whole-system overview.
    var overview: JSONValue {
        .object([
            ("timestamp", .volatile(.string(DisplayText.time(self.now)))),
            (
                "proxy",
                .object([
                    ("engine", .string(self.configuration.engine)),
                    ("profile", .string(self.configuration.proxyProfile)),
                    ("balancer", .string(self.configuration.balancer)),
                ])
            ),
            ("endpoints", .array(self.rows.map(self.summary))),
            ("security", self.security),
            ("system", self.system),
        ])
    }

    private var security: JSONValue {
        let violations = self.report.rateLimitViolations + self.report.sizeLimitViolations
        let isElevated = violations > 100 || self.report.blockedAddresses > 10
        return .object([
            ("status", isElevated ? "elevated" : "normal"),
            ("blocked_ips", .integer(self.report.blockedAddresses)),
            (
                "violations",
                .object([
                    ("rate_limits", .integer(self.report.rateLimitViolations)),
                    ("size_limits", .integer(self.report.sizeLimitViolations)),
                ])
            ),
        ])
    }

    private var system: JSONValue {
        let total = self.report.total
        return .object([
            ("start_time", .string(DisplayText.time(self.configuration.startTime))),
            ("status", .string(self.systemStatus(total))),
            ("endpoints_up", .string("\(self.healthyCount)/\(self.rows.count)")),
            ("success_rate", .string(total.successPercent.map(DisplayText.percent) ?? "N/A")),
            ("avg_latency", .string(DisplayText.latency(total.latencyMean ?? .zero))),
            ("total_traffic", .string(DisplayText.bytes(total.bytes))),
            ("uptime", .volatile(.string(DisplayText.uptime(self.now - self.configuration.startTime)))),
            ("version", .string(self.configuration.version)),
            ("commit", .string(self.configuration.revision)),
            ("active_connections", .integer(self.report.activeConnections)),
            (
                "security_violations",
                .integer(self.report.rateLimitViolations + self.report.sizeLimitViolations)
            ),
            ("total_requests", .integer(total.requests)),
            ("total_failures", .integer(total.failures)),
            ("has_traffic", .bool(total.requests > 0)),
        ])
    }

    private func systemStatus(_ total: EndpointTraffic) -> String {
        guard !self.rows.isEmpty else { return "critical" }
        let up = Double(self.healthyCount) / Double(self.rows.count)
        let success = total.successPercent ?? 100
        if up < 0.5 || success < 90 { return "critical" }
        if up < 0.8 || success < 95 { return "degraded" }
        return "healthy"
    }

    private func summary(of row: Row) -> JSONValue {
        let endpoint = row.endpoint
        var members: [JSONValue.Member] = [
            ("id", .string(endpoint.id)),
            ("name", .string(endpoint.spec.name)),
            ("url", .string(endpoint.spec.url.sanitised)),
            ("status", .string(endpoint.state.label.description)),
            ("priority", .integer(endpoint.spec.priority)),
            ("connections", .integer(endpoint.live.active)),
            ("requests", .integer(row.traffic.requests)),
            ("success_rate", .string(DisplayText.percent(row.traffic.successPercent ?? 0))),
            ("avg_latency", .string(DisplayText.latency(row.traffic.latencyMean ?? .zero))),
        ]
        members += Self.latencies(of: row)
        members += [
            ("traffic", .string(DisplayText.bytes(row.traffic.bytes))),
            ("last_check", .volatile(.string(DisplayText.ago(row.health.lastCheck, now: self.now)))),
            ("next_check", .volatile(.string(DisplayText.until(row.health.nextCheck, now: self.now)))),
        ]
        members += Self.checkTimes(of: row)
        members += [
            ("issues", .string(Self.issues(of: row).joined(separator: ", "))),
            (
                "models",
                .object([
                    ("last_updated", .string(DisplayText.time(row.health.lastModelSync))),
                    ("count", .integer(endpoint.models.count)),
                ])
            ),
        ]
        return .object(members)
    }

    private static func issues(of row: Row) -> [String] {
        var issues: [String] = []
        if row.health.failuresInRow > 3 { issues.append("consecutive failures") }
        if let success = row.traffic.successPercent, success < 90, row.traffic.requests > 10 {
            issues.append("low success rate")
        }
        if let mean = row.traffic.latencyMean, mean > .seconds(5) { issues.append("high latency") }
        if row.endpoint.state == .offline || row.endpoint.state == .unhealthy { issues.append("unavailable") }
        return issues
    }

    // MARK: /internal/status/endpoints

    /// The per-endpoint detail.
    var endpoints: JSONValue {
        .object([
            ("timestamp", .volatile(.string(DisplayText.time(self.now)))),
            ("endpoints", .array(self.rows.map(self.detail))),
            ("total_count", .integer(self.rows.count)),
            ("healthy_count", .integer(self.healthyCount)),
            ("routable_count", .integer(self.rows.count { $0.endpoint.state.isRoutable })),
        ])
    }

    private func detail(of row: Row) -> JSONValue {
        let endpoint = row.endpoint
        let health = row.health
        var members: [JSONValue.Member] = [
            ("id", .string(endpoint.id)),
            ("name", .string(endpoint.spec.name)),
            ("url", .string(endpoint.spec.url.sanitised)),
            ("type", .string(endpoint.spec.typeText)),
            ("status", .string(endpoint.state.label.description)),
            ("priority", .integer(endpoint.spec.priority)),
            ("model_count", .integer(endpoint.models.count)),
            ("request_count", .integer(row.traffic.requests)),
            ("active_connections", .integer(endpoint.live.active)),
            ("success_rate", .string(row.traffic.successPercent.map(DisplayText.percent) ?? "N/A")),
        ]
        members += Self.latencies(of: row)
        let checked = health.lastCheck.map { DisplayText.ago($0, now: self.now) } ?? ""
        members.append(("health_check", .volatile(.string(checked))))
        members += Self.checkTimes(of: row)
        if let sync = health.lastModelSync {
            members.append(("last_model_sync", .volatile(.string(DisplayText.ago(sync, now: self.now)))))
            members.append(("last_model_sync_at", .volatile(.string(DisplayText.time(sync)))))
        }
        if let duration = health.lastDuration {
            members.append(("response_time", .string(DisplayText.latency(duration))))
        }
        if let issue = Self.firstIssue(of: row) { members.append(("issues", .string(issue))) }
        return .object(members)
    }

    private static func firstIssue(of row: Row) -> String? {
        if row.endpoint.state == .offline || row.endpoint.state == .unhealthy { return "unavailable" }
        if row.health.failuresInRow > 3 { return "unstable" }
        let isFailing = (row.traffic.successPercent ?? 100) < 90 && row.traffic.requests > 10
        return isFailing ? "low success rate" : nil
    }

    // MARK: Both

    private static func latencies(of row: Row) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let mean = row.traffic.latencyMean {
            members.append(("avg_latency_ms", .integer(DisplayText.milliseconds(mean))))
        }
        members.append(
            ("min_latency_ms", .integer(DisplayText.milliseconds(row.traffic.latencyMin ?? .zero))))
        members.append(
            ("max_latency_ms", .integer(DisplayText.milliseconds(row.traffic.latencyMax ?? .zero))))
        return members
    }

    private static func checkTimes(of row: Row) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        if let check = row.health.lastCheck {
            members.append(("health_check_at", .volatile(.string(DisplayText.time(check)))))
        }
        if let next = row.health.nextCheck {
            members.append(("next_check_at", .volatile(.string(DisplayText.time(next)))))
        }
        return members
    }
}
