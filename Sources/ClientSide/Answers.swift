import Domain
import HTTPWire
import NIOCore
import Pipeline
import Routing

/// Renders the answers the gateway gives by itself: texts, heads and routing header lines.
///
/// - Isolation: one event loop.
struct Answers {
    /// `X-Served-By` with its line end.
    private let servedByLine: [UInt8]
    /// By strategy, verdict and reason.
    private let noteLines: [[UInt8]]
    /// By outcome and source; the last of each row is that without a source.
    private let stickyLines: [[[UInt8]]]

    init(productName: String, version: String) {
        self.servedByLine = Array("X-Served-By: \(productName)/\(version)\r\n".utf8)
        var noteLines: [[UInt8]] = []
        for strategy in RoutingNote.Strategy.allCases {
            for verdict in RoutingNote.Verdict.allCases {
                for reason in RoutingNote.Reason.allCases {
                    noteLines.append(
                        Self.lines(strategy.label, verdict.label, Array(reason.code.description.utf8)))
                }
            }
        }
        self.noteLines = noteLines
        self.stickyLines = StickyOutcome.allCases.map { outcome in
            let line = Array("X-Olla-Sticky-Session: \(outcome.label)\r\n".utf8)
            return SessionSource.allCases.map { line + Array("X-Olla-Sticky-Key-Source: \($0.label)\r\n".utf8) }
                + [line]
        }
    }

    private static func lines(_ strategy: StaticString, _ decision: StaticString, _ reason: [UInt8]) -> [UInt8] {
        var lines = Array("X-Olla-Routing-Strategy: \(strategy)\r\nX-Olla-Routing-Decision: \(decision)\r\n".utf8)
        lines += Array("X-Olla-Routing-Reason: ".utf8) + reason + Array("\r\n".utf8)
        return lines
    }

    // MARK: Routing header lines

    /// The ready-made header lines of a decision; nil for an alias, whose reason names it.
    func routingLines(_ note: RoutingNote) -> [UInt8]? {
        guard note.reason != .aliasResolved else { return nil }
        let row = Int(note.strategy.rawValue) * RoutingNote.Verdict.allCases.count + Int(note.verdict.rawValue)
        return self.noteLines[row * RoutingNote.Reason.allCases.count + Int(note.reason.rawValue)]
    }

    /// Appends the header lines about the request's session (routing-and-config 6.4).
    ///
    /// - Parameters:
    ///   - outcome: what its look-up found.
    ///   - source: where its key came from; nil when there is none.
    ///   - lines: receives the lines.
    func appendStickyLines(_ outcome: StickyOutcome, _ source: SessionSource?, to lines: inout [UInt8]) {
        let row = self.stickyLines[Int(outcome.rawValue)]
        lines.append(contentsOf: row[source.map { Int($0.rawValue) } ?? row.count - 1])
    }

    /// The header lines of a decision that names the alias.
    func aliasLines(_ note: RoutingNote, model: [UInt8]) -> [UInt8] {
        var reason: [UInt8] = []
        note.appendReason(model: model.span, to: &reason)
        return Self.lines(note.strategy.label, note.verdict.label, reason)
    }

    // MARK: Texts

    /// The words of an answer (http-surface 3.2); addresses of backends are not revealed.
    func text(_ answer: GatewayAnswer, failure: UpstreamFailure?, elapsed: Nanoseconds) -> String {
        let seconds = Self.tenths(elapsed)
        return switch answer.kind {
        case .malformed, .malformedBody: "400 Bad Request"
        case .invalidRequest: "the request is not valid"
        case .notFound: "404 page not found"
        case .unauthorized: "Unauthorized: a known client key is required (Authorization: Bearer, or x-api-key)"
        case .rateLimited: "Too Many Requests"
        case .methodNotAllowed: "Method Not Allowed"
        case .bodyTooLarge: "Request body too large"
        case .headersTooLarge: "Request headers too large"
        case .requestTimeout: "Request Timeout: the request was not complete in time"
        case .upgradeRefused: "Upgrade Required: protocol upgrades are not supported"
        case .modelRejected: "model_unavailable"
        case .noProviderEndpoint, .noHealthyEndpoint: "no healthy endpoints available"
        case .allBreakersOpen: "Proxy error: circuit open for every candidate endpoint"
        case .queueFull:
            "Proxy error: every candidate endpoint is at its request limit, and as many requests as may wait do"
        case .queueTimedOut:
            "Proxy error: every candidate endpoint was at its request limit for the \(seconds)s this request waited"
        case .connectFailed:
            "Proxy error: all endpoints failed with connection errors after \(seconds)s: \(Self.cause(failure))"
        case .certificateRefused:
            "Proxy error: the endpoint's TLS certificate was refused; see the gateway's log for the reason"
        case .closedEarly: "Proxy error: the endpoint closed the connection before answering, after \(seconds)s"
        case .upstreamTimedOut: "Proxy error: timeout after \(seconds)s: \(Self.limit(failure))"
        case .badUpstreamAnswer: "Proxy error: the endpoint's answer was not usable: \(Self.cause(failure))"
        case .shuttingDown: "the gateway is shutting down"
        }
    }

