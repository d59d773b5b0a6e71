/// What an exemplar tells about the request it was taken from.
///
/// A value of fixed size, so that keeping it allocates nothing. Make it once per request and pass it
/// with each of the request's observations.
public struct ExemplarContext: Sendable {
    /// The most bytes of a request id: with its label name, what OpenMetrics allows on its own.
    ///
    /// Source: OpenMetrics 1.0, "Exemplars": names and values together have at most 128 characters;
    /// `request_id` takes 10.
    public static let requestIDLimit = 118
    /// The words a request id is kept in.
    @usableFromInline static let requestIDWords = 15

    /// The first and last eight bytes of the trace id; both 0 when there is none.
    public let traceID: (high: UInt64, low: UInt64)
    /// The span id; 0 when there is none.
    public let spanID: UInt64
    /// When the request was observed, in nanoseconds since the Unix epoch.
    public let wallTime: Int64
    /// The bytes of the request id; 0 when there is none.
    @usableFromInline let requestIDCount: UInt64
    @usableFromInline let requestID: InlineArray<15, UInt64>

    /// Describes a request.
    ///
    /// A request id that is longer than ``requestIDLimit`` or not of visible ASCII characters is
    /// left out.
    ///
    /// - Parameters:
    ///   - traceID: the first and last eight bytes of the trace id, both 0 for none.
    ///   - spanID: the span id, 0 for none.
    ///   - requestID: the bytes of the request id, empty for none.
    ///   - wallTime: nanoseconds since the Unix epoch.
    public init(
        traceID: (high: UInt64, low: UInt64) = (0, 0), spanID: UInt64 = 0, requestID: RawSpan,
        wallTime: Int64
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.wallTime = wallTime
        var words: InlineArray<15, UInt64> = .init(repeating: 0)
        var isVisible = requestID.byteCount <= Self.requestIDLimit
        for place in 0..<min(requestID.byteCount, Self.requestIDLimit) {
            let byte = requestID.byte(at: place)
            isVisible = isVisible && byte > 0x20 && byte < 0x7F
            words[place >> 3] |= UInt64(byte) << UInt64((place & 7) * 8)
        }
        self.requestIDCount = isVisible ? UInt64(requestID.byteCount) : 0
        self.requestID = words
    }
}

extension RawSpan {
    /// The byte at an offset.
    fileprivate func byte(at offset: Int) -> UInt8 {
        // Any bits are a byte; the access itself is checked against the span's bounds.
        unsafe self.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}

/// One observation of a bucket and the request it belongs to.
public struct Exemplar: Equatable, Sendable {
    /// The observed value in stored units.
    public let value: Int64
    /// When it was observed, in nanoseconds since the Unix epoch.
    public let wallTime: Int64
    /// The first eight bytes of the trace id.
    public let traceHigh: UInt64
    /// The last eight bytes of the trace id.
    public let traceLow: UInt64
    /// The span id; 0 when there is none.
    public let spanID: UInt64
    /// The request id; empty when there is none.
    public let requestID: [UInt8]

    /// Whether there is a trace id: one of zeros is none (W3C Trace Context, 3.2.2.3).
    public var hasTrace: Bool { self.traceHigh | self.traceLow != 0 }

    init(record words: ArraySlice<UInt64>) {
        let start = words.startIndex
        self.value = Int64(bitPattern: words[start + ExemplarRecord.value])
        self.wallTime = Int64(bitPattern: words[start + ExemplarRecord.wallTime])
        self.traceHigh = words[start + ExemplarRecord.traceHigh]
        self.traceLow = words[start + ExemplarRecord.traceLow]
        self.spanID = words[start + ExemplarRecord.spanID]
        let count = min(
            Int(clamping: words[start + ExemplarRecord.requestIDCount]),
            ExemplarContext.requestIDLimit)
        self.requestID = (0..<count).map { place in
            let word = words[start + ExemplarRecord.requestID + (place >> 3)]
            return UInt8(truncatingIfNeeded: word >> UInt64((place & 7) * 8))
        }
    }
}

/// How an exemplar lies in a shard, word by word.
enum ExemplarRecord {
    static let value = 0
    static let wallTime = 1
    static let traceHigh = 2
    static let traceLow = 3
    static let spanID = 4
    static let requestIDCount = 5
    static let requestID = 6
    static let wordCount = requestID + ExemplarContext.requestIDWords

    /// How old an exemplar may become before any other takes its place, in nanoseconds.
    static let ageMax: UInt64 = 10_000_000_000

    /// Whether a new exemplar takes the place of the old one of its bucket: when that is older than
    /// ``ageMax`` (or as far in the future, after the wall clock was set back), or smaller.
    static func replaces(value: Int64, wallTime: Int64, old: (value: Int64, wallTime: Int64)) -> Bool {
        let age = wallTime.subtractingReportingOverflow(old.wallTime)
        return age.overflow || age.partialValue.magnitude > Self.ageMax || value > old.value
    }
}
