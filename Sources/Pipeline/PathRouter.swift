public import Catalog
import Domain

/// Tells what a request's path leads to.
///
/// Built once per configuration from the profiles' prefixes. The rules are those of http-surface 1.1 to 1.3, 1.7 and
/// 1.8: exact routes first, then the longest subtree, letters compared as they are, unclean paths redirected. The
/// prefix is cut off as a length, so the forwarded path keeps its escapes.
///
/// - Isolation: immutable; shared by all event loops.
/// - Bounds: a match reads the path twice and allocates nothing, except for a path with percent escapes below a
///   subtree that refuses management calls: there one decoded copy is made, so that escapes hide no such call.
public struct PathRouter: Sendable {
    /// The profiles whose prefixes are routed.
    public let profiles: ProfileSet
    /// Whether model management is forwarded (`server.allow_model_management`).
    public let allowsManagement: Bool
    /// Whether the routes of Anthropic's API exist (`translators.anthropic.enabled`).
    public let servesAnthropic: Bool

    private let exact: PathTable
    private let prefixes: PathTable
    private let listings: PathTable
    private let routes: [Subtree]
    private let proxy: Subtree

    /// What is known about one subtree.
    private struct Subtree {
        /// Nil for `/olla/proxy/`.
        var route: ProviderRoute?
        /// The subtree's entries of ``listings``.
        var listings: Range<Int>
        var refused: RefusedCalls
    }

    /// A router over the prefixes of a set of profiles.
    ///
    /// With `allowsManagement` the calls of ``ManagementCall`` are forwarded instead of refused.
    public init(profiles: ProfileSet, allowsManagement: Bool = false, servesAnthropic: Bool = true) {
        self.profiles = profiles
        self.allowsManagement = allowsManagement
        self.servesAnthropic = servesAnthropic
        var exact = PathTable()
        for (position, route) in Self.exactRoutes.enumerated() { exact.append(route.path, value: position) }
        self.exact = exact
        var prefixes = PathTable()
        var listings = PathTable()
        var routes: [Subtree] = []
        for route in profiles.routes {
            guard let found = profiles.route(forPrefix: route.prefix.utf8.span) else { continue }
            let profile = profiles[route.profile]
            prefixes.append(route.prefix, value: routes.count)
            let start = listings.count
            for listing in Self.listings(of: profile) { listings.append(listing.path, value: listing.format) }
            routes.append(
                Subtree(
                    route: found, listings: start..<listings.count,
                    refused: route.isOpenAI ? [.ollama, .lemonade] : RefusedCalls(of: profile.parser)))
        }
        let start = listings.count
        listings.append("/v1/models", value: Int(ListingFormat.openAI.rawValue))
        self.proxy = Subtree(route: nil, listings: start..<listings.count, refused: [.ollama, .lemonade])
        self.prefixes = prefixes
        self.listings = listings
        self.routes = routes
    }

    /// The listings below a profile's prefixes: the OpenAI path, the profile's own, and LM Studio's second one.
    private static func listings(of profile: Profile) -> [(path: String, format: Int)] {
        var listings: [(path: String, format: ListingFormat)] = []
        switch profile.parser {
        case .ollama: listings.append((profile.modelsPath, .ollama))
        case .lmStudio:
            listings.append((profile.modelsPath, .lmStudio))
            listings.append(("/api/v1/models", .openAI))
        case .openAI, .vllm, .sglang, .vllmMLX, .llamaCpp, .dockerModelRunner, .lmDeploy, .lemonade:
            listings.append((profile.modelsPath, .openAI))
        }
        if profile.isOpenAICompatible { listings.append(("/v1/models", .openAI)) }
        return listings.map { ($0.path, Int($0.format.rawValue)) }
    }

    /// What a path leads to.
    ///
    /// The path is given as received, without query, or `*` for the asterisk form. Methods are case-sensitive (RFC 9110
    /// section 9.1).
    public func match(path: RawSpan, method: RawSpan) -> PathMatch {
        if method.equals("CONNECT") { return PathMatch(target: .notFound, routeClass: .other) }
        guard path.byteCount > 0, path.byte(0) == .slash else {
            let isServer = path.equals("*") && method.equals("OPTIONS")
            return PathMatch(target: isServer ? .local(.serverOptions) : .notFound, routeClass: .other)
        }
        if path.hasUncleanSegment { return PathMatch(target: .redirect, routeClass: .other) }
        if let found = self.exact.find(path, from: 0) {
            let route = Self.exactRoutes[found]
            return Self.local(route.route, route.routeClass, allowing: .get, method: method)
        }
        if path.equals("/internal/ui") || path.hasPrefix("/internal/ui/") {
            return PathMatch(target: .local(.dashboard), routeClass: .internal)
        }
        if path.hasPrefix("/olla/") { return self.matchBelowOlla(path: path, method: method) }
        return PathMatch(
            target: .notFound, routeClass: path.hasPrefix("/internal/") ? .internal : .other)
    }

