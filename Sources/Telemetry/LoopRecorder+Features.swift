public import Domain
import MetricKernel

// MARK: - Rate limits

extension LoopRecorder {
    /// A rate limiter was asked about a request.
    public func rateLimited(_ kind: RateLimitKind, _ decision: RateLimitDecision) {
        self.shard.update {
            $0.count(.rateLimitDecisionsTotal, .init(kind.position, decision.position))
        }
    }
}

// MARK: - Sticky sessions

extension LoopRecorder {
    /// The endpoint of a request's session was looked up.
    public func stickyLookup(_ result: StickyOutcome) {
        self.shard.update { $0.count(.stickyLookupsTotal, .init(result.position)) }
    }

    /// Sessions were dropped on this loop; a count below 1 is ignored.
    public func stickyEvicted(_ reason: StickyEviction, count: Int = 1) {
        guard count > 0 else { return }
        self.shard.update {
            $0.count(.stickyEvictionsTotal, .init(reason.position), by: UInt64(count))
        }
    }
}

// MARK: - Translators

extension LoopRecorder {
    /// A request of a translator's route has ended, `ok` when its outcome is.
    public func translatorFinished(
        _ translator: TranslatorLabel, _ mode: TranslatorMode, _ result: RunResult
    ) {
        self.shard.update {
            $0.count(
                .translatorRequestsTotal,
                .init(translator.position, mode.position, result.position))
        }
    }

    /// A request is translated although passthrough was wanted.
    public func translatorFellBack(_ translator: TranslatorLabel, _ reason: TranslatorFallback) {
        self.shard.update {
            $0.count(.translatorFallbacksTotal, .init(translator.position, reason.position))
        }
    }
}
