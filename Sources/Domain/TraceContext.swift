/// The id that all spans of one request share through all services: 16 bytes, not all zero (W3C Trace Context
/// section 3.2.2.3).
public struct TraceID: Equatable, Hashable, Sendable {
    /// The first eight bytes.
    public let high: UInt64
    /// The last eight bytes.
    public let low: UInt64

    /// An id of two halves; all zero is no valid id, see ``isValid``.
    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Makes an id of 128 random bits; valid whatever they are.
    @inlinable
    public init(random high: UInt64, _ low: UInt64) {
        self.init(high: high, low: high | low == 0 ? 1 : low)
    }

    /// Whether it may stand for a trace.
    @inlinable
    public var isValid: Bool { self.high | self.low != 0 }
}

/// The id of one span of a trace: 8 bytes, not all zero (W3C Trace Context section 3.2.2.4).
public struct SpanID: Equatable, Hashable, Sendable {
    /// The eight bytes, the first one in the highest bits.
    public let rawValue: UInt64

    /// An id; 0 stands for none, see ``isValid``.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Makes an id of 64 random bits; valid whatever they are.
    @inlinable
    public init(random bits: UInt64) { self.init(rawValue: bits == 0 ? 1 : bits) }

    /// No span.
    @inlinable
    public static var none: Self { Self(rawValue: 0) }

    /// Whether it may stand for a span.
    @inlinable
    public var isValid: Bool { self.rawValue != 0 }
}

/// What a trace's participants tell each other in one byte (W3C Trace Context Level 2 section 3.2.2.5).
public struct TraceFlags: OptionSet, Equatable, Sendable {
    /// The bits.
    public let rawValue: UInt8

    /// Flags from their bits.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The sender may have recorded its part of the trace.
    @inlinable
    public static var sampled: Self { Self(rawValue: 1) }

    /// The last seven bytes of the trace id are random.
    @inlinable
    public static var random: Self { Self(rawValue: 2) }
}

/// What a `traceparent` field says: trace, caller's span and flags.
///
/// - Bounds: constant size, no allocation.
public struct Traceparent: Equatable, Sendable {
    /// The bytes of a field of version 00: `00-<32>-<16>-<2>`.
    public static let byteCount = 55

    /// The trace.
    public let traceID: TraceID
    /// The caller's span.
    public let parentID: SpanID
    /// The flags; those without a meaning are off.
    public let flags: TraceFlags

    /// Reads a field's value.
    ///
    /// Strict, by W3C Trace Context sections 3.2.2 and 4.3: lower-case digits only, version not `ff`, no id of
    /// zeros, and no more than four parts in version 00. A higher version is read by its first four parts, and only
    /// its flag ``TraceFlags/sampled`` counts.
    ///
    /// - Returns: nil for anything else, which is treated as if no field had been sent.
    public init?(_ text: Span<UInt8>) {
        guard text.count >= Self.byteCount, let version = Self.number(text, 0, digits: 2), version != 0xFF,
            text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash,
            text.count == Self.byteCount || (version > 0 && text[Self.byteCount] == Self.dash),
            let high = Self.number(text, 3, digits: 16), let low = Self.number(text, 19, digits: 16),
            let parent = Self.number(text, 36, digits: 16), let flags = Self.number(text, 53, digits: 2)
        else { return nil }
        self.traceID = TraceID(high: high, low: low)
        self.parentID = SpanID(rawValue: parent)
        let known: TraceFlags = version == 0 ? [.sampled, .random] : .sampled
        self.flags = TraceFlags(rawValue: UInt8(truncatingIfNeeded: flags)).intersection(known)
        guard self.traceID.isValid, self.parentID.isValid else { return nil }
    }

    private static let dash = UInt8(ascii: "-")

    private static func number(_ text: Span<UInt8>, _ start: Int, digits: Int) -> UInt64? {
        var value: UInt64 = 0
        for offset in start..<start + digits {
            let byte = text[offset]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
            default: return nil
            }
            value = value &<< 4 | UInt64(digit)
        }
        return value
    }
}

/// The place of one client request in a trace: which trace, which span the gateway itself is, whose child it is.
///
/// - Bounds: constant size.
public struct TraceContext: Equatable, Sendable {
    /// The trace, the client's own when it sent one.
    public let traceID: TraceID
    /// The gateway's span for the request: parent of the span of each attempt.
    public let spanID: SpanID
    /// The client's span; ``SpanID/none`` when it sent none.
    public let parentID: SpanID
    /// The flags that attempts carry on.
    public let flags: TraceFlags

    /// The place of a request in the client's trace.
    @inlinable
    public init(continuing parent: Traceparent, spanID: SpanID) {
        self.traceID = parent.traceID
        self.spanID = spanID
        self.parentID = parent.parentID
        self.flags = parent.flags
    }

    /// The place of a request that begins a trace.
    @inlinable
    public init(starting traceID: TraceID, spanID: SpanID, flags: TraceFlags) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentID = .none
        self.flags = flags
    }

    /// No trace yet.
    @inlinable
    public static var none: Self { Self(starting: TraceID(high: 0, low: 0), spanID: .none, flags: []) }

    /// Whether the spans of the request are recorded by those who record any.
    @inlinable
    public var isSampled: Bool { self.flags.contains(.sampled) }
}

/// Chooses the share of traces that is recorded, by the trace id alone, so that all who use the same share agree.
///
/// The last 56 bits of the id are compared with a threshold (OpenTelemetry, TraceState: probability sampling). It
/// decides about traces that begin here; for others the client's flag counts.
public struct TraceSampler: Equatable, Sendable {
    private static let range: UInt64 = 1 << 56
    private let threshold: UInt64

    /// A sampler for a share of 0…1 of all traces; other numbers count as the nearest of these.
    public init(ratio: Double) {
        let share = ratio > 0 ? min(ratio, 1) : 0
        self.threshold = Self.range - UInt64(share * Double(Self.range))
    }

    /// Whether a trace is recorded.
    public func samples(_ id: TraceID) -> Bool { id.low & (Self.range - 1) >= self.threshold }
}
