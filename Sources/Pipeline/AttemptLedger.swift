public import Domain

/// What the attempts of one request cost: one row per attempt, oldest first.
///
/// - Bounds: the first eight rows lie inline; further ones spill to an array, the only allocation.
public struct AttemptLedger: Sendable {
    /// One finished attempt.
    public struct Row: Sendable {
        /// The endpoint that was tried.
        public var endpoint: EndpointIndex
        /// Its four upstream stage times.
        public var times: UpstreamTimes

        static let empty = Row(
            endpoint: .init(rawValue: 0), times: .init(acquire: .zero, send: .zero, wait: .zero, stream: .zero))
    }

    private static let inlineCapacity = 8
    private var inline: InlineArray<8, Row>
    private var spill: [Row] = []
    /// How many attempts have ended.
    public private(set) var count = 0

    /// No attempt yet.
    public init() { self.inline = .init(repeating: .empty) }

    /// The attempt at a position, 0 ..< ``count``.
    public subscript(position: Int) -> Row {
        position < Self.inlineCapacity ? self.inline[position] : self.spill[position - Self.inlineCapacity]
    }

    mutating func append(_ row: Row) {
        if self.count < Self.inlineCapacity {
            self.inline[self.count] = row
        } else {
            self.spill.append(row)
        }
        self.count += 1
    }
}
