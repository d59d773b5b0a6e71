/// One element of an `Accept` or `Accept-Encoding` header: a name, parameters and a weight.
///
/// Source: RFC 9110, 12.4.2 (weights), 12.5.1 (`Accept`), 12.5.3 (`Accept-Encoding`).
struct MediaRange: Equatable {
    /// The media range or coding in lower case.
    var name: String
    /// The parameters but `q`: names in lower case, values as given without quotes.
    var parameters: [String: String]
    /// The weight in thousandths.
    var weight: Int

    /// The most elements read; a client that lists more is not negotiating.
    static let limit = 64

    /// The elements of a header that are well formed, by weight, ties in the client's order.
    static func parse(_ header: String) -> [MediaRange] {
        let parsed = Self.split(header, at: ",").prefix(Self.limit).compactMap { Self.element($0) }
        return parsed.enumerated()
            .sorted { ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset) }
            .map { $0.element }
    }

    private static func element(_ text: Substring) -> MediaRange? {
        let parts = Self.split(text, at: ";").map { Self.trimmed($0) }
        guard let name = parts.first, !name.isEmpty, !name.contains(where: \.isWhitespace) else {
            return nil
        }
        var range = MediaRange(name: name.lowercased(), parameters: [:], weight: 1_000)
        for part in parts.dropFirst() where !part.isEmpty {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let key = Self.trimmed(part[..<equals]).lowercased()
            guard let value = Self.unquoted(Self.trimmed(part[part.index(after: equals)...])) else {
                return nil
            }
            if key == "q" {
                guard let weight = Self.weight(value) else { return nil }
                range.weight = weight
            } else {
                range.parameters[key] = value
            }
        }
        return range
    }

    /// A weight in thousandths; digits past the third are cut, values above 1 count as 1.
    private static func weight(_ text: String) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, !parts[0].isEmpty else { return nil }
        let isDigits = parts.allSatisfy { part in part.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        }
        guard isDigits else { return nil }
        guard parts[0].allSatisfy({ $0 == "0" }) else { return 1_000 }
        let digits = parts.count == 2 ? parts[1].prefix(3) : ""
        return Int(digits + String(repeating: "0", count: 3 - digits.count))
    }

    private static func unquoted(_ text: Substring) -> String? {
        guard text.first == "\"" else { return text.contains("\"") ? nil : String(text) }
        guard text.count >= 2, text.last == "\"" else { return nil }
        return String(text.dropFirst().dropLast())
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    /// Splits outside of quoted strings.
    private static func split(_ text: some StringProtocol, at separator: Character) -> [Substring] {
        var parts: [Substring] = []
        let text = Substring(text)
        var start = text.startIndex
        var isQuoted = false
        for place in text.indices {
            if text[place] == "\"" { isQuoted.toggle() }
            guard text[place] == separator, !isQuoted else { continue }
            parts.append(text[start..<place])
            start = text.index(after: place)
        }
        parts.append(text[start...])
        return parts
    }
}
