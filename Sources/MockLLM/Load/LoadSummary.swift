/// What the load maker sent, and what came back, as the client saw it.
public struct LoadSummary: Equatable, Sendable {
    /// How a request ended for the client.
    public enum Outcome: String, CaseIterable, Sendable {
        /// Status below 400 and an answer that reached its proper end.
        case ok
        /// Status 400 ... 499 other than 429.
        case clientError = "client_error"
        /// Status 429.
        case rateLimited = "rate_limited"
        /// Status 500 and above.
        case serverError = "server_error"
        /// The client left, as it meant to.
        case cancelled
        /// The connection or the answer broke before its end.
        case broken
        /// No connection could be made.
        case unreachable
        /// The client's own time limit passed.
        case timedOut = "timed_out"
    }

    /// What requests are counted by.
    public struct Key: Hashable, Sendable {
        /// The target's prefix.
        public let prefix: String
        /// What was asked.
        public let operation: LoadOperation
        /// How it ended.
        public let outcome: Outcome
    }

    /// Sums over the requests of one key.
    public struct Cell: Equatable, Sendable {
        /// Requests.
        public var requests = 0
        /// Chunks with content, reasoning or a tool call.
        public var chunks = 0
        /// Prompt tokens, as reported.
        public var inputTokens = 0
        /// Produced tokens, as reported.
        public var outputTokens = 0
        /// Bytes of response bodies.
        public var bodyBytes = 0
    }

    /// The counts.
    public internal(set) var cells: [Key: Cell] = [:]
    /// From each streamed request being written to its first chunk; the first 10,000.
    public internal(set) var timesToFirstToken: [Duration] = []
    /// Requests not sent because as many as allowed were under way.
    public internal(set) var skipped = 0
    /// Connections opened.
    public internal(set) var connections = 0

    static let samplesMax = 10_000

    /// The sums of every key that `isWanted` accepts.
    public func sum(where isWanted: (Key) -> Bool = { _ in true }) -> Cell {
        self.cells.filter { isWanted($0.key) }.values.reduce(into: Cell()) { total, cell in
            total.requests += cell.requests
            total.chunks += cell.chunks
            total.inputTokens += cell.inputTokens
            total.outputTokens += cell.outputTokens
            total.bodyBytes += cell.bodyBytes
        }
    }

    /// The summary as one line of JSON; times in milliseconds.
    public var json: String {
        let ordered = self.cells.sorted {
            ($0.key.prefix, $0.key.operation.rawValue, $0.key.outcome.rawValue)
                < ($1.key.prefix, $1.key.operation.rawValue, $1.key.outcome.rawValue)
        }
        let cells = ordered.map { key, cell -> JSONValue in
            [
                "prefix": .string(key.prefix), "operation": .string(key.operation.rawValue),
                "outcome": .string(key.outcome.rawValue), "requests": JSONValue(cell.requests),
                "chunks": JSONValue(cell.chunks), "input_tokens": JSONValue(cell.inputTokens),
                "output_tokens": JSONValue(cell.outputTokens),
                "body_bytes": JSONValue(cell.bodyBytes),
            ]
        }
        let times = Percentiles(self.timesToFirstToken)
        let document: JSONValue = [
            "requests": JSONValue(self.sum().requests), "skipped": JSONValue(self.skipped),
            "connections": JSONValue(self.connections), "cells": .array(cells),
            "ttft_ms": times.json,
        ]
        return document.text
    }
}

/// The usual points of a sorted list of times.
struct Percentiles: Equatable, Sendable {
    private let sorted: [Duration]

    init(_ samples: [Duration]) { self.sorted = samples.sorted() }

    /// The smallest sample that at least `share` of all samples do not exceed; zero without any.
    func at(_ share: Double) -> Duration {
        guard !self.sorted.isEmpty else { return .zero }
        let rank = Int((share * Double(self.sorted.count)).rounded(.up))
        return self.sorted[min(max(rank, 1), self.sorted.count) - 1]
    }

    /// Milliseconds with three decimals.
    var json: JSONValue {
        func number(_ time: Duration) -> JSONValue {
            .number(Double(time.nanoseconds / 1000) / 1000)
        }
        return [
            "count": JSONValue(self.sorted.count), "p50": number(self.at(0.5)),
            "p90": number(self.at(0.9)), "p99": number(self.at(0.99)),
            "max": number(self.at(1)),
        ]
    }
}
