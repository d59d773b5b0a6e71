import Domain
import HTTPWire
import NIOCore
import Pipeline

/// Writes the head of the request a backend sees (http-surface 2.2).
///
/// - Isolation: one event loop.
/// - Bounds: no allocation once the buffer has grown to the largest head.
struct UpstreamHead {
    /// What the engine adds or decides, beside the client's own head.
    struct Facts: ~Copyable {
        /// The body's framing towards the backend.
        var framing: BodyFraming
        /// Where the forwarded path begins in the client's path.
        var prefixLength: Int
        /// The id of the request.
        var id: RequestID
        /// The client's address as text.
        var clientAddress: [UInt8]
        /// The request's place in a trace.
        var trace: TraceContext
        /// The span of the attempt, parent of whatever the backend does.
        var span: SpanID
        /// Whether the client's `tracestate` is passed on.
        var forwardsTraceState: Bool
        /// The path on the backend where it is not the client's; empty where it is.
        var path: [UInt8]
        /// Whether the body has been rewritten: its type is ours, and so is the answer's coding.
        var isTranslated: Bool
    }

    /// `X-Proxied-By` with its line end.
    let productLine: [UInt8]
    /// `1.1 olla/<ver>`.
    let via: [UInt8]
    /// The header in which client keys stand besides the known ones, in lower case: never forwarded.
    var keyHeader: [UInt8] = []
    /// Whether clients come by TLS.
    var isSecure = false

    init(productName: String, version: String) {
        self.productLine = Array("X-Proxied-By: \(productName)/\(version)\r\n".utf8)
        self.via = Array("1.1 olla/\(version)".utf8)
    }

    /// Appends the head to `buffer`.
    ///
    /// - Parameters:
    ///   - head: the client's head.
    ///   - bytes: the bytes it was parsed from.
    ///   - facts: what the engine adds.
    ///   - wire: the endpoint.
    ///   - model: the model's name as the client sent it; empty when unknown.
    ///   - buffer: where the head goes.
    func write(
        _ head: borrowing RequestHead, bytes: RawSpan, facts: borrowing Facts, wire: EndpointWire, model: [UInt8],
        into buffer: inout ByteBuffer
    ) {
        var room =
            bytes.byteCount + facts.path.count + wire.fieldLines.count + wire.hostLine.count + wire.basePath.count + 512
        room += 2 * facts.clientAddress.count + model.count + RequestID.capacity
        var isWritten = false
        while !isWritten {
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { memory in
                var writer = HeadWriter(memory)
                self.write(head, bytes: bytes, facts: facts, wire: wire, model: model, to: &writer)
                isWritten = !writer.hasOverflowed
                return isWritten ? writer.count : 0
            }
            room *= 2
        }
    }

    private func write(
        _ head: borrowing RequestHead, bytes: RawSpan, facts: borrowing Facts, wire: EndpointWire, model: [UInt8],
        to writer: inout HeadWriter
    ) {
        self.writeRequestLine(head, bytes: bytes, facts: facts, wire: wire, to: &writer)
        if facts.isTranslated {
            writer.write("Content-Type: application/json\r\nAccept-Encoding: identity\r\n" as StaticString)
        }
        writer.write(wire.hostLine)
        self.writeClientFields(head, bytes: bytes, facts: facts, wire: wire, to: &writer)
        switch facts.framing {
        case .length(let count): writer.field("Content-Length", decimal: count)
        case .chunked: writer.write("Transfer-Encoding: chunked\r\n" as StaticString)
        case .none, .untilClose: break
        }
        writer.field("X-Request-ID", facts.id.span.bytes)
        if !wire.ownsTraceparent { self.writeTraceparent(facts, to: &writer) }
        writer.write(self.productLine)
        self.writeList("Via", .via, adding: self.via, head, bytes, to: &writer)
        let address = facts.clientAddress
        self.writeList("X-Forwarded-For", .xForwardedFor, adding: address, head, bytes, to: &writer)
        if !Self.keeps(.xRealIP, of: head) { writer.field("X-Real-IP", address) }
        if !Self.keeps(.xForwardedProto, of: head) {
            writer.field("X-Forwarded-Proto", self.isSecure ? "https" : "http")
        }
        if !Self.keeps(.xForwardedHost, of: head), let host = head.host {
            writer.field("X-Forwarded-Host", bytes.extracting(host))
        }
        if !model.isEmpty { writer.field("X-Model", model) }
        writer.write(wire.fieldLines)
        writer.endLine()
    }

