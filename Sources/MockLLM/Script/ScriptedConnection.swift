import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Plays one script on one connection.
///
/// - Isolation: the channel's event loop.
final class ScriptedConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let scripts: [[ScriptStep]]
    private let repeatsLast: Bool
    private let board: ScriptBoard
    private let listener: MockListener
    private var steps: ArraySlice<ScriptStep> = []
    private var number = 0
    private var received: [UInt8] = []
    /// Bytes of `received` that reading steps have used up.
    private var used = 0
    /// Bytes of `received` in which the mark that is waited for does not begin.
    private var searched = 0
    private var isPaused = false
    private var isClosed = false

    init(
        scripts: [[ScriptStep]], repeatsLast: Bool, board: ScriptBoard, listener: MockListener
    ) {
        self.scripts = scripts
        self.repeatsLast = repeatsLast
        self.board = board
        self.listener = listener
    }

    func channelActive(context: ChannelHandlerContext) {
        self.number = self.listener.opened(context.channel)
        self.board.change {
            $0.accepted += 1
            $0.received[self.number] = []
        }
        guard self.number <= self.scripts.count || (self.repeatsLast && !self.scripts.isEmpty)
        else {
            MockListener.reset(context.channel)
            return
        }
        self.steps = self.scripts[min(self.number, self.scripts.count) - 1][...]
        self.play(context: context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.received.append(contentsOf: buffer.readableBytesView)
        self.board.change {
            $0.received[self.number, default: []].append(contentsOf: buffer.readableBytesView)
        }
        guard self.received.count <= ScriptedBackend.receivedBytesMax else {
            MockListener.reset(context.channel)
            return
        }
        self.play(context: context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The peer has ended its direction: for a script that is the end of the connection.
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isClosed = true
        self.listener.closed(context.channel)
        self.announceAfterClose()
        self.board.change { $0.closed += 1 }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset by the peer; what it means is for the script to say.
        context.close(promise: nil)
    }

    /// Steps behind `awaitClose` that only tell the test something still happen.
    private func announceAfterClose() {
        guard self.steps.first == .awaitClose else { return }
        for case .announce(let name) in self.steps.dropFirst() {
            self.board.change { _ = $0.announced.insert(name) }
        }
    }

    private func play(context: ChannelHandlerContext) {
        while !self.isPaused, !self.isClosed, let step = self.steps.first {
            guard self.perform(step, context: context) else { return }
            self.steps = self.steps.dropFirst()
        }
    }

    /// Does a step; false when it is not done yet.
    private func perform(_ step: ScriptStep, context: ChannelHandlerContext) -> Bool {
        switch step {
        case .readHead: return self.take(until: Array("\r\n\r\n".utf8))
        case .readUntil(let bytes): return self.take(until: bytes)
        case .read(let count):
            guard self.received.count - self.used >= count else { return false }
            self.used += count
        case .send(let bytes):
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .pause(let duration):
            self.resumeLater(context: context) { resume in
                context.eventLoop.scheduleTask(
                    in: .nanoseconds(duration.nanoseconds), resume)
            }
        case .wait(let name):
            let loop = context.eventLoop
            self.resumeLater(context: context) { resume in
                self.board.whenever({ $0.signals.contains(name) }) { _ in loop.execute(resume) }
            }
        case .announce(let name): self.board.change { _ = $0.announced.insert(name) }
        case .stopReading: self.setReading(false, context: context)
        case .resumeReading: self.setReading(true, context: context)
        case .close:
            let channel = context.channel
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer())).whenComplete { _ in
                channel.close(promise: nil)
            }
        case .closeOutput: context.close(mode: .output, promise: nil)
        case .reset: MockListener.reset(context.channel)
        case .awaitClose: return false
        }
        return true
    }

    /// Sets the script to sleep until the given closure is called on the loop.
    private func resumeLater(
        context: ChannelHandlerContext, _ arrange: (@escaping @Sendable () -> Void) -> Void
    ) {
        self.isPaused = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        arrange {
            let (connection, context) = bound.value
            connection.isPaused = false
            connection.play(context: context)
        }
    }

    private func setReading(_ reads: Bool, context: ChannelHandlerContext) {
        // Set on the channel's own loop, where it takes effect at once and cannot fail.
        context.channel.setOption(.autoRead, value: reads).whenFailure { _ in }
        if reads { context.read() }
    }

    /// Uses up what has come through the end of `mark`; false while the mark has not come whole.
    private func take(until mark: [UInt8]) -> Bool {
        guard !mark.isEmpty else { return true }
        let start = max(self.used, self.searched)
        let found = Self.end(of: mark, in: self.received, from: start)
        guard let found else {
            // The next search begins where a mark may have begun: large bodies come in many reads.
            self.searched = max(start, self.received.count - mark.count + 1)
            return false
        }
        self.used = found
        self.searched = found
        return true
    }

    /// The place behind the first `mark` at or after `start`.
    private static func end(of mark: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var position = start
            while position + mark.count <= bytes.count {
                // Every byte a peer ever sends may pass here, so the search is left to the C library.
                let length = bytes.count - position - mark.count + 1
                guard let hit = memchr(base + position, Int32(mark[0]), length) else { return nil }
                position = UnsafeRawPointer(hit) - base
                if memcmp(base + position, mark, mark.count) == 0 { return position + mark.count }
                position += 1
            }
            return nil
        }
    }
}

@available(*, unavailable)
extension ScriptedConnection: Sendable {}
