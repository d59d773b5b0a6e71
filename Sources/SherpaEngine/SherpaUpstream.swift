import AsyncHTTPClient
import ClientSide
import Domain
import HTTPWire
import NIOCore
import NIOHTTP1
import Pipeline
import Telemetry
import Transport

/// The upstream side of one attempt: what the client's side writes goes to an ``Attempt``, and comes back from it.
///
/// - Isolation: one event loop.
/// - Bounds: one piece of an answer; of a request what the backend has not taken, which is one read from the client once
///   the body streams.
final class SherpaUpstream: Upstream {
    /// How far the attempt is.
    ///
    /// Exits are named after the arrow.
    private enum Phase {
        /// It has no connection yet → `serving`, `over`.
        case opening
        /// It has one → `over`.
        case serving
        /// Nothing more happens.
        case over
    }

    private let pool: SherpaPool
    private let endpoint: EndpointClient
    private var phase = Phase.opening
    private var completion: ((Result<any Upstream, ConnectFailure>) -> Void)?
    private var client: ClientConnection?
    private var task: Task<Void, Never>?
    /// What AsyncHTTPClient has chosen for it.
    private var channel: (any Channel)?
    /// What its endpoint knows it by.
    private var number: UInt64 = 0

    // The request.
    /// Its head, as HTTP/1.1.
    private(set) var headBytes: ByteBuffer
    private var hasBody = false
    /// Bytes of its body; nil when only its end tells.
    private(set) var bodyLength: UInt64?
    private var pieces = CircularBuffer<ByteBuffer>(initialCapacity: 2)
    /// Whether the last piece was given.
    private var isUploadComplete = false
    /// Whether the backend's socket took all of it.
    private var isUploadTaken = false
    /// Whether a piece was asked for.
    private var hasBegun = false
    /// The backend's connection takes the next piece as soon as there is one.
    private var pull: CheckedContinuation<ByteBuffer?, any Error>?

    // The answer.
    private var head = ResponseHead()
    private var inflatesAnswer = false
    /// Bytes of the body still to come; nil when only its end tells.
    private var remaining: UInt64?
    private var isPaused = false
    private var clientWait: CheckedContinuation<Void, any Error>?

    private(set) var isReused = false
    private(set) var received = 0
    private(set) var hasEndedByClosing = false
    let hasHead = true
    var hasAnswerBegun: Bool { self.received > 0 }
    /// The last piece counts when the socket took it, one before it when nothing waits behind it.
    var isDrained: Bool { !self.hasBody || (self.isUploadComplete ? self.isUploadTaken : self.pieces.isEmpty) }
    /// Nothing is held up before the first piece was asked for.
    var hasDrained: Bool { self.hasBegun && !self.pieces.isEmpty }

    init(
        _ pool: SherpaPool, _ endpoint: EndpointClient, head: ByteBuffer,
        completion: @escaping (Result<any Upstream, ConnectFailure>) -> Void
    ) {
        self.pool = pool
        self.endpoint = endpoint
        self.headBytes = head
        self.completion = completion
    }

    // MARK: Opening

    /// Asks for a connection and sends the head of the request over it.
    func start(origin: String) {
        var head = RequestHead()
        let limits = HeadLimits(
            headBytesMax: HeadLimits.headBytesCeiling, fieldsMax: 4_096, targetBytesMax: HeadLimits.headBytesCeiling)
        let bytes = self.headBytes
        guard case .complete = head.parse(bytes.readableBytesSpan, limits: limits) else {
            self.pool.loop.recorder.bug(.engine)
            return self.fail(ConnectFailure(type: .protocol, isCertificate: false, message: "the request has no head"))
        }
        self.number = self.endpoint.attemptBegan(self)
        var request = HTTPClientRequest(head, bytes: bytes, origin: origin)
        request.headers.add(name: AttemptUsher.field, value: String(self.number))
        // A part of something is a part of its coded form.
        if head.mayOfferGzip, !request.headers.contains(name: "Range") {
            self.inflatesAnswer = true
            request.headers.add(name: "Accept-Encoding", value: "gzip")
            self.headBytes.insertBeforeEnd("Accept-Encoding: gzip\r\n")
        }
        let attempt = Attempt(
            NIOLoopBound(self, eventLoop: self.pool.loop.eventLoop),
            pieceBytesMax: self.pool.loop.configuration.connect.readBufferBytes)
        self.endpoint.attemptRuns(self.number, until: attempt.ended)
        switch head.framing {
        case .none, .length(0), .untilClose: break
        case .length(let count):
            self.hasBody = true
            self.bodyLength = count
            request.body = .stream(UploadPieces(attempt: attempt), length: .known(Int64(count)))
        case .chunked:
            self.hasBody = true
            request.body = .stream(UploadPieces(attempt: attempt), length: .unknown)
        }
        let http = self.endpoint.http
        self.task = Task(executorPreference: self.pool.executor) { [request] in await attempt.run(request, over: http) }
    }

    /// A connection takes the request, or a stream of one.
    func connected(over channel: any Channel, isReused: Bool) {
        guard self.phase == .opening else { return }
        self.phase = .serving
        self.channel = channel
        self.isReused = isReused
        let completion = self.completion
        self.completion = nil
        completion?(.success(self))
    }

    // MARK: The request

    func serve(_ client: ClientConnection) { self.client = client }

