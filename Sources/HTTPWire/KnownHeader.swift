/// The field names that the gateway treats specially; every other name is ``other``.
///
/// Heads resolve each name once while parsing, so later decisions compare a byte. The first six
/// cases decide framing and validity of a message.
public enum KnownHeader: UInt8, CaseIterable, Sendable {
    /// A name without a meaning to the gateway.
    case other

    case host
    case contentLength
    case transferEncoding
    case connection
    case expect

    case keepAlive
    case proxyAuthenticate
    case proxyAuthorization
    case proxyConnection
    case te
    case trailer
    case upgrade

    case authorization
    case cookie
    case setCookie
    case xApiKey
    case xAuthToken

    case forwarded
    case via
    case xForwardedFor
    case xForwardedHost
    case xForwardedProto
    case xRealIP

    case contentEncoding
    case contentType
    case accept
    case acceptEncoding
    case cacheControl
    case date
    case etag
    case ifNoneMatch
    case location
    case origin
    case referer
    case retryAfter
    case server
    case userAgent
    case vary
    case wwwAuthenticate

    case requestID
    case traceparent
    case tracestate
    case xModel
    case xProxiedBy
    case xRateLimitLimit
    case xRateLimitRemaining
    case xRateLimitReset
    case xRequestID
    case xServedBy

    case xOllaRequestID
    case xOllaSessionID
    /// Any other name that begins with `X-Olla-`.
    case xOllaOther

    case accessControlRequestHeaders
    case accessControlRequestMethod
    /// Any other name that begins with `Access-Control-`.
    case accessControlOther
}

extension KnownHeader {
    /// The name in lower case; the common prefix for ``xOllaOther`` and ``accessControlOther``,
    /// empty for ``other``.
    public var lowerCasedName: StaticString {
        switch self {
        case .other: ""
        case .host: "host"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .connection: "connection"
        case .expect: "expect"
        case .keepAlive: "keep-alive"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyConnection: "proxy-connection"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .authorization: "authorization"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .xApiKey: "x-api-key"
        case .xAuthToken: "x-auth-token"
        case .forwarded: "forwarded"
        case .via: "via"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xRealIP: "x-real-ip"
        case .contentEncoding: "content-encoding"
        case .contentType: "content-type"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .cacheControl: "cache-control"
        case .date: "date"
        case .etag: "etag"
        case .ifNoneMatch: "if-none-match"
        case .location: "location"
        case .origin: "origin"
        case .referer: "referer"
        case .retryAfter: "retry-after"
        case .server: "server"
        case .userAgent: "user-agent"
        case .vary: "vary"
        case .wwwAuthenticate: "www-authenticate"
        case .requestID: "request-id"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .xModel: "x-model"
        case .xProxiedBy: "x-proxied-by"
        case .xRateLimitLimit: "x-ratelimit-limit"
        case .xRateLimitRemaining: "x-ratelimit-remaining"
        case .xRateLimitReset: "x-ratelimit-reset"
        case .xRequestID: "x-request-id"
        case .xServedBy: "x-served-by"
        case .xOllaRequestID: "x-olla-request-id"
        case .xOllaSessionID: "x-olla-session-id"
        case .xOllaOther: "x-olla-"
        case .accessControlRequestHeaders: "access-control-request-headers"
        case .accessControlRequestMethod: "access-control-request-method"
        case .accessControlOther: "access-control-"
        }
    }

    /// Whether the field belongs to one connection and is never forwarded (RFC 9110 section 7.6.1).
    ///
    /// `Expect` is not among them: the gateway consumes it by a rule of its own.
    @inlinable
    public var isHopByHop: Bool { HeaderSet.hopByHop.contains(self) }

    /// Whether the field carries a client's credentials and never reaches a backend.
    @inlinable
    public var isCredential: Bool { HeaderSet.credentials.contains(self) }

