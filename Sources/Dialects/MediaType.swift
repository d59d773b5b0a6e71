/// What a `Content-Type` says, as far as the gateway acts on it (RFC 9110, section 8.3).
enum MediaType {
    /// Returns the type without its parameters.
    @_lifetime(copy contentType)
    static func essence(of contentType: RawSpan) -> RawSpan {
        var end = 0
        while end < contentType.byteCount, contentType[end] != UInt8(ascii: ";") { end += 1 }
        return contentType.extracting(first: end).trimmed
    }

    /// Returns where the value of a parameter stands in a header value, without its quotes.
    ///
    /// Walks `; name=value` and `; name="value"`, so that a name inside a quoted value is not
    /// mistaken for one.
    ///
    /// - Parameters:
    ///   - name: the parameter in lower case.
    ///   - header: the whole value, also of a `Content-Disposition`.
    /// - Returns: offsets into the header; nil when the parameter is missing.
    static func parameter(_ name: StaticString, in header: RawSpan) -> Range<Int>? {
        let end = header.byteCount
        var index = 0
        while index < end, header[index] != UInt8(ascii: ";") { index += 1 }
        while index < end {
            index += 1
            while index < end, header[index].isBlank { index += 1 }
            let nameStart = index
            while index < end, header[index] != UInt8(ascii: "="),
                header[index] != UInt8(ascii: ";")
            {
                index += 1
            }
            guard index < end, header[index] == UInt8(ascii: "=") else { continue }
            let isWanted = header.extracting(nameStart..<index).trimmed.equals(
                name, ignoringCase: true)
            index += 1
            let value = Self.parameterValue(in: header, from: &index)
            if isWanted { return value }
        }
        return nil
    }

    /// Reads a token or quoted string and stops at the semicolon behind it.
    private static func parameterValue(in header: RawSpan, from index: inout Int) -> Range<Int> {
        let end = header.byteCount
        while index < end, header[index].isBlank { index += 1 }
        var start = index
        var stop = index
        if index < end, header[index] == UInt8(ascii: "\"") {
            index += 1
            start = index
            while index < end, header[index] != UInt8(ascii: "\"") {
                index += header[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            index = min(index, end)
            stop = index
            while index < end, header[index] != UInt8(ascii: ";") { index += 1 }
        } else {
            while index < end, header[index] != UInt8(ascii: ";") { index += 1 }
            stop = index
            while stop > start, header[stop - 1].isBlank { stop -= 1 }
        }
        return start..<stop
    }
}
