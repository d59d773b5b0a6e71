/// The names of query parameters whose values never reach a log.
///
/// They are compared without regard to case after percent-decoding, so `Api%5FKey` doesn't slip through.
public enum SecretParameter {
    private static let names: [StaticString] = [
        "api_key", "token", "access_token", "key", "password", "secret", "auth",
    ]
    private static let bytesMax = 12

    /// Whether a parameter's raw (still encoded) name is that of a secret.
    public static func isSecret(_ raw: UnsafeRawBufferPointer) -> Bool {
        var decoded = InlineArray<12, UInt8>(repeating: 0)
        var count = 0
        var position = 0
        while position < raw.count {
            guard count < Self.bytesMax else { return false }
            var byte = raw[position]
            position += 1
            if byte == UInt8(ascii: "%"), position + 1 < raw.count,
                let high = Self.hexDigit(raw[position]), let low = Self.hexDigit(raw[position + 1])
            {
                byte = high << 4 | low
                position += 2
            }
            decoded[count] = (65...90).contains(byte) ? byte | 0x20 : byte
            count += 1
        }
        return Self.names.contains { name in
            guard name.utf8CodeUnitCount == count else { return false }
            for index in 0..<count where decoded[index] != name.utf8Start[index] { return false }
            return true
        }
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

extension ByteAppender {
    /// Appends a URL as text of a JSON string, its query redacted.
    mutating func appendRedacted(url: UnsafeRawBufferPointer, limit: Int) {
        guard let mark = url.firstIndex(of: UInt8(ascii: "?")), mark < limit else {
            return self.appendEscaped(url, limit: limit)
        }
        self.appendEscaped(UnsafeRawBufferPointer(rebasing: url[..<mark]), limit: limit)
        self.append("?")
        self.appendRedacted(query: UnsafeRawBufferPointer(rebasing: url[(mark + 1)...]), limit: limit - mark)
    }

    /// Appends a query string as text of a JSON string, with `[REDACTED]` for the values of secrets.
    ///
    /// The limit counts the bytes read; what lies beyond it is cut and shown as `…`.
    mutating func appendRedacted(query: UnsafeRawBufferPointer, limit: Int) {
        let end = min(query.count, limit)
        var start = 0
        while start < end, !self.isOverflowed {
            var stop = start
            var nameEnd: Int?
            while stop < query.count, query[stop] != UInt8(ascii: "&") {
                if nameEnd == nil, query[stop] == UInt8(ascii: "=") { nameEnd = stop }
                stop += 1
            }
            let name = UnsafeRawBufferPointer(rebasing: query[start..<(nameEnd ?? stop)])
            if let nameEnd, nameEnd + 1 < stop, SecretParameter.isSecret(name) {
                self.appendEscaped(name, limit: limit)
                self.append("=[REDACTED]")
            } else {
                self.appendEscaped(UnsafeRawBufferPointer(rebasing: query[start..<stop]), limit: end - start)
            }
            guard stop < query.count else { return }
            self.append("&")
            start = stop + 1
        }
        if start < query.count { self.append("…") }
    }
}
