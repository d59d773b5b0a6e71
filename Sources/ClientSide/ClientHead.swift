import Domain
import HTTPWire
import NIOCore
import Pipeline

/// Writes the head of a relayed answer (http-surface 2.3).
///
/// - Isolation: one event loop.
/// - Bounds: no allocation once the buffer has grown to the largest head.
struct ClientHead {
    /// How the end of the body is marked towards the client.
    enum Framing: Equatable {
        /// No body: HEAD, 204, 304.
        case none
        /// The backend's length, kept.
        case length(UInt64)
        /// Chunked.
        case chunked
        /// The connection's end, for HTTP/1.0 clients.
        case close
    }

    /// What the engine adds or decides, beside the backend's own head.
    struct Facts: ~Copyable {
        /// How the end of the body is marked.
        var framing: Framing
        /// Whether the connection ends with this answer.
        var closes: Bool
        /// Whether `keep-alive` is said, for HTTP/1.0 clients.
        var saysKeepAlive: Bool
        /// The id of the request.
        var id: RequestID
        /// From the start of the request to the backend's head.
        var responseTime: Nanoseconds
        /// Whether `Trailer` is passed on.
        var forwardsTrailers: Bool
        /// Whether the gateway's own `request-id` stands in place of the backend's.
        var ownsRequestID: Bool
        /// What `X-RateLimit-*` say; nil when no rate is limited.
        var rate: RateNote?
        /// The lines for scripts of other origins, which then stand in place of the backend's; empty without rules.
        var cors: [UInt8]
    }

    /// `X-Served-By` with its line end.
    let servedByLine: [UInt8]
    /// `1.1 olla/<ver>`.
    let via: [UInt8]

    init(productName: String, version: String) {
        self.servedByLine = Array("X-Served-By: \(productName)/\(version)\r\n".utf8)
        self.via = Array("1.1 olla/\(version)".utf8)
    }

    /// Appends the head to `buffer`.
    ///
    /// - Parameters:
    ///   - head: the backend's head.
    ///   - bytes: the bytes it was parsed from.
    ///   - facts: what the engine adds.
    ///   - wire: the endpoint.
    ///   - model: the model's name as the client sent it; empty when unknown.
    ///   - routing: the routing header lines, ready made; empty when no model was routed.
    ///   - sticky: the header lines about the session; empty when sessions do not stick.
    ///   - date: `Date` line for an answer that has none.
    ///   - buffer: where the head goes.
    func write(
        _ head: borrowing ResponseHead, bytes: RawSpan, facts: borrowing Facts, wire: EndpointWire, model: [UInt8],
        routing: [UInt8], sticky: [UInt8], date: [UInt8], into buffer: inout ByteBuffer
    ) {
        var room = bytes.byteCount + wire.answerLines.count + model.count + routing.count + sticky.count + 512
        room += RequestID.capacity + facts.cors.count
        var isWritten = false
        while !isWritten {
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
                var writer = HeadWriter(memory)
                self.write(
                    head, bytes: bytes, facts: facts, wire: wire, model: model, routing: routing,
                    sticky: sticky, date: date, to: &writer)
                isWritten = !writer.hasOverflowed
                return isWritten ? writer.count : 0
            }
            room *= 2
        }
    }

    /// What the engine writes itself or never passes on, beside hop-by-hop fields.
    private static let dropped = HeaderSet(
        .contentLength, .transferEncoding, .authorization, .xApiKey, .xAuthToken, .setCookie, .xServedBy, .via)

    /// Two policies in one answer would make browsers refuse it.
    private static let crossOrigin = HeaderSet(
        .accessControlOther, .accessControlRequestHeaders, .accessControlRequestMethod)

    /// What the gateway says of its own limits, so that a backend's word on its limits does not stand beside it.
    private static let rates = HeaderSet(.xRateLimitLimit, .xRateLimitRemaining, .xRateLimitReset)

    private func write(
        _ head: borrowing ResponseHead, bytes: RawSpan, facts: borrowing Facts, wire: EndpointWire, model: [UInt8],
        routing: [UInt8], sticky: [UInt8], date: [UInt8], to writer: inout HeadWriter
    ) {
        if head.reason.isEmpty {
            writer.statusLine(head.status)
        } else {
            writer.statusLine(head.status, reason: bytes.extracting(head.reason))
        }
        let fields = head.fields
        for index in fields.indices {
            let field = fields[index]
            if field.known == .trailer, facts.forwardsTrailers {
                writer.field(field, of: bytes)
                continue
            }
            if field.isHopByHop || field.known.isOlla || Self.dropped.contains(field.known) { continue }
            if wire.ownsName(bytes, field.name) { continue }
            if field.known == .requestID, facts.ownsRequestID { continue }
            if !facts.cors.isEmpty, Self.crossOrigin.contains(field.known) { continue }
            if facts.rate != nil, Self.rates.contains(field.known) { continue }
            writer.field(field, of: bytes)
        }
        if !head.contains(.date) { writer.write(date) }
        self.writeFraming(head, facts, to: &writer)
        writer.field("X-Olla-Request-ID", facts.id.span.bytes)
        writer.write(wire.answerLines)
        if !model.isEmpty { writer.field("X-Olla-Model", model) }
        writer.write("X-Olla-Response-Time: " as StaticString)
        writer.write(decimal: UInt64(max(0, facts.responseTime.rawValue / 1_000_000)))
        writer.write("ms\r\n" as StaticString)
        if let rate = facts.rate { rate.write(to: &writer) }
        writer.write(routing)
        writer.write(sticky)
        writer.write(facts.cors)
        writer.write(self.servedByLine)
        self.writeVia(head, bytes, to: &writer)
        writer.endLine()
    }

    private func writeFraming(
        _ head: borrowing ResponseHead, _ facts: borrowing Facts, to writer: inout HeadWriter
    ) {
        switch facts.framing {
        case .length(let count): writer.field("Content-Length", decimal: count)
        case .chunked: writer.write("Transfer-Encoding: chunked\r\n" as StaticString)
        case .none:
            // An answer to HEAD, and 304, say how long the body would be (RFC 9110 section 8.6).
            if let length = head.declaredLength, head.status != 204 { writer.field("Content-Length", decimal: length) }
        case .close: break
        }
        if facts.closes {
            writer.write("Connection: close\r\n" as StaticString)
        } else if facts.saysKeepAlive {
            writer.write("Connection: keep-alive\r\n" as StaticString)
        }
    }

    private func writeVia(_ head: borrowing ResponseHead, _ bytes: RawSpan, to writer: inout HeadWriter) {
        writer.write("Via: " as StaticString)
        if head.contains(.via) {
            let fields = head.fields
            for index in fields.indices where fields[index].known == .via && !fields[index].value.isEmpty {
                writer.write(bytes, fields[index].value)
                writer.write(", " as StaticString)
            }
        }
        writer.write(self.via)
        writer.endLine()
    }
}
