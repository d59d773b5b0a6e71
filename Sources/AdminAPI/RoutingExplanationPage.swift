import Catalog
import Domain
import Pipeline
import Routing
import Telemetry

/// Tells which endpoints a request would consider, which not and why, and which one it would get.
///
/// The page is `/internal/routing/explain`. Asking changes nothing.
struct RoutingExplanationPage {
    let router: Router
    let paths: PathRouter
    let fleet: FleetSnapshot
    let now: MonotonicTime
    /// Whether endpoints that speak Anthropic's API get its messages as they are.
    let passesMessagesThrough: Bool

    /// What is asked: a path as a client would send it, and what of its request matters.
    private struct Question {
        var path: String
        var model: String
        var kind: RouteKind
        var forwarded: String
        var isMessage = false
    }

    func answer(_ query: Query) -> LocalResponse {
        guard let path = query["path"], path.hasPrefix("/") else {
            let example = "/internal/routing/explain?path=/olla/openai/v1/chat/completions&model=NAME"
            return .textError(400, "path is missing: ask for \(example)")
        }
        guard let question = self.question(path: path, model: query["model"] ?? "") else {
            let example = "/olla/proxy/v1/chat/completions"
            return .textError(
                404, "\(path) leads to no endpoint: give the path of a proxied route, such as \(example)")
        }
        let (session, source) = self.session(query, model: question.model)
        var request = RouteRequest(
            kind: question.kind, now: self.now, random: UInt64.random(in: 0 ... .max), session: session,
            affinity: Self.affinity(query, model: question.model))
        if question.isMessage { request.within = self.speakers(of: question, request) }
        let explanation = self.router.explain(
            request, path: question.forwarded.utf8.span, model: question.model.utf8.span, in: self.fleet)
        return .json(self.document(explanation, question, request, source: source))
    }

    /// The endpoints that would get a message as it is, without tools, thinking and images; nil when it is translated.
    private func speakers(of question: Question, _ request: RouteRequest) -> EndpointSet? {
        guard self.passesMessagesThrough else { return nil }
        let endpoints = self.router.eligible(request, path: Span(), model: question.model.utf8.span, in: self.fleet)
        guard case .possible(let speakers, _) = MessagesPassthrough([], among: endpoints, in: self.fleet) else {
            return nil
        }
        return speakers
    }

    private func question(path: String, model: String) -> Question? {
        let bytes = Array(path.utf8.prefix { $0 != UInt8(ascii: "?") })
        let match = self.paths.match(path: bytes.span.bytes, method: "POST".utf8.span.bytes)
        let kind: RouteKind
        let prefix: Int
        switch match.target {
        case .proxy(let length): (kind, prefix) = (.proxy, length)
        case .provider(let route, let length): (kind, prefix) = (.provider(route), length)
        case .messages(.send, _):
            return Question(path: path, model: model, kind: .proxy, forwarded: "", isMessage: true)
        case .messages(.countTokens, _), .local, .redirect, .methodNotAllowed, .notFound: return nil
        }
        let forwarded = String(decoding: bytes.dropFirst(prefix), as: UTF8.self)
        return Question(path: path, model: model, kind: kind, forwarded: forwarded)
    }

    /// The session's key by the parameters that stand for the sources, in configured order.
    private func session(_ query: Query, model: String) -> (SessionKey?, SessionSource?) {
        guard let policy = self.router.sessions?.policy else { return (nil, nil) }
        for source in policy.sources {
            let value: String? =
                switch source {
                case .sessionHeader: query["session"]
                case .prefixHash: query["messages"] ?? query["prompt"]
                // A name that is redacted in logs.
                case .authHeader: query["auth"]
                case .address: query["ip"]
                }
            guard let value, !value.isEmpty else { continue }
            var bytes = Array(value.utf8)
            if source == .prefixHash, policy.prefixBytes > 0 { bytes = Array(bytes.prefix(policy.prefixBytes)) }
            return (SessionKey(source, value: bytes.span, model: model.utf8.span), source)
        }
        return (nil, nil)
    }

    /// What `prefix-affinity` places the conversation by: its opening as raw JSON.
    private static func affinity(_ query: Query, model: String) -> UInt64? {
        guard let opening = query["messages"] ?? query["prompt"], !opening.isEmpty else { return nil }
        return SessionKey.affinity(of: FNV1a.hash(opening), model: model.utf8.span)
    }

    // MARK: The document

