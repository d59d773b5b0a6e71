import AsyncHTTPClient
import NIOCore

/// One attempt as structured concurrency: sends a request, then reads the answer piece by piece.
///
/// The next piece is asked for when the client has taken the last one; AsyncHTTPClient stops reading from the socket
/// meanwhile. Cancelling the task that runs it cancels the request upstream.
///
/// - Isolation: the event loop, which is its executor: no call between it and the client's side changes thread.
actor Attempt {
    private let eventLoop: any EventLoop
    private let pieceBytesMax: Int
    private let upstream: NIOLoopBound<SherpaUpstream>
    private let end: EventLoopPromise<Void>

    /// Succeeds when nothing of the attempt runs any more, its own task or AsyncHTTPClient's for the body: each holds it.
    nonisolated var ended: EventLoopFuture<Void> { self.end.futureResult }

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.eventLoop.executor.asUnownedSerialExecutor() }

    /// An attempt that tells `upstream`.
    init(_ upstream: NIOLoopBound<SherpaUpstream>, pieceBytesMax: Int) {
        self.eventLoop = upstream.eventLoop
        self.pieceBytesMax = pieceBytesMax
        self.upstream = upstream
        self.end = upstream.eventLoop.makePromise()
    }

    deinit { self.end.succeed() }

    /// Runs the attempt to its end; its deadlines are the client's side's, which cancels the task.
    func run(_ request: HTTPClientRequest, over http: HTTPClient) async {
        do {
            var response = try await http.execute(request, deadline: .distantFuture)
            try Task.checkCancellation()
            response.unmask()
            let inflater = self.upstream.value.headArrived(response)
            for try await var bytes in response.body {
                while let piece = try self.nextPiece(of: &bytes, through: inflater) {
                    try Task.checkCancellation()
                    self.upstream.value.pieceArrived(piece)
                    try await self.upstream.value.clientReady()
                }
            }
            try Task.checkCancellation()
            try inflater?.finish()
            self.upstream.value.ended()
        } catch {
            if !Task.isCancelled { self.upstream.value.failed(error) }
        }
    }

    private func nextPiece(of bytes: inout ByteBuffer, through inflater: GzipReader?) throws -> ByteBuffer? {
        if let inflater { return try inflater.read(from: &bytes, atMost: self.pieceBytesMax) }
        guard bytes.readableBytes > 0 else { return nil }
        return bytes.readSlice(length: min(bytes.readableBytes, self.pieceBytesMax))
    }

    /// The next piece of the request's body; nil after the last.
    func nextUploadPiece() async throws -> ByteBuffer? { try await self.upstream.value.nextPiece() }
}

/// The body of a request as AsyncHTTPClient pulls it: each pull says that the connection took what came before.
struct UploadPieces: AsyncSequence, Sendable {
    struct AsyncIterator: AsyncIteratorProtocol {
        let attempt: Attempt

        func next() async throws -> ByteBuffer? { try await self.attempt.nextUploadPiece() }
    }

    let attempt: Attempt

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(attempt: self.attempt) }
}

/// Runs what belongs to no actor on an event loop too, so that AsyncHTTPClient's part of an attempt changes no thread.
final class LoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.eventLoop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
