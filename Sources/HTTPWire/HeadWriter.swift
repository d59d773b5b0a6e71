/// Appends bytes to a buffer of fixed size and remembers if they did not fit.
///
/// Writing never traps and never writes in part: what does not fit is left out as a whole, and from
/// then on nothing is written. Ask ``hasOverflowed`` once at the end, and begin again with a larger
/// buffer.
///
/// - Isolation: single owner.
/// - Bounds: the buffer; no allocation.
@safe
public struct HeadWriter: ~Copyable {
    @usableFromInline let base: UnsafeMutableRawBufferPointer
    @usableFromInline var written = 0
    @usableFromInline var overflowed = false

    /// Creates a writer over a buffer, which must outlive it and belong to it alone.
    @unsafe
    @inlinable
    public init(_ buffer: UnsafeMutableRawBufferPointer) {
        unsafe self.base = buffer
    }

    /// The size of the buffer.
    @inlinable
    public var capacity: Int { unsafe self.base.count }

    /// The bytes written so far.
    @inlinable
    public var count: Int { self.written }

    /// Whether something did not fit.
    @inlinable
    public var hasOverflowed: Bool { self.overflowed }

    /// The bytes written so far.
    @inlinable
    public var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let span = unsafe RawSpan(
                _unsafeBytes: UnsafeRawBufferPointer(rebasing: self.base[..<self.written]))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// Takes back what was written behind `count`; does nothing if there is less.
    @inlinable
    public mutating func truncate(to count: Int) {
        if count >= 0, count < self.written { self.written = count }
    }

    /// Claims room for `count` bytes, or notes the overflow.
    @inlinable
    @inline(__always)
    mutating func claim(_ count: Int) -> Bool {
        if self.overflowed || count > self.capacity &- self.written {
            self.overflowed = true
            return false
        }
        return true
    }

    /// Appends one byte.
    @inlinable
    public mutating func write(_ byte: UInt8) {
        guard self.claim(1) else { return }
        unsafe self.base.storeBytes(of: byte, toByteOffset: self.written, as: UInt8.self)
        self.written &+= 1
    }

    /// Appends a constant.
    @inlinable
    public mutating func write(_ text: StaticString) {
        let count = text.utf8CodeUnitCount
        guard self.claim(count), let start = unsafe self.base.baseAddress else { return }
        unsafe (start + self.written).copyMemory(from: text.utf8Start, byteCount: count)
        self.written &+= count
    }

    /// Appends bytes.
    @inlinable
    public mutating func write(_ bytes: RawSpan) {
        let count = bytes.byteCount
        guard self.claim(count), let start = unsafe self.base.baseAddress else { return }
        let written = self.written
        unsafe bytes.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            unsafe (start + written).copyMemory(from: from, byteCount: count)
        }
        self.written = written &+ count
    }

    /// Appends a range of a buffer, such as a field's name or value; the range must be inside it.
    @inlinable
    public mutating func write(_ bytes: RawSpan, _ range: Range<Int>) {
        self.write(bytes.extracting(range))
    }
}