    private static func tenths(_ elapsed: Nanoseconds) -> String {
        let tenths = elapsed.rawValue / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    private static func cause(_ failure: UpstreamFailure?) -> String {
        switch failure?.type {
        case .dns: "the host name could not be resolved"
        case .connectRefused: "connection refused"
        case .unreachable: "host or network unreachable"
        case .connectTimeout: "connect timed out"
        case .tls: "TLS handshake failed"
        case .reset: "connection reset"
        case .closed: "connection closed"
        case .firstByteTimeout: "no response head in time"
        case .idleTimeout: "the endpoint fell silent"
        case .protocol: "not a valid HTTP response"
        case .http429: "status 429"
        case .http5xx: "status 5xx"
        case nil: "no endpoint left"
        }
    }

    private static func limit(_ failure: UpstreamFailure?) -> String {
        switch failure?.type {
        case .connectTimeout: "no connection within connection_timeout"
        case .firstByteTimeout: "no response head within response_header_timeout"
        default: "no data within read_timeout"
        }
    }

    // MARK: Heads

    /// Appends the head of an answer whose body is at hand.
    func writeHead(
        _ response: LocalResponse, id: RequestID, closes: Bool, saysKeepAlive: Bool, wire: EndpointWire?,
        routing: [UInt8], sticky: [UInt8], cors: [UInt8], date: [UInt8], into buffer: inout ByteBuffer
    ) {
        let phrase = ReasonPhrase.of(UInt16(clamping: response.status))
        buffer.writeString("HTTP/1.1 \(response.status) \(phrase)\r\n")
        for field in response.fields { buffer.writeString("\(field.name): \(field.value)\r\n") }
        buffer.writeBytes(date)
        if response.status != 204, response.status != 304 {
            buffer.writeString("Content-Length: \(response.body.count)\r\n")
        }
        if closes {
            buffer.writeStaticString("Connection: close\r\n")
        } else if saysKeepAlive {
            buffer.writeStaticString("Connection: keep-alive\r\n")
        }
        buffer.writeStaticString("X-Olla-Request-ID: ")
        id.span.withUnsafeBytes { _ = buffer.writeBytes($0) }
        buffer.writeStaticString("\r\n")
        if let wire { buffer.writeBytes(wire.answerLines) }
        buffer.writeBytes(routing)
        buffer.writeBytes(sticky)
        buffer.writeBytes(cors)
        if wire != nil { buffer.writeBytes(self.servedByLine) }
        buffer.writeStaticString("\r\n")
    }

    /// Appends the whole answer to bytes that are no request (http-surface 3.1).
    ///
    /// Returns how many bytes its body has.
    func writeUnparsed(status: Int, id: RequestID, into buffer: inout ByteBuffer) -> Int {
        let phrase = ReasonPhrase.of(UInt16(clamping: status))
        let body = status == 417 ? "" : "\(status) \(phrase)\n"
        buffer.writeString("HTTP/1.1 \(status) \(phrase)\r\n")
        buffer.writeStaticString("Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n")
        buffer.writeString("X-Olla-Request-ID: \(id.text)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return body.utf8.count
    }
}

/// Content types that are not flushed after every read (routing-and-config 8.2).
enum BinaryContent {
    private static let prefixes: [StaticString] = [
        "image/", "video/", "audio/", "font/", "model/", "application/pdf", "application/zip", "application/gzip",
        "application/x-tar", "application/x-rar", "application/x-7z-compressed", "application/octet-stream",
        "application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument", "application/msword",
        "application/vnd.ms-powerpoint",
    ]

    /// Whether a `Content-Type` value names binary content.
    static func matches(_ value: RawSpan) -> Bool {
        self.prefixes.contains { value.begins(with: $0) }
    }
}

/// The value of `Retry-After`: seconds, or a date (RFC 9110 section 10.2.3).
enum RetryAfter {
    /// Reads the value.
    ///
    /// - Parameters:
    ///   - value: the field's value.
    ///   - wall: now, in nanoseconds since 1970-01-01T00:00:00Z, for the date form.
    /// - Returns: how long to wait; nil for anything that is neither form.
    static func parse(_ value: RawSpan, wall: Int64) -> Nanoseconds? {
        var seconds: Int64 = 0
        var isNumber = value.byteCount > 0 && value.byteCount <= 9
        if isNumber {
            for offset in 0..<value.byteCount {
                let byte = value.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                guard (0x30...0x39).contains(byte) else {
                    isNumber = false
                    break
                }
                seconds = seconds * 10 + Int64(byte - 0x30)
            }
        }
        if isNumber { return .seconds(seconds) }
        return value.withUnsafeBytes { RetryDate.parse(String(decoding: $0, as: UTF8.self)) }
            .map { Nanoseconds(rawValue: $0 * 1_000_000_000 - wall) }
    }
}

/// The preferred date form of HTTP, IMF-fixdate (RFC 9110 section 5.6.7).
enum RetryDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970-01-01T00:00:00Z, or nil when the text is no IMF-fixdate.
    static func parse(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", parts[0].count == 4,
            let day = Int64(parts[1]), (1...31).contains(day),
            let month = self.months.firstIndex(of: String(parts[2])), let year = Int64(parts[3]),
            (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        return self.days(year: year, month: Int64(month) + 1, day: day) * 86_400 + clock[0] * 3600 + clock[1] * 60
            + clock[2]
    }

    /// Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
