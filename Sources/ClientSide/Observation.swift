import Dialects
import Domain
import MetricKernel
import Telemetry

/// What an LLM answer's bytes tell while they go by: deltas and their times, tokens, why it stopped.
///
/// - Isolation: one event loop.
/// - Bounds: constant size; two stores and one histogram step per delta.
struct Observation: ~Copyable {
    /// Reads the bytes; nil when there is nothing to read.
    private var observer: ObserverBox?
    /// Whether the answer is a stream of deltas.
    private(set) var isStream = false
    /// Whether ``observe(_:_:)`` has to be called.
    private(set) var isActive = false
    private var cells: StreamCells?
    private var firstDelta = MonotonicTime.zero
    private var lastDelta = MonotonicTime.zero
    /// From the request fully read to the first content.
    private(set) var timeToFirstToken: Nanoseconds?
    /// The longest gap between two deltas.
    private(set) var longestStall: Nanoseconds?

    /// Holds the observer, which cannot be copied.
    private final class ObserverBox {
        var observer: ResponseObserver
        init(framing: ResponseFraming) { self.observer = ResponseObserver(framing: framing) }
    }

    /// Forgets the answer.
    mutating func reset() {
        self.isStream = false
        self.isActive = false
        self.cells = nil
        self.firstDelta = .zero
        self.lastDelta = .zero
        self.timeToFirstToken = nil
        self.longestStall = nil
    }

    /// An answer of a model begins.
    mutating func begin(framing: ResponseFraming) {
        if let box = self.observer {
            box.observer.restart(framing: framing)
        } else {
            self.observer = ObserverBox(framing: framing)
        }
        self.isActive = true
        self.isStream = framing != .document
    }

    /// Looks at a piece of the answer.
    ///
    /// Returns how many deltas became complete in it.
    func observe(_ piece: RawSpan) -> Int { self.observer?.observer.observe(piece) ?? 0 }

    /// Deltas arrived at `now`.
    mutating func deltasArrived(
        _ count: Int, at now: MonotonicTime, requestRead: MonotonicTime, model: ModelSlot, endpoint: EndpointSlot,
        recorder: LoopRecorder, exemplar: @autoclosure () -> ExemplarContext
    ) {
        guard let cells = self.cells else {
            let cells = recorder.streamCells(model: model, endpoint: endpoint)
            self.cells = cells
            let time = now - requestRead
            self.timeToFirstToken = time
            recorder.firstToken(cells, model: model, endpoint: endpoint, time, exemplar: exemplar())
            self.firstDelta = now
            self.lastDelta = now
            if count > 1 { recorder.chunks(cells, count: count - 1, gap: .zero) }
            return
        }
        let gap = now - self.lastDelta
        self.lastDelta = now
        if gap > (self.longestStall ?? .zero) { self.longestStall = gap }
        if count == 1 {
            recorder.chunk(cells, gap: gap)
        } else {
            recorder.chunks(cells, count: count, gap: gap)
        }
    }

    /// Tokens as the endpoint reported them.
    var usage: TokenUsage { self.isActive ? self.observer?.observer.usage ?? TokenUsage() : TokenUsage() }

    /// Why the model stopped.
    var finishReason: FinishReason? { self.isActive ? self.observer?.observer.finishReason : nil }

    /// Whether the stream's own end has been seen.
    var hasEndMarker: Bool { self.isActive && self.observer?.observer.hasEndMarker ?? false }

    /// Whether an error event may follow what has been sent.
    var isBetweenEvents: Bool { self.isActive && self.observer?.observer.isBetweenEvents ?? false }

    /// How the answer's documents follow each other.
    var framing: ResponseFraming? { self.isActive ? self.observer?.observer.framing : nil }

    /// The mean time per output token after the first, for two tokens or more (telemetry.md 1.5).
    func timePerOutputToken(_ usage: TokenUsage) -> Nanoseconds? {
        guard self.timeToFirstToken != nil, usage.output >= 2 else { return nil }
        return Nanoseconds(rawValue: (self.lastDelta - self.firstDelta).rawValue / (usage.output - 1))
    }

    /// Output tokens per second after the first token; nil when they came in no time at all.
    func tokensPerSecond(_ usage: TokenUsage) -> Double? {
        let span = (self.lastDelta - self.firstDelta).seconds
        guard self.timeToFirstToken != nil, usage.output >= 2, span > 0 else { return nil }
        return Double(usage.output - 1) / span
    }
}
