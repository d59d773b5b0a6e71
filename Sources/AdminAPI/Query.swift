/// The parameters of a query (`application/x-www-form-urlencoded`).
struct Query {
    private let pairs: [(name: String, value: String)]

    /// Takes a query apart; at most `limit` parameters, further ones are ignored.
    init(_ text: String, limit: Int = 64) {
        self.pairs = text.utf8.split(separator: UInt8(ascii: "&")).prefix(limit).map { pair in
            let end = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            return (
                Self.decode(pair[..<end], plusIsBlank: true),
                Self.decode(pair[end...].dropFirst(), plusIsBlank: true)
            )
        }
    }

    /// The first value of a parameter, nil when it is absent.
    subscript(name: String) -> String? { self.pairs.first { $0.name == name }?.value }

    /// All values of a parameter.
    func values(_ name: String) -> [String] { self.pairs.filter { $0.name == name }.map(\.value) }

    /// Resolves percent escapes; a broken one stays as it is.
    static func decode(_ text: some Sequence<UInt8>, plusIsBlank: Bool) -> String {
        let bytes = Array(text)
        var decoded: [UInt8] = []
        var position = 0
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "%"), position + 2 < bytes.count,
                let high = Self.digit(bytes[position + 1]), let low = Self.digit(bytes[position + 2])
            {
                decoded.append(high << 4 | low)
                position += 3
            } else {
                decoded.append(plusIsBlank && byte == UInt8(ascii: "+") ? 0x20 : byte)
                position += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
