/// Bytes that recur with a few values among them that differ: what one event of a stream has in
/// common with the next.
///
/// A stream of an LLM says the same two hundred bytes with each token. Who has looked into one
/// event knows what is in the next when it fits the template, for a tenth of the work.
///
/// - Isolation: single owner.
/// - Bounds: constant size, no allocation; ``bytesMax`` bytes that recur, ``gapsMax`` gaps. What is
///   longer is not learned.
public struct ByteTemplate: ~Copyable {
    /// What may stand in a gap.
    public enum Gap: UInt8, Sendable {
        /// At least one byte of text between the quotes of a JSON string, escapes included.
        case text = 0
        /// At least one decimal digit.
        case digits = 1
    }

    /// The number of bytes that may recur; an event of the usual servers has 100 to 300.
    public static let bytesMax = 512
    /// The number of gaps a template may have.
    public static let gapsMax = 3

    private var bytes: InlineArray<512, UInt8> = .init(repeating: 0)
    /// The number of recurring bytes; 0 when nothing was learned.
    private var byteCount = 0
    /// For each gap, the first lowest, sixteen bits: the number of recurring bytes before it, and on
    /// top what may stand in it.
    private var gaps: UInt64 = 0
    private var gapCount = 0
    /// What fills the noted gaps, as offsets into the piece that is going to be learned from.
    private var noted: InlineArray<3, Range<Int>> = .init(repeating: 0..<0)

    /// Prepares an empty template, which nothing fits.
    public init() {}

    /// Forgets what was learned and which gaps were noted.
    @inline(__always)
    public mutating func forget() {
        self.byteCount = 0
        self.gapCount = 0
        self.gaps = 0
    }

    /// Notes a gap in the bytes that are going to be learned, behind all that were noted since
    /// ``forget()``.
    ///
    /// One more than ``gapsMax`` is not noted: what stands there has to recur.
    ///
    /// - Parameters:
    ///   - gap: what may stand in it.
    ///   - range: what stands in it now, as offsets into the piece given to ``learn(_:_:)``.
    public mutating func note(_ gap: Gap, at range: Range<Int>) {
        guard self.gapCount < Self.gapsMax else { return }
        self.noted[self.gapCount] = range
        self.gaps |= UInt64(gap.rawValue) &<< UInt64(16 &* self.gapCount &+ 15)
        self.gapCount &+= 1
    }

    /// Learns the bytes of the range, but for the noted gaps; forgets all when they are too many,
    /// or a gap does not lie behind the one before it and within the range.
    public mutating func learn(_ piece: RawSpan, _ range: Range<Int>) {
        var start = range.lowerBound
        var count = 0
        self.gaps &= 0x8000_8000_8000
        for index in 0..<self.gapCount {
            let gap = self.noted[index]
            guard self.append(piece, start, gap.lowerBound, at: &count) else { return self.forget() }
            self.gaps |= UInt64(gap.lowerBound &- start) &<< UInt64(16 &* index)
            start = gap.upperBound
        }
        guard self.append(piece, start, range.upperBound, at: &count) else { return self.forget() }
        self.byteCount = count
    }

    /// Returns where the bytes that fit the template end; nil when those at `start` do not fit.
    ///
    /// Changes nothing; a call that could not would copy the template (Swift 6.3).
    public mutating func end(in piece: RawSpan, from start: Int) -> Int? {
        guard self.byteCount > 0, start < piece.byteCount else { return nil }
        let (byteCount, gaps, gapCount) = (self.byteCount, self.gaps, self.gapCount)
        var span = self.bytes.mutableSpan
        return unsafe span.withUnsafeMutableBytes { buffer in
            let bytes = unsafe RawSpan(_unsafeBytes: buffer)
            return Self.end(of: bytes, byteCount, gaps, gapCount, in: piece, from: start)
        }
    }
}

extension ByteTemplate {
    /// Appends bytes of the piece to those that recur; false when there is no room for them, or no
    /// such bytes.
    private mutating func append(
        _ piece: RawSpan, _ start: Int, _ end: Int, at count: inout Int
    ) -> Bool {
        let length = end &- start
        guard start >= 0, length >= 0, end <= piece.byteCount, length <= Self.bytesMax &- count else {
            return false
        }
        var span = self.bytes.mutableSpan
        span.copy(piece, from: start, count: length, to: count)
        count &+= length
        return true
    }

    /// Where the bytes from `start` on end that fit; see ``gaps`` for how gaps are told.
    @inline(__always)
    private static func end(
        of bytes: RawSpan, _ byteCount: Int, _ gaps: UInt64, _ gapCount: Int, in piece: RawSpan,
        from start: Int
    ) -> Int? {
        var gaps = gaps
        var index = start
        var learned = 0
        for _ in 0..<gapCount {
            let count = Int(gaps & 0x7fff)
            guard Self.recurs(bytes, learned, count, in: piece, at: index) else { return nil }
            learned &+= count
            index &+= count
            let end =
                gaps & 0x8000 == 0
                ? Self.textEnd(in: piece, from: index) : Self.digitsEnd(in: piece, from: index)
            guard end > index else { return nil }
            index = end
            gaps &>>= 16
        }
        let rest = byteCount &- learned
        guard Self.recurs(bytes, learned, rest, in: piece, at: index) else { return nil }
        return index &+ rest
    }

    /// Whether `count` learned bytes from `learned` on stand in the piece at `index`.
    @inline(__always)
    private static func recurs(
        _ bytes: RawSpan, _ learned: Int, _ count: Int, in piece: RawSpan, at index: Int
    ) -> Bool {
        guard count <= piece.byteCount &- index else { return false }
        var offset = 0
        while offset &+ 16 <= count {
            let other = piece.vector(at: index &+ offset)
            guard bytes.vector(at: learned &+ offset).equals(other) else { return false }
            offset &+= 16
        }
        if offset &+ 8 <= count {
            guard bytes.word(at: learned &+ offset) == piece.word(at: index &+ offset) else {
                return false
            }
            offset &+= 8
        }
        while offset < count {
            guard bytes.byte(at: learned &+ offset) == piece.byte(at: index &+ offset) else {
                return false
            }
            offset &+= 1
        }
        return true
    }

    /// Where the text of a JSON string that begins at `start` ends: at its quote, or at a control
    /// character or the end of the piece, which do not fit what follows a string.
    private static func textEnd(in piece: RawSpan, from start: Int) -> Int {
        let end = piece.byteCount
        var index = start
        while index < end {
            index = ByteSearch.firstStop(in: piece, from: index)
            guard index < end, piece.byte(at: index) == UInt8(ascii: "\\") else { return index }
            // Whatever is escaped belongs to the text, unless it is no character of a line.
            index &+= 1
            guard index < end, piece.byte(at: index) >= 0x20 else { return index }
            index &+= 1
        }
        return index
    }

    private static func digitsEnd(in piece: RawSpan, from start: Int) -> Int {
        var index = start
        while index < piece.byteCount, piece.byte(at: index) &- UInt8(ascii: "0") < 10 {
            index &+= 1
        }
        return index
    }
}
