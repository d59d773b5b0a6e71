import Domain

/// Asks an endpoint for something, follows redirects, and repeats what a network error cut short.
///
/// Rules of routing-and-config 4.2: up to ten redirects; up to two extra attempts after network errors that are not
/// time limits, about 100 and 200 ms apart; one time limit over everything. The endpoint's own fields go only to its
/// own origin, also when a redirect leads elsewhere.
struct ProbeClient: Sendable {
    /// What is asked of which endpoint.
    struct Query: Sendable {
        /// Where to ask.
        var target: ResourceURL
        /// The endpoint's own URL: the origin its fields may be sent to.
        var endpoint: EndpointURL
        /// The fields of supervision itself.
        var fields: [ProbeRequest.Field]
        /// The endpoint's configured fields, credentials last.
        var endpointFields: [ProbeRequest.Field]
        /// Whether those may be sent to other origins too.
        var showsFieldsAbroad: Bool
        /// The time limit over redirects and attempts.
        var timeout: Nanoseconds
        /// What becomes of the body.
        var body: ProbeRequest.BodyUse
        /// How many attempts may follow a network error.
        var extraAttempts: Int
        /// The wait before the first extra attempt; it doubles with each.
        var backoff: Nanoseconds
        /// The longest wait between two attempts.
        var backoffMax: Nanoseconds
        /// Whether a 5xx answer also leads to an extra attempt.
        var repeatsServerErrors = false
    }

    let transport: any ProbeTransport
    let clock: any SupervisionClock
    let jitter: Jitter

    static let redirectsMax = 10

    /// The last answer, whatever its status.
    func ask(_ query: Query) async throws(ProbeFailure) -> ProbeAnswer {
        let deadline = self.clock.now() + query.timeout
        var backoff = query.backoff
        var attempt = 0
        while true {
            let result: Result<ProbeAnswer, ProbeFailure>
            do throws(ProbeFailure) {
                result = .success(try await self.follow(query, until: deadline))
            } catch {
                result = .failure(error)
            }
            guard attempt < query.extraAttempts, Self.isWorthRepeating(result, query) else {
                return try result.get()
            }
            attempt += 1
            try await self.pause(self.jitter.spread(backoff, by: 0.125), until: deadline)
            backoff = min(backoff + backoff, query.backoffMax)
        }
    }

    private static func isWorthRepeating(_ result: Result<ProbeAnswer, ProbeFailure>, _ query: Query) -> Bool {
        switch result {
        case .success(let answer): query.repeatsServerErrors && answer.status >= 500
        case .failure(.network): true
        case .failure: false
        }
    }

    private func pause(_ span: Nanoseconds, until deadline: MonotonicTime) async throws(ProbeFailure) {
        let end = self.clock.now() + span
        guard end < deadline else { throw .timedOut }
        do {
            try await self.clock.sleep(until: end)
        } catch {
            throw .cancelled
        }
    }

    private func follow(_ query: Query, until deadline: MonotonicTime) async throws(ProbeFailure) -> ProbeAnswer {
        var url = query.target.text
        var mayShowFields = query.showsFieldsAbroad || query.target.isSameOrigin
        for _ in 0...Self.redirectsMax {
            let left = deadline - self.clock.now()
            guard left > .zero else { throw .timedOut }
            let fields = mayShowFields ? Self.merge(query.fields, query.endpointFields) : query.fields
            let answer = try await self.transport.exchange(
                ProbeRequest(url: url, fields: fields, timeout: left, body: query.body))
            guard [301, 302, 303, 307, 308].contains(answer.status), let location = answer.value(of: "location")
            else { return answer }
            guard let next = RedirectTarget.resolve(location, against: url),
                let parsed = try? EndpointURL(next)
            else { throw .redirects }
            url = next
            mayShowFields = query.showsFieldsAbroad || query.endpoint.hasSameOrigin(as: parsed)
        }
        throw .redirects
    }

    /// The second list wins over equal names of the first, and later entries of it over earlier ones.
    static func merge(_ own: [ProbeRequest.Field], _ endpoint: [ProbeRequest.Field]) -> [ProbeRequest.Field] {
        var merged = own
        for field in endpoint {
            merged.removeAll { $0.name.lowercased() == field.name.lowercased() }
            merged.append(field)
        }
        return merged
    }
}

/// Resolves the target of a redirect (RFC 3986 section 5.2).
enum RedirectTarget {
    /// The absolute URL, without fragment; nil when there is none.
    static func resolve(_ location: String, against base: String) -> String? {
        let reference = String(location.trimmingBlanks.prefix { $0 != "#" })
        guard let schemeEnd = Self.find("://", in: base) else { return nil }
        let scheme = String(base.prefix(schemeEnd))
        if Self.find("://", in: String(reference.prefix { $0 != "?" })) != nil { return reference }
        if reference.hasPrefix("//") { return scheme + ":" + reference }
        let afterScheme = base.dropFirst(schemeEnd + 3)
        let origin = String(base.prefix(schemeEnd + 3)) + afterScheme.prefix { $0 != "/" && $0 != "?" }
        if reference.hasPrefix("/") { return origin + reference }
        let path = base.dropFirst(origin.count).prefix { $0 != "?" }
        if reference.isEmpty || reference.hasPrefix("?") { return origin + path + reference }
        guard let slash = path.lastIndex(of: "/") else { return origin + "/" + reference }
        return origin + path[...slash] + reference
    }

    private static func find(_ needle: String, in text: String) -> Int? {
        var position = 0
        var rest = Substring(text)
        while !rest.isEmpty {
            if rest.hasPrefix(needle) { return position }
            rest = rest.dropFirst()
            position += 1
        }
        return nil
    }
}

/// Spreads moments a little, so that many endpoints are not asked at one instant.
public struct Jitter: Sendable {
    private let draw: (@Sendable () -> UInt64)?

    /// Takes its numbers from `draw`; the default is the system's generator.
    public init(draw: @escaping @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }) {
        self.draw = draw
    }

    private init() { self.draw = nil }

    /// No spreading at all.
    public static let none = Jitter()

    /// A span changed by at most `share` of it, up or down.
    func spread(_ span: Nanoseconds, by share: Double) -> Nanoseconds {
        guard let draw else { return span }
        return Nanoseconds(rawValue: Int64(Double(span.rawValue) * (1 + share * (2 * Self.unit(draw()) - 1))))
    }

    /// A random part of a span; nothing without spreading.
    func part(of span: Nanoseconds) -> Nanoseconds {
        guard let draw else { return .zero }
        return Nanoseconds(rawValue: Int64(Double(span.rawValue) * Self.unit(draw())))
    }

    /// 0 ..< 1 out of the upper 53 bits.
    private static func unit(_ bits: UInt64) -> Double { Double(bits >> 11) / Double(1 << 53 as UInt64) }
}