    private func matchBelowOlla(path: RawSpan, method: RawSpan) -> PathMatch {
        let start = 6
        var end = start
        while end < path.byteCount, path.byte(end) != .slash { end += 1 }
        let isSubtree = end < path.byteCount
        if path.equals("proxy", in: start..<end) {
            guard isSubtree else { return PathMatch(target: .redirect, routeClass: .other) }
            return self.match(path: path, below: self.proxy, prefixLength: end, method: method)
        }
        if isSubtree, path.equals("models", in: start..<end) {
            return Self.local(.model(idStart: end + 1), .models, allowing: .get, method: method)
        }
        let isTranslator = isSubtree && path.equals("anthropic", in: start..<end)
        if isTranslator, self.servesAnthropic, let match = Self.anthropic(path, prefixLength: end, method: method) {
            return match
        }
        if let position = self.prefixes.find(path, in: start..<end) {
            guard isSubtree else { return PathMatch(target: .redirect, routeClass: .other) }
            return self.match(path: path, below: self.routes[position], prefixLength: end, method: method)
        }
        return PathMatch(target: .notFound, routeClass: isTranslator ? .translator : .other)
    }

    /// The routes of Anthropic's API; nothing else lives below the prefix.
    private static func anthropic(_ path: RawSpan, prefixLength: Int, method: RawSpan) -> PathMatch? {
        let rest = prefixLength..<path.byteCount
        let call: MessagesCall
        if path.equals("/v1/messages", in: rest) {
            call = .send
        } else if path.equals("/v1/messages/count_tokens", in: rest) {
            call = .countTokens
        } else if path.equals("/v1/models", in: rest) {
            let match = Self.local(.anthropicModels, .models, allowing: .get, method: method)
            guard case .methodNotAllowed = match.target else { return match }
            return PathMatch(target: match.target, routeClass: .translator)
        } else {
            return nil
        }
        return PathMatch(
            target: method.equals("POST")
                ? .messages(call, prefixLength: prefixLength) : .methodNotAllowed(.post), routeClass: .translator)
    }

    private func match(path: RawSpan, below subtree: Subtree, prefixLength: Int, method: RawSpan) -> PathMatch {
        if let found = self.listings.find(path, from: prefixLength, among: subtree.listings) {
            let format = ListingFormat(rawValue: UInt8(found)) ?? .openAI
            return Self.local(.listing(format, subtree.route), .models, allowing: .get, method: method)
        }
        let routeClass: RouteClass = subtree.route == nil ? .proxy : .provider
        if !subtree.refused.isEmpty, !self.allowsManagement,
            let call = RefusedCall.find(path, from: prefixLength, among: subtree.refused)
        {
            return Self.local(
                .refusedManagement(call.kind), routeClass, allowing: call.method, method: method)
        }
        guard let route = subtree.route else {
            return PathMatch(target: .proxy(prefixLength: prefixLength), routeClass: routeClass)
        }
        return PathMatch(target: .provider(route, prefixLength: prefixLength), routeClass: routeClass)
    }

    private static func local(
        _ route: LocalRoute, _ routeClass: RouteClass, allowing allowed: AllowedMethods, method: RawSpan
    ) -> PathMatch {
        let isAllowed =
            switch allowed {
            case .get: method.equals("GET") || method.equals("HEAD")
            case .post: method.equals("POST")
            case .delete: method.equals("DELETE")
            }
        return PathMatch(
            target: isAllowed ? .local(route) : .methodNotAllowed(allowed), routeClass: routeClass)
    }

    private static let exactRoutes: [(path: String, route: LocalRoute, routeClass: RouteClass)] = [
        ("/internal/health", .health, .internal),
        ("/internal/ready", .ready, .internal),
        ("/internal/metrics", .metrics, .internal),
        ("/internal/status", .status, .internal),
        ("/internal/status/endpoints", .statusEndpoints, .internal),
        ("/internal/status/models", .statusModels, .internal),
        ("/internal/requests", .requests, .internal),
        ("/internal/stats/models", .modelStatistics, .internal),
        ("/internal/process", .process, .internal),
        ("/internal/stats/sticky", .stickyStatistics, .internal),
        ("/internal/routing/explain", .routingExplanation, .internal),
        ("/internal/stats/translators", .translatorStatistics, .internal),
        ("/version", .version, .internal),
        ("/olla/models", .models, .models),
    ]
}

// MARK: - Redirects

