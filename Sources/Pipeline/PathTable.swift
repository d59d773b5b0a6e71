/// A short list of byte strings with a value each, in one piece of memory.
///
/// - Bounds: a search compares lengths first, then bytes; no allocation.
struct PathTable: Sendable {
    private struct Entry {
        let start: Int
        let length: Int
        let value: Int
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []

    /// The number of entries.
    var count: Int { self.entries.count }

    /// Adds an entry; among equal texts the first one is found.
    mutating func append(_ text: String, value: Int) {
        self.entries.append(.init(start: self.bytes.count, length: text.utf8.count, value: value))
        self.bytes.append(contentsOf: text.utf8)
    }

    /// The value of the text that equals the bytes from an offset to the end.
    func find(_ span: RawSpan, from start: Int) -> Int? {
        self.find(span, in: start..<span.byteCount, among: 0..<self.count)
    }

    /// The same among some of the entries.
    func find(_ span: RawSpan, from start: Int, among positions: Range<Int>) -> Int? {
        self.find(span, in: start..<span.byteCount, among: positions)
    }

    /// The value of the text that equals the bytes of a range.
    func find(_ span: RawSpan, in range: Range<Int>) -> Int? {
        self.find(span, in: range, among: 0..<self.count)
    }

    private func find(_ span: RawSpan, in range: Range<Int>, among positions: Range<Int>) -> Int? {
        for position in positions {
            let entry = self.entries[position]
            guard entry.length == range.count else { continue }
            // Texts of one table share their beginnings, so the last byte tells most of them apart.
            var offset = entry.length - 1
            while offset >= 0,
                self.bytes[entry.start + offset] == span.byte(range.lowerBound + offset)
            {
                offset -= 1
            }
            if offset < 0 { return entry.value }
        }
        return nil
    }
}

extension UInt8 {
    static let slash = UInt8(ascii: "/")
    static let percent = UInt8(ascii: "%")
}

extension RawSpan {
    /// The byte at an offset; out of bounds traps.
    func byte(_ offset: Int) -> UInt8 { unsafe self.unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// Whether all bytes are those of a text.
    func equals(_ text: StaticString) -> Bool { self.equals(text, in: 0..<self.byteCount) }

    /// Whether the bytes of a range are those of a text.
    func equals(_ text: StaticString, in range: Range<Int>) -> Bool {
        range.count == text.utf8CodeUnitCount && self.holds(text, at: range.lowerBound)
    }

    /// Whether the first bytes are those of a text.
    func hasPrefix(_ text: StaticString) -> Bool {
        self.byteCount >= text.utf8CodeUnitCount && self.holds(text, at: 0)
    }

    private func holds(_ text: StaticString, at start: Int) -> Bool {
        // The routes' texts are pointer-backed literals, so their bytes can be read in place.
        let expected = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        for offset in 0..<expected.count {
            if unsafe expected[offset] != self.byte(start + offset) { return false }
        }
        return true
    }

    /// Whether a segment is empty (other than the last one), `.` or `..`.
    var hasUncleanSegment: Bool {
        var offset = 0
        let end = self.byteCount
        while offset < end {
            guard self.byte(offset) == .slash else {
                offset += 1
                continue
            }
            offset += 1
            guard offset < end else { return false }
            let first = self.byte(offset)
            if first == .slash { return true }
            guard first == UInt8(ascii: ".") else { continue }
            var next = offset + 1
            if next < end, self.byte(next) == UInt8(ascii: ".") { next += 1 }
            if next == end || self.byte(next) == .slash { return true }
        }
        return false
    }
}
