/// Rules for the path of a request target, on its bytes (RFC 3986 sections 3.3 and 5.2.4).
public enum RequestTarget {
    /// Whether a path would change if it were cleaned: it holds `//` or a segment `.` or `..`.
    ///
    /// Percent-encoded dots do not count; ``writeResolved(_:into:)`` deals with them.
    public static func isUnclean(_ path: RawSpan) -> Bool {
        let end = path.byteCount
        var cursor = 0
        while cursor < end {
            // Each round begins at a slash, but for a path that does not begin with one.
            let start = path.byte(cursor) == ASCII.slash ? cursor + 1 : cursor
            let stop = path.firstOffset(of: ASCII.slash, from: start, to: end)
            if stop == start, stop < end { return true }
            if Self.plainDots(path, start..<stop) > 0 { return true }
            cursor = stop
        }
        return false
    }

    /// Appends the path that an unclean path is redirected to.
    ///
    /// Slashes are merged, `.` is dropped and `..` takes its parent away, but never the root. As in
    /// the system that the gateway replaces, a dot segment at the end leaves no slash behind.
    ///
    /// - Returns: `false` if the path did not fit.
    public static func writeClean(_ path: RawSpan, into writer: inout HeadWriter) -> Bool {
        let start = writer.count
        Self.resolve(path, into: &writer, encodedDots: false, mergesSlashes: true)
        let end = path.byteCount
        let lastSlash = Self.lastSlash(path)
        if Self.plainDots(path, lastSlash + 1..<end) > 0, writer.count > start + 1 {
            writer.truncate(to: writer.count - 1)
        }
        return !writer.hasOverflowed
    }

    /// Appends a path without dot segments, so that it cannot leave the place it is put in.
    ///
    /// Dots count plain and percent-encoded (`%2e`); every other byte is kept as it is,
    /// percent-encoding and empty segments included. The result begins with a slash, and `..` never
    /// goes above it. A dot segment at the end leaves its slash (RFC 3986 section 5.2.4).
    ///
    /// - Returns: `false` if the path did not fit.
    public static func writeResolved(_ path: RawSpan, into writer: inout HeadWriter) -> Bool {
        Self.resolve(path, into: &writer, encodedDots: true, mergesSlashes: false)
        return !writer.hasOverflowed
    }

    /// Whether a path holds a dot segment, plain or percent-encoded, so that it needs resolving.
    public static func hasDotSegment(_ path: RawSpan) -> Bool {
        let end = path.byteCount
        var start = 0
        while start <= end {
            let stop = path.firstOffset(of: ASCII.slash, from: start, to: end)
            if Self.dots(path, start..<stop) > 0 { return true }
            start = stop + 1
        }
        return false
    }
}

extension RequestTarget {
    private static func resolve(
        _ path: RawSpan, into writer: inout HeadWriter, encodedDots: Bool, mergesSlashes: Bool
    ) {
        let root = writer.count
        let end = path.byteCount
        var cursor = end > 0 && path.byte(0) == ASCII.slash ? 1 : 0
        writer.write(ASCII.slash)
        // Invariant: what was written ends in a slash whenever a segment begins.
        while cursor <= end {
            let stop = path.firstOffset(of: ASCII.slash, from: cursor, to: end)
            let segment = cursor..<stop
            let dots = encodedDots ? Self.dots(path, segment) : Self.plainDots(path, segment)
            if dots == 2 {
                Self.removeLastSegment(&writer, root: root)
            } else if dots == 0, !(mergesSlashes && segment.isEmpty) {
                writer.write(path, segment)
                if stop < end { writer.write(ASCII.slash) }
            }
            cursor = stop + 1
        }
    }

    /// Takes back the last segment and the slash behind it, but not the root's slash.
    private static func removeLastSegment(_ writer: inout HeadWriter, root: Int) {
        var length = writer.count - 1
        while length > root + 1, writer.bytes.byte(length - 1) != ASCII.slash {
            length -= 1
        }
        if length > root { writer.truncate(to: length) }
    }

    private static func lastSlash(_ path: RawSpan) -> Int {
        var cursor = path.byteCount - 1
        while cursor >= 0, path.byte(cursor) != ASCII.slash {
            cursor -= 1
        }
        return cursor
    }

    /// The number of dots if the segment is `.` or `..`, else 0.
    private static func plainDots(_ path: RawSpan, _ segment: Range<Int>) -> Int {
        guard segment.count == 1 || segment.count == 2 else { return 0 }
        for offset in segment where path.byte(offset) != ASCII.dot {
            return 0
        }
        return segment.count
    }

    /// As ``plainDots(_:_:)``, but each dot may be percent-encoded.
    private static func dots(_ path: RawSpan, _ segment: Range<Int>) -> Int {
        guard segment.count >= 1, segment.count <= 6 else { return 0 }
        var count = 0
        var cursor = segment.lowerBound
        while cursor < segment.upperBound {
            if path.byte(cursor) == ASCII.dot {
                cursor += 1
            } else if cursor + 3 <= segment.upperBound, path.byte(cursor) == ASCII.percent,
                path.byte(cursor + 1) == UInt8(ascii: "2"),
                path.byte(cursor + 2) | 0x20 == UInt8(ascii: "e")
            {
                cursor += 3
            } else {
                return 0
            }
            count += 1
        }
        return count <= 2 ? count : 0
    }
}
