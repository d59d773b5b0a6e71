import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A client that shows every byte and how the connection ended.
struct RawClient {
    enum Event: Equatable, Sendable {
        case bytes([UInt8])
        /// The peer ended in order, or with a reset.
        case ended(isReset: Bool)
    }

    /// Everything that came before the end.
    struct Transcript: Equatable, Sendable {
        var bytes: [UInt8] = []
        var isReset = false

        var text: String { String(decoding: self.bytes, as: UTF8.self) }
    }

    /// None when the peer had reset the connection before it was established here.
    private let channel: (any Channel)?
    private let events: AsyncStream<Event>

    /// Connects; a peer that accepts and resets at once may be seen doing so here already.
    static func connect(to port: Int) async throws -> RawClient {
        let (events, feed) = AsyncStream.makeStream(of: Event.self)
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Collector(feed: feed))
                    }
                }
                .connect(host: "127.0.0.1", port: port).get()
            return RawClient(channel: channel, events: events)
        } catch let error as NIOConnectionError
            where error.connectionErrors.contains(where: {
                ($0.error as? IOError)?.errnoCode == ECONNRESET
            })
        {
            feed.yield(.ended(isReset: true))
            feed.finish()
            return RawClient(channel: nil, events: events)
        }
    }

    func send(_ text: String) async throws {
        try await self.channel?.writeAndFlush(ByteBuffer(string: text))
    }

    /// Reads until `text` has come; fails when the connection ends before.
    func read(until text: String) async throws -> String {
        var received: [UInt8] = []
        for await event in self.events {
            guard case .bytes(let bytes) = event else { break }
            received += bytes
            let soFar = String(decoding: received, as: UTF8.self)
            if soFar.contains(text) { return soFar }
        }
        throw RawResponse.Malformed(reason: "ended before '\(text)'")
    }

    /// Reads until the peer ends the connection.
    func readToEnd() async -> Transcript {
        var transcript = Transcript()
        for await event in self.events {
            switch event {
            case .bytes(let bytes): transcript.bytes += bytes
            case .ended(let isReset):
                transcript.isReset = isReset
                return transcript
            }
        }
        return transcript
    }

    func close() async throws { try await self.channel?.close() }

    /// Sends one request and reads to the end of the connection.
    static func exchange(_ request: String, port: Int) async throws -> Transcript {
        let client = try await RawClient.connect(to: port)
        try await client.send(request)
        return await client.readToEnd()
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let feed: AsyncStream<Event>.Continuation
        private var isReset = false

        init(feed: AsyncStream<Event>.Continuation) { self.feed = feed }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.feed.yield(.bytes(Array(self.unwrapInboundIn(data).readableBytesView)))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.isReset = true
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.feed.yield(.ended(isReset: self.isReset))
            self.feed.finish()
        }
    }
}

/// A response read strictly: a framing fault is an error, never a guess.
struct RawResponse: Equatable, Sendable {
    struct Malformed: Error, Equatable {
        let reason: String
    }

    let status: Int
    let fields: [String: String]
    let body: [UInt8]
    /// The bodies of the chunks, when it was chunked.
    let chunks: [[UInt8]]
    /// Bytes behind the response.
    let rest: [UInt8]

    var text: String { String(decoding: self.body, as: UTF8.self) }

    init(_ bytes: [UInt8], isHead: Bool = false) throws {
        guard let headEnd = Self.find("\r\n\r\n", in: bytes, from: 0) else {
            throw Malformed(reason: "no head")
        }
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self)
        // A Character of its own: "\r\n" is one grapheme.
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw Malformed(reason: "status line \(lines[0])")
        }
        self.status = status
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else { throw Malformed(reason: "field \(line)") }
            fields[pair[0].lowercased()] = String(pair[1].drop { $0 == " " })
        }
        self.fields = fields
        let bodyStart = headEnd + 4
        if isHead || status < 200 {
            self.body = []
            self.chunks = []
            self.rest = Array(bytes[bodyStart...])
        } else if fields["transfer-encoding"] == "chunked" {
            (self.chunks, self.rest) = try Self.chunks(of: bytes, from: bodyStart)
            self.body = self.chunks.flatMap { $0 }
        } else if let length = fields["content-length"].flatMap({ Int($0) }) {
            guard bytes.count >= bodyStart + length else { throw Malformed(reason: "short body") }
            self.body = Array(bytes[bodyStart..<(bodyStart + length)])
            self.chunks = []
            self.rest = Array(bytes[(bodyStart + length)...])
        } else {
            self.body = Array(bytes[bodyStart...])
            self.chunks = []
            self.rest = []
        }
    }

    private static func chunks(
        of bytes: [UInt8], from start: Int
    ) throws -> ([[UInt8]], [UInt8]) {
        var chunks: [[UInt8]] = []
        var position = start
        while true {
            guard let lineEnd = Self.find("\r\n", in: bytes, from: position),
                let size = Int(String(decoding: bytes[position..<lineEnd], as: UTF8.self), radix: 16),
                bytes.count >= lineEnd + 4 + size,
                bytes[(lineEnd + 2 + size)..<(lineEnd + 4 + size)].elementsEqual("\r\n".utf8)
            else { throw Malformed(reason: "chunk at \(position)") }
            position = lineEnd + 4 + size
            if size == 0 { return (chunks, Array(bytes[position...])) }
            chunks.append(Array(bytes[(lineEnd + 2)..<(lineEnd + 2 + size)]))
        }
    }

    private static func find(_ text: String, in bytes: [UInt8], from start: Int) -> Int? {
        let mark = Array(text.utf8)
        guard bytes.count >= mark.count else { return nil }
        return (start...max(start, bytes.count - mark.count)).first {
            $0 + mark.count <= bytes.count && bytes[$0..<($0 + mark.count)].elementsEqual(mark)
        }
    }
}

/// Requests as text.
enum RawRequest {
    static func get(_ path: String, method: String = "GET", keep: Bool = false) -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: mock\r\n\(keep ? "" : "Connection: close\r\n")\r\n"
    }

    static func post(
        _ path: String, _ body: String, fault: String? = nil, keep: Bool = false
    ) -> String {
        "POST \(path) HTTP/1.1\r\nHost: mock\r\nContent-Length: \(body.utf8.count)\r\n"
            + (fault.map { "X-Mock-Fault: \($0)\r\n" } ?? "")
            + (keep ? "" : "Connection: close\r\n") + "\r\n" + body
    }

    /// A chat in OpenAI's dialect.
    static func chat(stream: Bool, fault: String? = nil, keep: Bool = false) -> String {
        Self.post(
            "/v1/chat/completions",
            """
            {"model":"mock-chat","stream":\(stream),"stream_options":{"include_usage":true},\
            "messages":[{"role":"user","content":"Hello"}]}
            """, fault: fault, keep: keep)
    }
}
