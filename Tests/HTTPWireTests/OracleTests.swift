import HTTPWire
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

/// One message as llhttp, behind NIO's decoder, reads it.
private struct OracleMessage: Equatable {
    var start: [String] = []
    var fields: [String] = []
    var body: [UInt8] = []
    var trailers: [String] = []
    var ended = false
}

/// Reads messages with llhttp.
private enum Oracle {
    static func request(_ bytes: [UInt8]) throws -> OracleMessage {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        var message = OracleMessage()
        while let part = try channel.readInbound(as: HTTPServerRequestPart.self), !message.ended {
            switch part {
            case .head(let head):
                message.start = [head.method.rawValue, head.uri, "\(head.version)"]
                message.fields = self.lines(head.headers)
            case .body(let buffer): message.body += buffer.readableBytesView
            case .end(let trailers): self.finish(&message, trailers)
            }
        }
        return message
    }

    static func response(_ bytes: [UInt8], to method: HTTPMethod) throws -> OracleMessage {
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(decoder))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: "/")
        try channel.writeOutbound(HTTPClientRequestPart.head(head))
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        var message = OracleMessage()
        while let part = try channel.readInbound(as: HTTPClientResponsePart.self), !message.ended {
            switch part {
            case .head(let head):
                message.start = ["\(head.status.code)", "\(head.version)"]
                message.fields = self.lines(head.headers)
                // NIO reports no end of an interim response.
                message.ended = head.status.code < 200
            case .body(let buffer): message.body += buffer.readableBytesView
            case .end(let trailers): self.finish(&message, trailers)
            }
        }
        return message
    }

    /// The fields as lines; llhttp leaves the white space behind framing values in place.
    private static func lines(_ headers: HTTPHeaders) -> [String] {
        headers.map { header in
            let isOpen: (Character) -> Bool = { $0 == " " || $0 == "\t" }
            let value = header.value.reversed().drop(while: isOpen).reversed()
            return header.name + ": " + String(value)
        }
    }

    private static func finish(_ message: inout OracleMessage, _ trailers: HTTPHeaders?) {
        message.trailers = trailers.map(self.lines) ?? []
        message.ended = true
    }
}

/// One message as this module reads it.
private struct OwnMessage {
    var message: OracleMessage
    /// The bytes that belong to the message as far as it is understood.
    var length: Int
}

private func utf8(_ bytes: [UInt8], _ range: Range<Int>) -> String {
    String(decoding: bytes[range], as: UTF8.self)
}

private func line(_ bytes: [UInt8], _ field: HeaderField) -> String {
    utf8(bytes, field.name) + ": " + utf8(bytes, field.value)
}

/// Reads the body behind a head; leaves the message open where the body is unfinished or refused.
private func readBody(_ bytes: [UInt8], _ framing: BodyFraming, _ own: inout OwnMessage) {
    switch framing {
    case .none:
        own.message.ended = true
    case .length(let length):
        guard UInt64(bytes.count - own.length) >= length else { return }
        own.message.body = Array(bytes[own.length..<own.length + Int(length)])
        own.message.ended = true
        own.length += Int(length)
    case .untilClose:
        own.message.body = Array(bytes[own.length...])
        own.length = bytes.count
    case .chunked:
        let rest = Array(bytes[own.length...])
        let result = decodeChunked(rest)
        guard case .ended(let leftOver) = result.end else { return }
        own.message.body = result.content
        own.message.trailers = result.trailers.map {
            "\(String(decoding: latin1($0.name), as: UTF8.self)): \(String(decoding: latin1($0.value), as: UTF8.self))"
        }
        own.message.ended = true
        own.length = bytes.count - leftOver
    }
}

/// The three places where the two readers may differ are named where they are allowed for: methods
/// that llhttp does not know, content after CONNECT, and white space before a colon in a response.
@Suite("What is accepted, llhttp accepts too and reads the same")
struct OracleTests {
    @Test("in requests", arguments: 0..<12)
    func requests(_ seed: UInt64) {
        var generator = MessageGenerator(seed: seed)
        var accepted = 0
        var bodies = 0
        for round in 0..<700 {
            let bytes = generator.request()
            var head = RequestHead()
            guard case .complete(let length) = head.parse(bytes.span.bytes, limits: HeadLimits())
            else { continue }
            accepted += 1
            var own = OwnMessage(message: OracleMessage(), length: length)
            own.message.start = [
                utf8(bytes, head.methodRange), utf8(bytes, head.target), "HTTP/1.\(head.version.rawValue)",
            ]
            for index in head.fields.indices { own.message.fields.append(line(bytes, head.fields[index])) }
            // llhttp takes what follows CONNECT for the tunnel, also where a length is declared.
            let isTunnel = head.method == .connect
            readBody(bytes, isTunnel ? .none : head.framing, &own)
            if own.message.ended { bodies += 1 }
            let description = "seed \(seed) round \(round): \(text(bytes, bytes.indices).debugDescription)"
            do {
                let oracle = try Oracle.request(Array(bytes[..<own.length]))
                #expect(oracle == own.message, "\(description)")
            } catch HTTPParserError.invalidMethod where head.method == .other {
                // llhttp knows a list of methods; the gateway forwards any.
            } catch {
                Issue.record("\(error): \(description)")
            }
        }
        #expect(accepted > 150 && bodies > 100, "too few samples: \(accepted), \(bodies)")
    }

    @Test("in responses", arguments: 100..<112)
    func responses(_ seed: UInt64) {
        var generator = MessageGenerator(seed: seed)
        var accepted = 0
        for round in 0..<700 {
            let bytes = generator.response()
            let isHead = generator.random.happens(percent: 15)
            var head = ResponseHead()
            let progress = head.parse(bytes.span.bytes, limits: HeadLimits(), method: isHead ? .head : .get)
            guard case .complete(let length) = progress else { continue }
            var own = OwnMessage(message: OracleMessage(), length: length)
            own.message.start = ["\(head.status)", "HTTP/1.\(head.version.rawValue)"]
            var hasSpaceBeforeColon = false
            for index in head.fields.indices {
                let field = head.fields[index]
                own.message.fields.append(line(bytes, field))
                if bytes[field.name.upperBound] != 0x3A { hasSpaceBeforeColon = true }
            }
            // A proxy must take this from a response; llhttp refuses it.
            if hasSpaceBeforeColon { continue }
            accepted += 1
            readBody(bytes, head.framing, &own)
            let description = "seed \(seed) round \(round): \(text(bytes, bytes.indices).debugDescription)"
            do {
                let oracle = try Oracle.response(Array(bytes[..<own.length]), to: isHead ? .HEAD : .GET)
                #expect(oracle == own.message, "\(description)")
            } catch {
                Issue.record("\(error): \(description)")
            }
        }
        #expect(accepted > 150, "too few samples: \(accepted)")
    }
}