extension PathRouter {
    /// Where a path that matched ``PathMatch/Target/redirect`` is redirected to.
    ///
    /// Empty and dot segments are resolved (RFC 3986 section 5.2.4), a subtree's root gets its slash, the query is
    /// kept. The result begins with exactly one slash, so it never names another host.
    ///
    /// The path is given as received; the query without question mark, empty when there is none.
    public func location(path: String, query: String) -> String {
        var result = SegmentResolver.resolve(Array(path.utf8))
        if path.hasSuffix("/"), result.last != .slash { result.append(.slash) }
        if self.isSubtreeRoot(result) { result.append(.slash) }
        if !query.isEmpty {
            result.append(UInt8(ascii: "?"))
            result.append(contentsOf: query.utf8)
        }
        var text = ""
        for byte in result {
            if byte > 0x20, byte < 0x7F {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += digits.utf8.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return text
    }

    private func isSubtreeRoot(_ path: [UInt8]) -> Bool {
        let span = unsafe path.span.bytes
        guard span.hasPrefix("/olla/") else { return false }
        let segment = 6..<span.byteCount
        return span.equals("proxy", in: segment) || self.prefixes.find(span, in: segment) != nil
    }
}

/// Resolves empty and dot segments against the root.
enum SegmentResolver {
    /// The path without empty, `.` and `..` segments and without a trailing slash, but with a leading one.
    static func resolve(_ path: [UInt8]) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        for segment in path.split(separator: .slash) {
            switch segment {
            case [UInt8(ascii: ".")]: continue
            case [UInt8(ascii: "."), UInt8(ascii: ".")]: kept = kept.dropLast()
            default: kept.append(segment)
            }
        }
        var result: [UInt8] = []
        for segment in kept {
            result.append(.slash)
            result.append(contentsOf: segment)
        }
        return result.isEmpty ? [.slash] : result
    }
}

// MARK: - Refused calls

/// Which backends' management calls a subtree refuses.
private struct RefusedCalls: OptionSet {
    let rawValue: UInt8

    /// Ollama's `/api/{pull,push,create,copy,delete,show,list}`.
    static let ollama = RefusedCalls(rawValue: 1)
    /// Lemonade's `/api/v1/{pull,load,unload,delete}`.
    static let lemonade = RefusedCalls(rawValue: 2)

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The calls that backends with a model list of the given kind understand.
    init(of parser: ModelListParser) {
        switch parser {
        case .ollama: self = .ollama
        case .lemonade: self = .lemonade
        case .openAI, .lmStudio, .vllm, .sglang, .vllmMLX, .llamaCpp, .dockerModelRunner, .lmDeploy: self = []
        }
    }
}

/// A management call and how to recognise it.
private struct RefusedCall {
    let path: StaticString
    let kind: ManagementCall
    let method: AllowedMethods
    let backend: RefusedCalls

    /// http-surface 1.8.
    static let all: [RefusedCall] = [
        .init(path: "/api/pull", kind: .change, method: .post, backend: .ollama),
        .init(path: "/api/push", kind: .change, method: .post, backend: .ollama),
        .init(path: "/api/create", kind: .change, method: .post, backend: .ollama),
        .init(path: "/api/copy", kind: .change, method: .post, backend: .ollama),
        .init(path: "/api/delete", kind: .change, method: .delete, backend: .ollama),
        .init(path: "/api/show", kind: .show, method: .post, backend: .ollama),
        .init(path: "/api/list", kind: .list, method: .get, backend: .ollama),
        .init(path: "/api/v1/pull", kind: .change, method: .post, backend: .lemonade),
        .init(path: "/api/v1/load", kind: .change, method: .post, backend: .lemonade),
        .init(path: "/api/v1/unload", kind: .change, method: .post, backend: .lemonade),
        .init(path: "/api/v1/delete", kind: .change, method: .post, backend: .lemonade),
    ]

    /// The refused call a forwarded path would reach on a backend.
    static func find(
        _ path: RawSpan, from start: Int, among backends: RefusedCalls
    ) -> RefusedCall? {
        var hasEscape = false
        for offset in start..<path.byteCount where path.byte(offset) == .percent { hasEscape = true }
        if hasEscape {
            // Backends decode the path before they route it, so the decoded path is what counts.
            let decoded = SegmentResolver.resolve(Self.decode(path, from: start))
            return unsafe Self.find(decoded.span.bytes, in: 0..<decoded.count, among: backends)
        }
        var end = path.byteCount
        // Some servers treat a trailing slash as absent.
        if end - start > 1, path.byte(end - 1) == .slash { end -= 1 }
        return Self.find(path, in: start..<end, among: backends)
    }

    private static func find(
        _ path: RawSpan, in range: Range<Int>, among backends: RefusedCalls
    ) -> RefusedCall? {
        for position in Self.all.indices {
            let call = Self.all[position]
            if backends.contains(call.backend), path.equals(call.path, in: range) { return call }
        }
        return nil
    }

    private static func decode(_ path: RawSpan, from start: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(path.byteCount - start)
        var offset = start
        while offset < path.byteCount {
            let byte = path.byte(offset)
            if byte == .percent, offset + 2 < path.byteCount,
                let high = Self.digit(path.byte(offset + 1)), let low = Self.digit(path.byte(offset + 2))
            {
                result.append(high << 4 | low)
                offset += 3
            } else {
                result.append(byte)
                offset += 1
            }
        }
        return result
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
