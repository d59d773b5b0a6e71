public import Domain
import MetricKernel

// What only views and statistics show.

extension LoopRecorder {
    /// An attempt ended: what is told about it by model and endpoint.
    ///
    /// - Parameters:
    ///   - model: the model after aliases.
    ///   - endpoint: the endpoint.
    ///   - outcome: how the attempt ended.
    ///   - duration: from route chosen to the last upstream byte.
    ///   - received: response bytes.
    ///   - now: when it ended.
    public func attemptSeen(
        _ model: ModelSlot, _ endpoint: EndpointSlot, _ outcome: AttemptOutcome, duration: Nanoseconds, received: Int,
        at now: MonotonicTime
    ) {
        let pair = LabelIndexes(model.rawValue, endpoint.rawValue)
        self.shard.update {
            $0.count(.viewAttemptsTotal, .init(model.rawValue, endpoint.rawValue, outcome.position))
            $0.count(.viewModelBytesTotal, .init(model.rawValue), by: UInt64(max(received, 0)))
            $0.set(
                .viewLastAttempt, .init(model.rawValue, endpoint.rawValue, UInt16(self.loop)), to: now.rawValue)
            switch outcome {
            case .ok:
                $0.count(.viewSuccessSecondsTotal, pair, by: UInt64(max(duration.rawValue, 0)))
                $0.set(.viewConsecutiveErrors, pair, to: 0)
            case .upstreamError, .upstreamTimeout, .gatewayError: $0.move(.viewConsecutiveErrors, pair, by: 1)
            case .clientCancelled: break
            }
        }
    }

    /// A request for a model that was tried somewhere ended.
    ///
    /// - Parameters:
    ///   - model: the model after aliases.
    ///   - attempts: how many attempts were made.
    ///   - isFallback: whether the endpoint was chosen although it does not serve the model.
    ///   - client: a hash of the client's address.
    ///   - wallTime: now, in nanoseconds since the Unix epoch.
    public func modelAsked(_ model: ModelSlot, attempts: Int, isFallback: Bool, client: UInt64, wallTime: Int64) {
        guard attempts > 0 else { return }
        let result: ViewRouting = isFallback ? .fallback : attempts > 1 ? .miss : .hit
        let seen = self.clients.note(client, model, minute: wallTime / 60_000_000_000)
        self.shard.update {
            $0.count(.viewModelRoutingTotal, .init(model.rawValue, result.position))
            guard let seen else { return }
            $0.set(
                .viewClients, .init(model.rawValue, UInt16(self.loop), UInt16(seen.place)),
                to: Int64(bitPattern: seen.word))
        }
    }
}
