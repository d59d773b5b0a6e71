public import Domain
import Synchronization

/// What the statistics page says about a translator, counted since start.
///
/// Beside the metrics, because the page asks for figures that no family splits so.
///
/// - Isolation: any thread; counts are relaxed, so a page may see a request in one figure before another.
/// - Bounds: constant size; a few atomic additions per request, none per chunk.
public final class TranslatorTally: Sendable {
    /// One moment's figures.
    public struct Figures: Equatable, Sendable {
        /// Requests that were served, whatever became of them.
        public var requests = 0
        /// Those whose client got its answer.
        public var successes = 0
        /// Those that went on untranslated.
        public var passedThrough = 0
        /// Those that asked for a stream.
        public var streams = 0
        /// The time of the successful ones together.
        public var successTime = Nanoseconds.zero
        /// Translations because no endpoint spoke the dialect.
        public var noCompatibleEndpoints = 0
        /// Translations because the translator passes nothing through.
        public var unsupported = 0
        /// Translations because the request could not be passed through.
        public var cannotPassThrough = 0

        /// Nothing counted.
        public init() {}

        /// Requests that failed.
        public var failures: Int { self.requests - self.successes }
        /// Requests that were translated.
        public var translated: Int { self.requests - self.passedThrough }
        /// The mean time of the successful ones; nil without any.
        public var latencyMean: Nanoseconds? {
            self.successes > 0 ? Nanoseconds(rawValue: self.successTime.rawValue / Int64(self.successes)) : nil
        }
    }

    private let requests = Atomic<Int>(0)
    private let successes = Atomic<Int>(0)
    private let passedThrough = Atomic<Int>(0)
    private let streams = Atomic<Int>(0)
    private let successTime = Atomic<Int64>(0)
    private let noCompatibleEndpoints = Atomic<Int>(0)
    private let unsupported = Atomic<Int>(0)
    private let cannotPassThrough = Atomic<Int>(0)

    /// A tally at zero.
    public init() {}

    /// A request has ended.
    ///
    /// - Parameters:
    ///   - mode: how it was served.
    ///   - isOK: whether the client got its answer.
    ///   - isStream: whether a stream was asked for.
    ///   - duration: the time of the whole request.
    ///   - fallback: why it was translated although passthrough was wanted.
    public func finished(
        _ mode: TranslatorMode, isOK: Bool, isStream: Bool, duration: Nanoseconds, fallback: TranslatorFallback?
    ) {
        self.requests.wrappingAdd(1, ordering: .relaxed)
        if mode == .passthrough { self.passedThrough.wrappingAdd(1, ordering: .relaxed) }
        if isStream { self.streams.wrappingAdd(1, ordering: .relaxed) }
        if isOK {
            self.successTime.wrappingAdd(duration.rawValue, ordering: .relaxed)
            self.successes.wrappingAdd(1, ordering: .relaxed)
        }
        switch fallback {
        case .noCompatibleEndpoints: self.noCompatibleEndpoints.wrappingAdd(1, ordering: .relaxed)
        case .translatorDoesNotSupportPassthrough: self.unsupported.wrappingAdd(1, ordering: .relaxed)
        case .cannotPassthrough: self.cannotPassThrough.wrappingAdd(1, ordering: .relaxed)
        case nil: break
        }
    }

    /// The figures of now.
    public var figures: Figures {
        var figures = Figures()
        figures.successes = self.successes.load(ordering: .relaxed)
        figures.successTime = Nanoseconds(rawValue: self.successTime.load(ordering: .relaxed))
        figures.passedThrough = self.passedThrough.load(ordering: .relaxed)
        figures.streams = self.streams.load(ordering: .relaxed)
        figures.noCompatibleEndpoints = self.noCompatibleEndpoints.load(ordering: .relaxed)
        figures.unsupported = self.unsupported.load(ordering: .relaxed)
        figures.cannotPassThrough = self.cannotPassThrough.load(ordering: .relaxed)
        // Last, so that no part is larger than the whole.
        figures.requests = max(self.requests.load(ordering: .relaxed), figures.successes)
        return figures
    }
}