    /// Whether the name begins with `X-Olla-`.
    @inlinable
    public var isOlla: Bool { HeaderSet.olla.contains(self) }

    /// Whether the name begins with `Access-Control-`.
    @inlinable
    public var isAccessControl: Bool { HeaderSet.accessControl.contains(self) }
}

/// A set of ``KnownHeader`` values, one bit each.
///
/// ``KnownHeader/other`` is a member like the rest.
public struct HeaderSet: Equatable, Sendable {
    /// Bit `n` stands for the header with raw value `n`.
    @usableFromInline var bits: UInt64

    /// Creates an empty set.
    @inlinable
    public init() { self.bits = 0 }

    /// Creates a set of the given headers.
    @inlinable
    public init(_ headers: KnownHeader...) {
        self.bits = headers.reduce(0) { $0 | 1 &<< UInt64($1.rawValue) }
    }

    @inlinable
    init(bits: UInt64) { self.bits = bits }

    /// Whether `header` is in the set.
    @inlinable
    public func contains(_ header: KnownHeader) -> Bool {
        (self.bits &>> UInt64(header.rawValue)) & 1 == 1
    }

    /// Whether no header is in the set.
    @inlinable
    public var isEmpty: Bool { self.bits == 0 }

    /// Adds `header`.
    @inlinable
    public mutating func insert(_ header: KnownHeader) {
        self.bits |= 1 &<< UInt64(header.rawValue)
    }

    /// The headers in this set, in `other`, or in both.
    @inlinable
    public func union(_ other: Self) -> Self { Self(bits: self.bits | other.bits) }

    /// The headers in both this set and `other`.
    @inlinable
    public func intersection(_ other: Self) -> Self { Self(bits: self.bits & other.bits) }

    /// The fields that belong to one connection (RFC 9110 section 7.6.1, with `Proxy-Connection`).
    @inlinable
    public static var hopByHop: Self {
        Self(
            bits: 1 &<< UInt64(KnownHeader.connection.rawValue)
                | 1 &<< UInt64(KnownHeader.transferEncoding.rawValue)
                | 1 &<< UInt64(KnownHeader.keepAlive.rawValue)
                | 1 &<< UInt64(KnownHeader.proxyAuthenticate.rawValue)
                | 1 &<< UInt64(KnownHeader.proxyAuthorization.rawValue)
                | 1 &<< UInt64(KnownHeader.proxyConnection.rawValue)
                | 1 &<< UInt64(KnownHeader.te.rawValue)
                | 1 &<< UInt64(KnownHeader.trailer.rawValue)
                | 1 &<< UInt64(KnownHeader.upgrade.rawValue))
    }

    /// The fields that carry a client's credentials.
    @inlinable
    public static var credentials: Self {
        Self(
            bits: 1 &<< UInt64(KnownHeader.authorization.rawValue)
                | 1 &<< UInt64(KnownHeader.cookie.rawValue)
                | 1 &<< UInt64(KnownHeader.xApiKey.rawValue)
                | 1 &<< UInt64(KnownHeader.xAuthToken.rawValue)
                | 1 &<< UInt64(KnownHeader.proxyAuthorization.rawValue))
    }

    /// The names that begin with `X-Olla-`.
    @inlinable
    public static var olla: Self {
        Self(
            bits: 1 &<< UInt64(KnownHeader.xOllaRequestID.rawValue)
                | 1 &<< UInt64(KnownHeader.xOllaSessionID.rawValue)
                | 1 &<< UInt64(KnownHeader.xOllaOther.rawValue))
    }

    /// The names that begin with `Access-Control-`.
    @inlinable
    public static var accessControl: Self {
        Self(
            bits: 1 &<< UInt64(KnownHeader.accessControlRequestHeaders.rawValue)
                | 1 &<< UInt64(KnownHeader.accessControlRequestMethod.rawValue)
                | 1 &<< UInt64(KnownHeader.accessControlOther.rawValue))
    }
}
