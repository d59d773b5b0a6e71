/// What the fields of a complete head say about the message.
extension FieldSection {
    /// What `Connection` asks for.
    struct ConnectionOptions {
        var closes = false
        var keepsAlive = false
        var upgrades = false
    }

    /// Reads every `Connection` field and marks the fields that they name.
    mutating func readConnection(_ bytes: RawSpan, _ options: inout ConnectionOptions) -> HeadRefusal? {
        guard self.present.contains(.connection) else { return nil }
        var count = 0
        for index in self.storage.indices where self.storage[index].known == .connection {
            let value = self.storage[index].value
            var cursor = value.lowerBound
            while let element = ListElement.next(bytes, &cursor, value.upperBound) {
                if element.isEmpty { continue }
                count += 1
                if count > HeadLimits.connectionOptionsMax { return .tooManyConnectionOptions }
                if bytes.equals("close", at: element.lowerBound, count: element.count) {
                    options.closes = true
                } else if bytes.equals("keep-alive", at: element.lowerBound, count: element.count) {
                    options.keepsAlive = true
                    self.markFields(named: element, bytes)
                } else if bytes.equals("upgrade", at: element.lowerBound, count: element.count) {
                    options.upgrades = true
                    self.markFields(named: element, bytes)
                } else {
                    self.markFields(named: element, bytes)
                }
            }
        }
        return nil
    }

    private mutating func markFields(named element: Range<Int>, _ bytes: RawSpan) {
        for index in self.storage.indices where bytes.namesMatch(self.storage[index].name, element) {
            self.markNamedByConnection(at: index)
        }
    }

    /// Whether `Upgrade` names a protocol, of whatever version.
    func upgrades(to name: StaticString, _ bytes: RawSpan) -> Bool {
        guard self.present.contains(.upgrade) else { return false }
        for field in self.storage where field.known == .upgrade {
            var cursor = field.value.lowerBound
            while let element = ListElement.next(bytes, &cursor, field.value.upperBound) {
                let end = bytes.skipToken(from: element.lowerBound, to: element.upperBound)
                if bytes.equals(name, at: element.lowerBound, count: end - element.lowerBound) { return true }
            }
        }
        return false
    }

    /// What the framing fields declare, before method and status have their say.
    enum DeclaredFraming {
        case nothing
        case length(UInt64)
        case chunked
        case refused(HeadRefusal)
    }

    /// Reads `Content-Length` and `Transfer-Encoding` (RFC 9112 sections 6.1 to 6.3).
    ///
    /// Whatever two readers could understand differently is refused: both fields in one message, a
    /// repeated `Content-Length` even of the same value, a coding in an HTTP/1.0 message, a tab
    /// behind a value.
    func declaredFraming(_ bytes: RawSpan, version: MinorVersion) -> DeclaredFraming {
        let hasLength = self.present.contains(.contentLength)
        guard self.present.contains(.transferEncoding) else {
            guard hasLength, let field = self.first(.contentLength) else { return .nothing }
            return self.declaredLength(bytes, field)
        }
        if version < .one { return .refused(.transferEncodingBeforeHTTP11) }
        if hasLength { return .refused(.contentLengthWithTransferEncoding) }
        return self.transferCodings(bytes)
    }

    /// Whether a tab stands between a value and the end of its line.
    ///
    /// RFC 9110 section 5.5 lets it stand there, but llhttp takes it for a part of these two
    /// values, and then sees another message.
    private static func hasTabBehind(_ value: Range<Int>, _ bytes: RawSpan) -> Bool {
        var cursor = value.upperBound
        while bytes.byte(cursor) == ASCII.space {
            cursor += 1
        }
        return bytes.byte(cursor) == ASCII.tab
    }

    private func declaredLength(_ bytes: RawSpan, _ field: HeaderField) -> DeclaredFraming {
        if self.repeated.contains(.contentLength) { return .refused(.repeatedContentLength) }
        let value = field.value
        if value.isEmpty || Self.hasTabBehind(value, bytes) { return .refused(.invalidContentLength) }
        var length: UInt64 = 0
        for offset in value {
            let byte = bytes.byte(offset)
            if byte == ASCII.comma, offset > value.lowerBound {
                return .refused(.repeatedContentLength)
            }
            guard ASCII.isDigit(byte) else { return .refused(.invalidContentLength) }
            // A length beyond `Int.max` could not be counted down by anyone; up to a tenth of it,
            // another digit cannot wrap around.
            if length > UInt64(Int.max) / 10 { return .refused(.invalidContentLength) }
            length = length * 10 + UInt64(byte - ASCII.zero)
            if length > UInt64(Int.max) { return .refused(.invalidContentLength) }
        }
        return .length(length)
    }

    private func transferCodings(_ bytes: RawSpan) -> DeclaredFraming {
        var sawChunked = false
        for field in self.storage where field.known == .transferEncoding {
            let value = field.value
            var cursor = value.lowerBound
            if value.isEmpty || Self.hasTabBehind(value, bytes) {
                return .refused(.invalidTransferEncoding)
            }
            while let element = ListElement.next(bytes, &cursor, value.upperBound) {
                // Empty elements and parameters are legal in lists at large; here they only serve
                // to hide.
                if element.isEmpty { return .refused(.invalidTransferEncoding) }
                let name = bytes.skipToken(from: element.lowerBound, to: element.upperBound)
                let isChunked = bytes.equals(
                    "chunked", at: element.lowerBound, count: name - element.lowerBound)
                if isChunked, name < element.upperBound { return .refused(.invalidTransferEncoding) }
                if sawChunked { return .refused(isChunked ? .repeatedChunked : .chunkedNotLast) }
                guard isChunked else {
                    return .refused(
                        name == element.lowerBound ? .invalidTransferEncoding : .unknownTransferCoding)
                }
                sawChunked = true
            }
        }
        return .chunked
    }

    /// Reads `Expect`: `true` when it asks for 100, `nil` when it asks for anything else.
    func expectsContinue(_ bytes: RawSpan) -> Bool? {
        guard self.present.contains(.expect) else { return false }
        var found = false
        for field in self.storage where field.known == .expect {
            let value = field.value
            var cursor = value.lowerBound
            while let element = ListElement.next(bytes, &cursor, value.upperBound) {
                if element.isEmpty { continue }
                guard bytes.equals("100-continue", at: element.lowerBound, count: element.count)
                else { return nil }
                found = true
            }
        }
        return found
    }
}

/// Walks the elements of a comma-separated list (RFC 9110 section 5.6.1).
///
/// Quoted strings are not honoured: no list read here may contain one.
enum ListElement {
    /// Returns the next element without the white space around it, possibly empty, or `nil` after
    /// the last.
    @inline(__always)
    static func next(_ bytes: RawSpan, _ cursor: inout Int, _ end: Int) -> Range<Int>? {
        if cursor > end { return nil }
        let comma = bytes.firstOffset(of: ASCII.comma, from: cursor, to: end)
        let start = bytes.skipWhitespace(from: cursor, to: comma)
        let stop = bytes.trimWhitespace(from: start, to: comma)
        cursor = comma + 1
        return start..<stop
    }
}
