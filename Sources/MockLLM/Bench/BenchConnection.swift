import NIOCore
import Synchronization

/// Gives each stream its place within the gap.
final class PhaseSpreader: Sendable {
    private let gap: Duration
    private let taken = Atomic<UInt64>(0)

    init(gap: Duration) { self.gap = gap }

    /// The wait of the next stream before its first event: 0 ..< gap.
    func next() -> TimeAmount {
        let index = self.taken.wrappingAdd(1, ordering: .relaxed).newValue
        // Multiples of the golden ratio modulo 1 fill the gap evenly for any number of streams.
        let share = (Double(index) * 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
        return .nanoseconds(Int64(Double(self.gap.nanoseconds) * share))
    }
}

/// Serves one connection of the benchmark backend.
///
/// - Isolation: the channel's event loop.
final class BenchConnection: ChannelInboundHandler, NIOScheduledCallbackHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let gap: TimeAmount
    private let events: Int
    private let phases: PhaseSpreader
    private let listener: MockListener
    private var pending = ByteBuffer()
    private var eventsLeft = 0
    private var dueAt = NIODeadline.uptimeNanoseconds(0)
    private var timer: NIOScheduledCallback?
    private var context: ChannelHandlerContext?

    init(gap: Duration, events: Int, phases: PhaseSpreader, listener: MockListener) {
        self.gap = .nanoseconds(gap.nanoseconds)
        self.events = events
        self.phases = phases
        self.listener = listener
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        _ = self.listener.opened(context.channel)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.timer?.cancel()
        self.timer = nil
        self.context = nil
        self.listener.closed(context.channel)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = self.unwrapInboundIn(data)
        if self.pending.readableBytes == 0 {
            self.pending = incoming
        } else {
            self.pending.writeBuffer(&incoming)
        }
        self.serve(context: context)
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    private func serve(context: ChannelHandlerContext) {
        // A stream in progress goes first; requests behind it wait.
        while self.timer == nil {
            switch BenchRequest.scan(self.pending) {
            case .incomplete:
                if self.pending.readableBytes > BenchBackend.requestBytesMax {
                    self.refuse(context: context)
                }
                return
            case .broken:
                self.refuse(context: context)
                return
            case .complete(let request):
                self.pending.moveReaderIndex(forwardBy: request.bytes)
                if self.pending.readableBytes == 0 { self.pending = ByteBuffer() }
                self.answer(request, context: context)
            }
        }
    }

    private func answer(_ request: BenchRequest, context: ChannelHandlerContext) {
        switch request.wish {
        case .models: context.write(self.wrapOutboundOut(BenchWire.models), promise: nil)
        case .reply: context.write(self.wrapOutboundOut(BenchWire.reply), promise: nil)
        case .stream(let events):
            context.writeAndFlush(self.wrapOutboundOut(BenchWire.streamHead), promise: nil)
            self.eventsLeft = events ?? self.events
            self.dueAt = .now() + self.phases.next()
            self.arm(context: context)
        }
    }

    private func refuse(context: ChannelHandlerContext) {
        self.pending = ByteBuffer()
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(BenchWire.refusal)).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func arm(context: ChannelHandlerContext) {
        do {
            self.timer = try context.eventLoop.assumeIsolated().scheduleCallback(
                at: self.dueAt, handler: self)
        } catch {
            // Only a loop that is shutting down refuses a timer.
            context.close(promise: nil)
        }
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        guard let context = self.context else { return }
        self.timer = nil
        // A peer that does not read loses its turns, so that memory stays bounded.
        if context.channel.isWritable { self.writeEvent(context: context) }
        guard self.eventsLeft > 0 else {
            context.writeAndFlush(self.wrapOutboundOut(BenchWire.streamEnd), promise: nil)
            self.serve(context: context)
            context.flush()
            return
        }
        self.dueAt = self.dueAt + self.gap
        self.arm(context: context)
    }

    private func writeEvent(context: ChannelHandlerContext) {
        self.eventsLeft -= 1
        var buffer = BenchWire.event.buffer
        let base = buffer.readerIndex + BenchWire.event.stampOffset
        var rest = NIODeadline.now().uptimeNanoseconds
        for digit in 0..<BenchWire.stampDigits {
            let character = UInt8(ascii: "0") + UInt8(rest % 10)
            buffer.setInteger(character, at: base + BenchWire.stampDigits - 1 - digit)
            rest /= 10
        }
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
    }
}

@available(*, unavailable)
extension BenchConnection: Sendable {}