    func begin(_ head: inout ByteBuffer, body: ByteBuffer, isChunked: Bool, isLast: Bool) {
        self.write(body, isLast: isLast)
    }

    func write(_ piece: ByteBuffer, isLast: Bool) {
        if isLast { self.isUploadComplete = true }
        guard self.hasBody else { return }
        if let pull = self.pull, isLast || piece.readableBytes > 0 {
            self.pull = nil
            pull.resume(returning: piece.readableBytes > 0 ? piece : nil)
        } else if piece.readableBytes > 0 {
            self.pieces.append(piece)
        }
    }

    /// Pieces leave when they are pulled.
    func flush() {}

    /// The next piece of the body; nil after the last.
    func nextPiece() async throws -> ByteBuffer? {
        self.hasBegun = true
        if self.isUploadComplete, self.pieces.isEmpty { return nil }
        guard self.phase != .over else { throw CancellationError() }
        if let piece = self.pieces.popFirst() {
            if self.isDrained { self.client?.upstreamDrained() }
            return piece
        }
        return try await withCheckedThrowingContinuation { self.pull = $0 }
    }

    /// The backend's socket took the last of the request.
    func requestTaken() {
        guard self.hasBody, self.phase != .over else { return }
        self.isUploadTaken = true
        self.client?.upstreamDrained()
    }

    // MARK: The answer

    /// The backend's head; what undoes the coding of its body, if it is this engine that asked for one.
    func headArrived(_ response: HTTPClientResponse) -> GzipReader? {
        guard let client = self.client else { return nil }
        let inflater = self.inflatesAnswer && response.isGzip ? GzipReader() : nil
        var bytes = ByteBuffer()
        let isWritten = response.writeHead(into: &bytes, isInflated: inflater != nil)
        self.received += bytes.readableBytes
        client.upstreamBytesArrived(at: Clock.now())
        // The limits are those of the parser inside AsyncHTTPClient, which has passed the head already: 2 MiB.
        let limits = HeadLimits(headBytesMax: HeadLimits.headBytesCeiling, fieldsMax: 4_096)
        let progress = self.head.parse(bytes.readableBytesSpan, limits: limits, method: client.upstreamMethod)
        guard isWritten, case .complete = progress else {
            self.fail(UpstreamFailure(.protocol))
            return nil
        }
        switch self.head.framing {
        case .none: self.remaining = 0
        case .length(let count): self.remaining = count
        case .chunked: self.remaining = nil
        case .untilClose: self.hasEndedByClosing = true
        }
        if client.responseHeadArrived(self.head, bytes: bytes) { self.partRelayed(to: client) }
        return inflater
    }

    /// A piece of the body, without framing and coding.
    func pieceArrived(_ piece: ByteBuffer) {
        guard let client = self.client else { return }
        self.received += piece.readableBytes
        client.upstreamBytesArrived(at: Clock.now())
        client.observeContent(piece.readableBytesSpan, 0..<piece.readableBytes)
        client.relayContent(piece)
        if let remaining = self.remaining { self.remaining = remaining - min(remaining, UInt64(piece.readableBytes)) }
        self.partRelayed(to: client)
    }

    /// An answer of known length ends with its last byte, before AsyncHTTPClient says so: the client knows it as well.
    private func partRelayed(to client: ClientConnection) {
        if self.remaining == 0 { self.ended() } else { client.upstreamReadCompleted() }
    }

    /// Returns when the client takes the next piece.
    func clientReady() async throws {
        guard self.isPaused, self.phase != .over else { return }
        try await withCheckedThrowingContinuation { self.clientWait = $0 }
    }

    /// The body is complete.
    func ended() {
        guard let client = self.client else { return }
        if case .chunked = self.head.framing { client.relayLastChunk(trailers: ByteBuffer()) }
        self.over()
        client.responseEnded()
    }

    /// The attempt failed, and was not given up.
    func failed(_ error: any Error) {
        switch self.phase {
        case .opening: self.fail(ConnectFailure(opening: error))
        case .serving: self.fail(UpstreamFailure(serving: error))
        case .over: return
        }
    }

    private func fail(_ failure: ConnectFailure) {
        let completion = self.completion
        self.close()
        completion?(.failure(failure))
    }

    private func fail(_ failure: UpstreamFailure) {
        let client = self.client
        self.close()
        client?.upstreamFailed(failure, from: self)
    }

    func pause() { self.isPaused = true }

    func resume() {
        self.isPaused = false
        self.clientWait?.resume()
        self.clientWait = nil
    }

    // MARK: The end

    func release(isRequestSent: Bool) {
        if !isRequestSent || !self.isDrained {
            self.task?.cancel()
            // The task may have ended with the answer, while AsyncHTTPClient waits until the endpoint takes more.
            self.channel?.close(promise: nil)
        }
        self.over()
    }

    func close() {
        self.task?.cancel()
        self.over()
    }

    private func over() {
        guard self.phase != .over else { return }
        self.phase = .over
        self.client = nil
        self.completion = nil
        self.channel = nil
        self.pull?.resume(throwing: CancellationError())
        self.pull = nil
        self.clientWait?.resume(throwing: CancellationError())
        self.clientWait = nil
        self.endpoint.attemptEnded(self.number)
    }
}

@available(*, unavailable)
extension SherpaUpstream: Sendable {}
