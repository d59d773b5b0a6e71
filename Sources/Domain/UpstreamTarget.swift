/// Where the health and model URLs of an endpoint point.
public struct ResourceURL: Equatable, Sendable {
    /// The absolute URL.
    public let text: String
    /// Whether scheme, host and port are the endpoint's own: only then are its credentials and headers sent.
    public let isSameOrigin: Bool
}

extension EndpointURL {
    /// Composes the URL of a health or model path (routing-and-config 1.4.4).
    ///
    /// A value with a scheme is taken as it is. Another one is joined to the endpoint's path: slashes collapsed, dot
    /// segments resolved, trailing slash dropped, query kept.
    ///
    /// - Throws: ``EndpointURLError`` for a value that is no URL and no path.
    public func resource(_ value: String) throws(EndpointURLError) -> ResourceURL {
        if value.contains("://") {
            let absolute = try EndpointURL(value)
            return ResourceURL(text: value, isSameOrigin: self.hasSameOrigin(as: absolute))
        }
        let bytes = Array(value.utf8)
        if let offset = bytes.firstIndex(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x5C }) {
            throw .illegalCharacter(at: offset)
        }
        let query = bytes.firstIndex { $0 == 0x3F || $0 == 0x23 } ?? bytes.endIndex
        let fragment = bytes[query...].firstIndex(of: 0x23) ?? bytes.endIndex
        var path: [UInt8] = []
        UpstreamPath.append(
            bytes.span.extracting(..<query), base: self.basePath.utf8.span, preservesBase: true, to: &path)
        let origin = self.hostHeaderWithZone
        let text = "\(self.scheme.text)://\(origin)" + String(decoding: path + bytes[query..<fragment], as: UTF8.self)
        return ResourceURL(text: text, isSameOrigin: true)
    }

    private var hostHeaderWithZone: String {
        let afterScheme = self.sanitised.utf8.dropFirst(self.scheme.text.utf8.count + 3)
        return String(afterScheme.prefix { $0 != 0x2F }) ?? self.hostHeader
    }
}

/// Builds the path sent upstream (routing-and-config 3.3).
public enum UpstreamPath {
    /// Appends the upstream path of a request.
    ///
    /// Dot segments, plain or percent-encoded, are resolved and cannot climb above the root, or above the base path
    /// where that is kept. Every other escape stays as it is, but `%2F` beside a dot segment counts as a slash, since
    /// a server that decodes before it resolves would take it for one.
    ///
    /// - Parameters:
    ///   - path: the client's path behind the route prefix, without query.
    ///   - base: the endpoint's base path, ``EndpointURL/basePath``.
    ///   - preservesBase: `preserve_path`: join instead of replace. Then slashes collapse and a trailing one is lost.
    ///   - output: receives the path, which begins with `/`; nothing else is allocated.
    public static func append(
        _ path: Span<UInt8>, base: Span<UInt8>, preservesBase: Bool, to output: inout [UInt8]
    ) {
        let start = output.count
        let joins = preservesBase && !base.isEmpty
        if joins { self.appendSegments(base, floor: start, collapses: true, to: &output) }
        while joins, output.count > start, output.last == 0x2F { output.removeLast() }
        self.appendSegments(path, floor: output.count, collapses: preservesBase, to: &output)
        if preservesBase {
            while output.count > start + 1, output.last == 0x2F { output.removeLast() }
        }
        if output.count == start { output.append(0x2F) }
    }

    // Writes "/segment" for each segment; `..` takes the last one back, down to `floor`.
    private static func appendSegments(
        _ path: Span<UInt8>, floor: Int, collapses: Bool, to output: inout [UInt8]
    ) {
        var begin = path.isEmpty || path[0] != 0x2F ? 0 : 1
        while begin <= path.count {
            var end = begin
            while end < path.count, path[end] != 0x2F { end += 1 }
            if self.hasEncodedSlashBesideDots(path, begin..<end) {
                var pieceBegin = begin
                while pieceBegin <= end {
                    let pieceEnd = self.endOfPiece(path, pieceBegin..<end)
                    self.appendSegment(
                        path, pieceBegin..<pieceEnd, isLast: end == path.count && pieceEnd == end, floor: floor,
                        collapses: collapses, to: &output)
                    pieceBegin = pieceEnd == end ? end + 1 : pieceEnd + 3
                }
            } else {
                self.appendSegment(
                    path, begin..<end, isLast: end == path.count, floor: floor, collapses: collapses, to: &output)
            }
            begin = end + 1
        }
    }

    private static func appendSegment(
        _ path: Span<UInt8>, _ segment: Range<Int>, isLast: Bool, floor: Int, collapses: Bool,
        to output: inout [UInt8]
    ) {
        switch self.dots(path, segment) {
        case 1:
            if isLast { output.append(0x2F) }
        case 2:
            while output.count > floor, let last = output.popLast(), last != 0x2F {}
            if isLast { output.append(0x2F) }
        default:
            if collapses, segment.isEmpty, !isLast { return }
            output.append(0x2F)
            for offset in segment { output.append(path[offset]) }
        }
    }

    // The number of dots if the segment is nothing but one or two dots, else 0.
    private static func dots(_ path: Span<UInt8>, _ segment: Range<Int>) -> Int {
        var count = 0
        var offset = segment.lowerBound
        while offset < segment.upperBound {
            if path[offset] == 0x2E {
                offset += 1
            } else if self.isEscape(path, at: offset, within: segment, high: 0x32, low: 0x65) {
                offset += 3
            } else {
                return 0
            }
            count += 1
        }
        return count <= 2 ? count : 0
    }

    private static func hasEncodedSlashBesideDots(_ path: Span<UInt8>, _ segment: Range<Int>) -> Bool {
        var begin = segment.lowerBound
        var pieces = 0
        var hasDots = false
        while begin <= segment.upperBound {
            let end = self.endOfPiece(path, begin..<segment.upperBound)
            pieces += 1
            if self.dots(path, begin..<end) > 0 { hasDots = true }
            begin = end == segment.upperBound ? end + 1 : end + 3
        }
        return pieces > 1 && hasDots
    }

    private static func endOfPiece(_ path: Span<UInt8>, _ segment: Range<Int>) -> Int {
        var offset = segment.lowerBound
        while offset < segment.upperBound {
            if self.isEscape(path, at: offset, within: segment, high: 0x32, low: 0x66) { return offset }
            offset += 1
        }
        return segment.upperBound
    }

    private static func isEscape(
        _ path: Span<UInt8>, at offset: Int, within segment: Range<Int>, high: UInt8, low: UInt8
    ) -> Bool {
        offset + 2 < segment.upperBound && path[offset] == 0x25 && path[offset + 1] == high
            && path[offset + 2] | 0x20 == low
    }
}
