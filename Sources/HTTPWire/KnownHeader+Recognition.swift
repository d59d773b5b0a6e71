extension KnownHeader {
    /// Resolves a field name, ignoring case.
    ///
    /// - Parameters:
    ///   - bytes: The buffer that holds the name.
    ///   - range: The name, already checked to be a token.
    public init(nameIn bytes: RawSpan, _ range: Range<Int>) {
        self = Self.recognised(bytes, start: range.lowerBound, count: range.count)
    }

    /// Resolves a field name: its length and one byte leave at most one candidate, which is then
    /// compared.
    @inline(__always)
    static func recognised(_ bytes: RawSpan, start: Int, count: Int) -> Self {
        let candidate = Self.candidate(bytes, start: start, count: count)
        if candidate != .other, bytes.equals(candidate.lowerCasedName, at: start, count: count) {
            return candidate
        }
        return Self.recognisedByPrefix(bytes, start: start, count: count)
    }

    @inline(__always)
    private static func recognisedByPrefix(_ bytes: RawSpan, start: Int, count: Int) -> Self {
        guard count > 7 else { return .other }
        switch bytes.halfWord(start) | 0x2020_2020 {
        case 0x6C6F_2D78:  // "x-ol"
            return bytes.equals("x-olla-", at: start, count: 7) ? .xOllaOther : .other
        case 0x6563_6361:  // "acce"
            return count > 15 && bytes.equals("access-control-", at: start, count: 15)
                ? .accessControlOther : .other
        default:
            return .other
        }
    }

    @inline(__always)
    private static func candidate(_ bytes: RawSpan, start: Int, count: Int) -> Self {
        switch count {
        case 2: return .te
        case 3: return .via
        case 4: return Self.ofFour(bytes.byte(start) | 0x20)
        case 6: return Self.ofSix(bytes.byte(start) | 0x20)
        case 7: return Self.ofSeven(bytes.byte(start) | 0x20)
        case 8: return .location
        case 9: return Self.ofNine(bytes.byte(start + 8) | 0x20)
        case 10: return Self.ofTen(bytes.byte(start) | 0x20)
        case 11: return Self.ofEleven(bytes.byte(start) | 0x20)
        case 12: return Self.ofTwelve(bytes.byte(start + 2) | 0x20)
        case 13: return Self.ofThirteen(bytes.byte(start) | 0x20)
        case 14: return .contentLength
        case 15: return bytes.byte(start) | 0x20 == UInt8(ascii: "a") ? .acceptEncoding : .xForwardedFor
        case 16: return Self.ofSixteen(bytes.byte(start) | 0x20)
        case 17: return Self.ofSeventeen(bytes.byte(start + 13) | 0x20)
        case 18: return .proxyAuthenticate
        case 19: return .proxyAuthorization
        case 21: return .xRateLimitRemaining
        case 29: return .accessControlRequestMethod
        case 30: return .accessControlRequestHeaders
        default: return .other
        }
    }

    @inline(__always)
    private static func ofFour(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "h"): .host
        case UInt8(ascii: "d"): .date
        case UInt8(ascii: "e"): .etag
        case UInt8(ascii: "v"): .vary
        default: .other
        }
    }

    @inline(__always)
    private static func ofSix(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "a"): .accept
        case UInt8(ascii: "c"): .cookie
        case UInt8(ascii: "e"): .expect
        case UInt8(ascii: "o"): .origin
        case UInt8(ascii: "s"): .server
        default: .other
        }
    }

    @inline(__always)
    private static func ofSeven(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "u"): .upgrade
        case UInt8(ascii: "t"): .trailer
        case UInt8(ascii: "r"): .referer
        case UInt8(ascii: "x"): .xModel
        default: .other
        }
    }

    @inline(__always)
    private static func ofNine(_ last: UInt8) -> Self {
        switch last {
        case UInt8(ascii: "y"): .xApiKey
        case UInt8(ascii: "p"): .xRealIP
        case UInt8(ascii: "d"): .forwarded
        default: .other
        }
    }

    @inline(__always)
    private static func ofTen(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "c"): .connection
        case UInt8(ascii: "k"): .keepAlive
        case UInt8(ascii: "r"): .requestID
        case UInt8(ascii: "s"): .setCookie
        case UInt8(ascii: "t"): .tracestate
        case UInt8(ascii: "u"): .userAgent
        default: .other
        }
    }

    @inline(__always)
    private static func ofEleven(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "r"): .retryAfter
        case UInt8(ascii: "t"): .traceparent
        case UInt8(ascii: "x"): .xServedBy
        default: .other
        }
    }

    @inline(__always)
    private static func ofTwelve(_ third: UInt8) -> Self {
        switch third {
        case UInt8(ascii: "n"): .contentType
        case UInt8(ascii: "r"): .xRequestID
        case UInt8(ascii: "a"): .xAuthToken
        case UInt8(ascii: "p"): .xProxiedBy
        default: .other
        }
    }

    @inline(__always)
    private static func ofThirteen(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "a"): .authorization
        case UInt8(ascii: "c"): .cacheControl
        case UInt8(ascii: "i"): .ifNoneMatch
        default: .other
        }
    }

    @inline(__always)
    private static func ofSixteen(_ first: UInt8) -> Self {
        switch first {
        case UInt8(ascii: "c"): .contentEncoding
        case UInt8(ascii: "p"): .proxyConnection
        case UInt8(ascii: "w"): .wwwAuthenticate
        case UInt8(ascii: "x"): .xForwardedHost
        default: .other
        }
    }

    @inline(__always)
    private static func ofSeventeen(_ fourteenth: UInt8) -> Self {
        switch fourteenth {
        case UInt8(ascii: "d"): .transferEncoding
        case UInt8(ascii: "r"): .xForwardedProto
        case UInt8(ascii: "i"): .xRateLimitLimit
        case UInt8(ascii: "e"): .xRateLimitReset
        case UInt8(ascii: "t"): .xOllaRequestID
        case UInt8(ascii: "n"): .xOllaSessionID
        default: .other
        }
    }
}
