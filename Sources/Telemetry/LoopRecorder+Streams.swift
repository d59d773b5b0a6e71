public import Domain
public import MetricKernel

/// The cells one stream writes per delta, found once.
///
/// - Isolation: only with the ``LoopRecorder`` that made it.
public struct StreamCells: Sendable {
    @usableFromInline let chunks: CounterCell
    @usableFromInline let gaps: HistogramCell
}

// MARK: - Streams

extension LoopRecorder {
    /// A stream began; ``streamEnded(_:)`` or ``streamAborted(_:_:)`` follows on the same loop.
    public func streamStarted(_ endpoint: EndpointSlot) {
        self.shard.update { $0.move(.streamsInFlight, .init(endpoint.rawValue), by: 1) }
    }

    /// A stream came to its end marker.
    public func streamEnded(_ endpoint: EndpointSlot) {
        self.shard.update { $0.move(.streamsInFlight, .init(endpoint.rawValue), by: -1) }
    }

    /// A stream ended before its end marker; stands for ``streamEnded(_:)``.
    public func streamAborted(_ endpoint: EndpointSlot, _ reason: StreamAbortReason) {
        self.shard.update {
            $0.move(.streamsInFlight, .init(endpoint.rawValue), by: -1)
            $0.count(.streamAbortsTotal, .init(endpoint.rawValue, reason.position))
        }
    }

    /// Finds the cells of a stream's deltas, once per stream.
    public func streamCells(model: ModelSlot, endpoint: EndpointSlot) -> StreamCells {
        self.shard.beginUpdate()
        defer { self.shard.endUpdate() }
        return StreamCells(
            chunks: self.shard.counter(
                Metric.streamChunksTotal.family, .init(endpoint.rawValue)),
            gaps: self.shard.histogram(
                Metric.interChunkDurationSeconds.family, .init(model.rawValue)))
    }

    /// The first content-bearing delta of a stream, `time` after the request was fully read.
    ///
    /// Counts the delta too: gaps + first tokens = chunks on every snapshot.
    public func firstToken(
        _ cells: StreamCells, model: ModelSlot, endpoint: EndpointSlot, _ time: Nanoseconds,
        exemplar: ExemplarContext? = nil
    ) {
        self.shard.update {
            $0.observe(
                .timeToFirstTokenSeconds, .init(model.rawValue, self.pair(endpoint).rawValue), time,
                exemplar)
            $0.add(1, to: cells.chunks)
        }
    }

    /// A further content-bearing delta, `gap` after the one before.
    @inlinable
    public func chunk(_ cells: StreamCells, gap: Nanoseconds) {
        self.shard.beginUpdate()
        self.shard.add(1, to: cells.chunks)
        self.shard.observe(gap.rawValue, in: cells.gaps)
        self.shard.endUpdate()
    }

    /// `count` further deltas that arrived in one read: the first after `gap`, the others at once.
    @inlinable
    public func chunks(_ cells: StreamCells, count: Int, gap: Nanoseconds) {
        guard count > 0 else { return }
        self.shard.beginUpdate()
        self.shard.add(UInt64(count), to: cells.chunks)
        self.shard.observe(gap.rawValue, in: cells.gaps)
        if count > 1 { self.shard.observe(0, count: UInt64(count - 1), in: cells.gaps) }
        self.shard.endUpdate()
    }

    /// A stream with at least one delta is over; what is not known is nil and not recorded.
    ///
    /// `timePerOutputToken` is (last delta − first delta) / (output tokens − 1), for two tokens or
    /// more.
    public func streamFinished(
        model: ModelSlot, endpoint: EndpointSlot, timePerOutputToken: Nanoseconds?,
        longestStall: Nanoseconds?, tokensPerSecond: Double?, exemplar: ExemplarContext? = nil
    ) {
        self.shard.update {
            if let timePerOutputToken {
                $0.observe(
                    .timePerOutputTokenSeconds,
                    .init(model.rawValue, self.pair(endpoint).rawValue), timePerOutputToken, exemplar)
            }
            if let longestStall {
                $0.observe(.streamLongestStallSeconds, .init(model.rawValue), longestStall, exemplar)
            }
            // Past a million million tokens a second the value is a mistake, not a measurement.
            if let tokensPerSecond, tokensPerSecond >= 0, tokensPerSecond < 1e12 {
                $0.observe(
                    .outputTokensPerSecond, .init(model.rawValue), Int(tokensPerSecond * 1_000),
                    exemplar)
            }
        }
    }
}

// MARK: - Completions

extension LoopRecorder {
    /// The endpoint reported token counts; counts it did not report are left out.
    public func usage(
        _ model: ModelSlot, _ endpoint: EndpointSlot, _ usage: TokenUsage,
        exemplar: ExemplarContext? = nil
    ) {
        self.shard.update {
            self.recordTokens($0, model, endpoint, .input, usage.input, exemplar)
            self.recordTokens($0, model, endpoint, .output, usage.output, exemplar)
            self.recordDetail($0, model, .inputCached, usage.inputCached)
            self.recordDetail($0, model, .inputCacheCreation, usage.inputCacheCreation)
            self.recordDetail($0, model, .outputReasoning, usage.outputReasoning)
        }
    }

    private func recordTokens(
        _ shard: MetricShard, _ model: ModelSlot, _ endpoint: EndpointSlot, _ type: TokenType,
        _ tokens: Int64, _ exemplar: ExemplarContext?
    ) {
        guard tokens >= 0 else { return }
        shard.count(
            .tokensTotal, .init(model.rawValue, endpoint.rawValue, type.position),
            by: UInt64(tokens))
        shard.observe(
            .requestTokens, .init(model.rawValue, type.position), Int(tokens), exemplar)
    }

    private func recordDetail(
        _ shard: MetricShard, _ model: ModelSlot, _ detail: TokenDetail, _ tokens: Int64
    ) {
        guard tokens >= 0 else { return }
        shard.count(
            .tokenDetailsTotal, .init(model.rawValue, detail.position), by: UInt64(tokens))
    }

    /// A successful LLM response carried no usage.
    public func usageMissing(_ endpoint: EndpointSlot) {
        self.shard.update { $0.count(.usageMissingTotal, .init(endpoint.rawValue)) }
    }

    /// A completion ended for a reason the endpoint gave.
    public func finished(_ model: ModelSlot, _ reason: FinishReason) {
        self.shard.update { $0.count(.finishReasonsTotal, .init(model.rawValue, reason.position)) }
    }
}
