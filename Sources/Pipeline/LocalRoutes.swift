public import Catalog

/// Answers the routes that never reach a backend.
///
/// The seam between the engines and the administrative interface: an engine matches the path with ``PathRouter``,
/// reads the (bounded) body away, hands the request over and writes what comes back.
///
/// - Isolation: called from any event loop; implementations do their work elsewhere.
public protocol LocalRoutes: Sendable {
    /// The answer to a request that ``PathRouter`` matched to a local route.
    ///
    /// Never throws: a failure is an answer with status 500 or 503.
    func respond(to request: LocalRequest) async -> LocalResponse

    /// The answer to a client that may not see the internal routes; nil when it may.
    ///
    /// ``respond(to:)`` asks this by itself; engines ask it before they say that there is no such route.
    func refusal(of request: LocalRequest) -> LocalResponse?
}

extension LocalRoutes {
    /// Everybody may see everything.
    public func refusal(of request: LocalRequest) -> LocalResponse? { nil }
}

/// A request for a route the gateway answers itself.
public struct LocalRequest: Sendable {
    /// A header field as received.
    public typealias Field = (name: String, value: String)

    /// What ``PathRouter`` matched.
    public var route: LocalRoute
    /// The method as received.
    public var method: String
    /// The path as received: escapes preserved, without query.
    public var path: String
    /// The query as received, without the question mark; empty when there is none.
    public var query: String
    /// The header fields in the order received.
    public var fields: [Field]
    /// The address of the TCP peer, or of the client behind a trusted proxy.
    public var clientAddress: String
    /// The address of the TCP peer, whatever header fields say.
    public var peerAddress: String
    /// The id returned in `X-Olla-Request-ID`.
    public var requestID: String
    /// The value of `Host`; empty when an HTTP/1.0 client sent none.
    public var host: String
    /// The fleet whose routes ``route`` was matched with; nil for the newest.
    public var fleet: FleetSnapshot?

    /// A request with every part given.
    public init(
        route: LocalRoute, method: String, path: String, query: String = "", fields: [Field] = [],
        clientAddress: String = "", peerAddress: String = "", requestID: String = "", host: String = "",
        fleet: FleetSnapshot? = nil
    ) {
        self.route = route
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.clientAddress = clientAddress
        self.peerAddress = peerAddress
        self.requestID = requestID
        self.host = host
        self.fleet = fleet
    }

    /// The values of a field, joined by `, ` as RFC 9110 section 5.3 allows; nil when the field is absent.
    ///
    /// Names are compared without regard to ASCII case.
    public func value(of name: StaticString) -> String? {
        let wanted = name.description.lowercased()
        var joined: String?
        for field in self.fields where field.name.lowercased() == wanted {
            joined = joined.map { $0 + ", " + field.value } ?? field.value
        }
        return joined
    }
}

/// An answer to a local route.
///
/// The engine adds `X-Olla-Request-ID`, `Date`, `Content-Length` (the number of ``body`` bytes, unless the status
/// is 204 or 304) and `Connection`. To a HEAD request it sends these fields and leaves the body out.
public struct LocalResponse: Sendable {
    /// A header field to send.
    public typealias Field = (name: String, value: String)

    /// The HTTP status code.
    public var status: Int
    /// The header fields, without those the engine adds.
    public var fields: [Field]
    /// The whole body, as a GET would receive it.
    public var body: [UInt8]
    /// Whether the connection is closed after the answer.
    public var closes: Bool

    /// An answer with every part given.
    public init(status: Int, fields: [Field] = [], body: [UInt8] = [], closes: Bool = false) {
        self.status = status
        self.fields = fields
        self.body = body
        self.closes = closes
    }

    /// The type of a plain-text error.
    static let textType = "text/plain; charset=utf-8"

    /// A plain-text error: the message and a newline, with `nosniff` (http-surface, "text error").
    public static func textError(_ status: Int, _ message: String, fields: [Field] = []) -> LocalResponse {
        var all: [Field] = [("Content-Type", Self.textType), ("X-Content-Type-Options", "nosniff")]
        all.append(contentsOf: fields)
        return LocalResponse(status: status, fields: all, body: Array((message + "\n").utf8))
    }

    /// The answer to a path that is no route.
    public static let notFound = LocalResponse.textError(404, "404 page not found")

    /// The answer to a local route asked with another method (RFC 9110 section 15.5.6).
    public static func methodNotAllowed(_ allowed: AllowedMethods) -> LocalResponse {
        .textError(405, "Method Not Allowed", fields: [("Allow", allowed.fieldValue.description)])
    }

    /// A redirect that keeps method and body (RFC 9110 section 15.4.8); see ``PathRouter/location(path:query:)``.
    ///
    /// GET and HEAD get a one-line HTML anchor, other methods an empty body.
    public static func redirect(to location: String, method: String) -> LocalResponse {
        var fields: [Field] = [("Location", location)]
        guard method == "GET" || method == "HEAD" else {
            return LocalResponse(status: 307, fields: fields)
        }
        fields.append(("Content-Type", "text/html; charset=utf-8"))
        var anchor = "<a href=\""
        for scalar in location.unicodeScalars {
            switch scalar {
            case "&": anchor += "&amp;"
            case "<": anchor += "&lt;"
            case ">": anchor += "&gt;"
            case "\"": anchor += "&#34;"
            case "'": anchor += "&#39;"
            default: anchor.unicodeScalars.append(scalar)
            }
        }
        anchor += "\">Temporary Redirect</a>.\n"
        return LocalResponse(status: 307, fields: fields, body: Array(anchor.utf8))
    }
}

/// The methods a local route answers.
public enum AllowedMethods: UInt8, CaseIterable, Sendable {
    /// GET, and HEAD with it.
    case get
    /// POST alone.
    case post
    /// DELETE alone.
    case delete

    /// The value of the `Allow` field.
    public var fieldValue: StaticString {
        switch self {
        case .get: "GET, HEAD"
        case .post: "POST"
        case .delete: "DELETE"
        }
    }
}