    private func document(
        _ explanation: RouteExplanation, _ question: Question, _ request: RouteRequest, source: SessionSource?
    ) -> JSONValue {
        var members: [JSONValue.Member] = [
            ("path", .string(question.path)), ("model", .string(question.model)),
            ("forwarded_path", question.isMessage ? .null : .string(question.forwarded)),
            ("provider", self.provider(question.kind)),
            ("balancer", .string("\(explanation.rules.balancer.label)")),
            ("score_meaning", .string(explanation.rules.balancer.scoreMeaning)),
            ("decision", self.decision(explanation, question)), ("waiting", .integer(explanation.waiting)),
        ]
        if question.isMessage {
            let mode: TranslatorMode = request.within == nil ? .translate : .passthrough
            members.append(("translator_mode", .string("\(mode.label)")))
        }
        if let sticky = explanation.sticky {
            var session: [JSONValue.Member] = [("outcome", .string("\(sticky.label)"))]
            if let source { session.append(("key_source", .string("\(source.label)"))) }
            members.append(("sticky_session", .object(session)))
        }
        members.append(("endpoints", .array(explanation.rows.map(self.row))))
        return .object(members)
    }

    private func provider(_ kind: RouteKind) -> JSONValue {
        guard case .provider(let route) = kind else { return .null }
        return .string(self.fleet.profiles[route].displayName)
    }

    private func decision(_ explanation: RouteExplanation, _ question: Question) -> JSONValue {
        var members: [JSONValue.Member] = []
        switch explanation.ending {
        case .chosen(let index):
            members += [("result", "chosen"), ("status", .null), ("endpoint", self.label(index))]
        case .waits: members += [("result", "waits"), ("status", .null), ("endpoint", .null)]
        case .refreshes: members += [("result", "refreshes_models"), ("status", .null), ("endpoint", .null)]
        case .rejected(let rejection):
            members += [
                ("result", "rejected"), ("status", .integer(rejection.status)), ("endpoint", .null),
                ("message", .string(rejection.message(for: question.kind, profiles: self.fleet.profiles))),
            ]
            if rejection.retryAt > self.now, rejection.retryAt != .distantFuture {
                members.append(("retry_after_seconds", .number((rejection.retryAt - self.now).seconds)))
            }
        }
        if let note = explanation.note {
            var reason: [UInt8] = []
            note.appendReason(model: question.model.utf8.span, to: &reason)
            members += [
                ("routing_strategy", .string("\(note.strategy.label)")),
                ("routing_decision", .string("\(note.verdict.label)")),
                ("routing_reason", .string(String(decoding: reason, as: UTF8.self))),
            ]
        }
        return .object(members)
    }

    private func label(_ index: EndpointIndex) -> JSONValue { self.fleet[index].map { .string($0.label) } ?? .null }

    private func row(_ row: RouteExplanation.Row) -> JSONValue {
        guard let endpoint = self.fleet[row.endpoint] else { return .null }
        var members: [JSONValue.Member] = [
            ("name", .string(endpoint.label)), ("id", .string(endpoint.id)), ("type", .string(endpoint.spec.typeText)),
            ("state", .string("\(endpoint.state.label)")), ("priority", .integer(endpoint.spec.priority)),
            ("candidate", .bool(row.exclusion == nil)), ("preferred", .bool(row.isPreferred)),
            ("excluded_because", row.exclusion.map { .string("\($0.label)") } ?? .null),
            ("score", row.score.map { .number($0) } ?? .null), ("within_bounds", .bool(row.isWithinBounds)),
            ("active_requests", .integer(endpoint.live.active)),
            ("max_concurrent_requests", .integer(endpoint.spec.maxConcurrentRequests)),
            ("breaker", .string("\(endpoint.live.breaker.state.label)")),
        ]
        if let retryAt = row.retryAt, retryAt > self.now, retryAt != .distantFuture {
            members.append(("retry_after_seconds", .number((retryAt - self.now).seconds)))
        }
        return .object(members)
    }
}

extension AdminRoutes {
    /// The page `/internal/stats/sticky` (http-surface 1.7).
    func stickyStatistics() -> JSONValue {
        guard let sessions = self.router.sessions else { return .object([("enabled", .bool(false))]) }
        let evictions = sessions.sweep(self.fleet.snapshot, at: self.sources.now())
        self.metrics.control.stickyEvicted(.ttl, count: evictions.expired)
        self.metrics.control.stickyEvicted(.endpointDown, count: evictions.endpointDown)
        let statistics = sessions.statistics
        return .object([
            ("enabled", .bool(true)), ("active_sessions", .integer(statistics.active)),
            ("insertions", .integer(statistics.insertions)), ("hits", .integer(statistics.hits)),
            ("misses", .integer(statistics.misses)), ("evictions", .integer(statistics.evictions)),
            ("max_sessions", .integer(sessions.policy.sessionsMax)),
            ("idle_ttl_seconds", .integer(Int(sessions.policy.idleTime.seconds))),
        ])
    }
}