    private func writeRequestLine(
        _ head: borrowing RequestHead, bytes: RawSpan, facts: borrowing Facts, wire: EndpointWire,
        to writer: inout HeadWriter
    ) {
        writer.write(bytes, head.methodRange)
        writer.write(UInt8(ascii: " "))
        writer.write(wire.basePath)
        let start = head.path.lowerBound + min(facts.prefixLength, head.path.count)
        let path = bytes.extracting(start..<head.path.upperBound)
        if !facts.path.isEmpty {
            writer.write(facts.path)
        } else if path.isEmpty {
            if wire.basePath.isEmpty { writer.write(UInt8(ascii: "/")) }
        } else if RequestTarget.hasDotSegment(path) {
            // Resolved against the root before anything is put in front, so that it cannot climb out.
            _ = RequestTarget.writeResolved(path, into: &writer)
        } else {
            writer.write(path)
        }
        if let query = head.query {
            writer.write(UInt8(ascii: "?"))
            writer.write(bytes, query)
        }
        writer.write(" HTTP/1.1\r\n" as StaticString)
    }

    /// What the engine writes itself or never forwards, beside hop-by-hop fields and credentials.
    private static let written = HeaderSet(
        .host, .contentLength, .transferEncoding, .expect, .xRequestID, .xProxiedBy, .via, .xForwardedFor, .xModel,
        .traceparent)

    /// What describes a body that is not sent, or an answer that could not be read.
    private static let rewritten = HeaderSet(.contentType, .contentEncoding, .acceptEncoding)

    private func writeClientFields(
        _ head: borrowing RequestHead, bytes: RawSpan, facts: borrowing Facts, wire: EndpointWire,
        to writer: inout HeadWriter
    ) {
        let fields = head.fields
        for index in fields.indices {
            let field = fields[index]
            if field.isHopByHop || field.known.isCredential || Self.written.contains(field.known) { continue }
            if wire.ownsName(bytes, field.name) { continue }
            if facts.isTranslated, Self.rewritten.contains(field.known) { continue }
            if !self.keyHeader.isEmpty, bytes.extracting(field.name).isName(self.keyHeader) { continue }
            if field.known == .tracestate, !facts.forwardsTraceState { continue }
            writer.field(field, of: bytes)
        }
    }

    /// Whether the client sent the field and its `Connection` does not name it.
    private static func keeps(_ known: KnownHeader, of head: borrowing RequestHead) -> Bool {
        guard head.contains(known) else { return false }
        let fields = head.fields
        for index in fields.indices where fields[index].known == known && !fields[index].isHopByHop { return true }
        return false
    }

    /// Writes version 00 of the field (W3C Trace Context section 3.2.2): the attempt is the backend's parent.
    private func writeTraceparent(_ facts: borrowing Facts, to writer: inout HeadWriter) {
        writer.write("traceparent: 00-" as StaticString)
        writer.write(hex: facts.trace.traceID.high, digitsMin: 16)
        writer.write(hex: facts.trace.traceID.low, digitsMin: 16)
        writer.write(UInt8(ascii: "-"))
        writer.write(hex: facts.span.rawValue, digitsMin: 16)
        writer.write(UInt8(ascii: "-"))
        writer.write(hex: UInt64(facts.trace.flags.rawValue), digitsMin: 2)
        writer.endLine()
    }

    /// Writes one field that holds the client's values of it and one more at the end.
    private func writeList(
        _ name: StaticString, _ known: KnownHeader, adding value: [UInt8], _ head: borrowing RequestHead,
        _ bytes: RawSpan, to writer: inout HeadWriter
    ) {
        writer.write(name)
        writer.write(": " as StaticString)
        if head.contains(known) {
            let fields = head.fields
            for index in fields.indices where fields[index].known == known && !fields[index].value.isEmpty {
                writer.write(bytes, fields[index].value)
                writer.write(", " as StaticString)
            }
        }
        writer.write(value)
        writer.endLine()
    }
}
