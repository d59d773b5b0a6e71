/// What a page says, whatever its format: the decoders of this target all make one of these.
struct DecodedPage: Equatable {
    struct Exemplar: Equatable {
        var labels: [String: String] = [:]
        var value = 0.0
        var timestamp: Double?
    }

    struct Native: Equatable {
        var schema = 0
        var zeroThreshold = 0.0
        var zeroCount: UInt64 = 0
        /// Counts above 0 by index.
        var buckets: [Int: UInt64] = [:]
    }

    struct Histogram: Equatable {
        var count: UInt64 = 0
        var sum = 0.0
        /// Cumulative counts by upper bound, in the order of the page.
        var bounds: [Double] = []
        var counts: [UInt64] = []
        /// The exemplars of all buckets, in the order of the page.
        var exemplars: [Exemplar] = []
        var native: Native?
    }

    /// The type of each family by the name it has in metadata.
    var types: [String: String] = [:]
    var units: [String: String] = [:]
    var helps: [String: String] = [:]
    /// The values of counters, gauges and facts by series.
    var values: [String: Double] = [:]
    var histograms: [String: Histogram] = [:]
    /// When a series began to count, in seconds.
    var starts: [String: Double] = [:]
    /// Names in the order of the page, each family once unless it is torn apart.
    var order: [String] = []

    /// One text for a series, whatever the order of its labels.
    static func series(_ name: String, _ labels: [String: String]) -> String {
        name + labels.sorted { $0.key < $1.key }.map { "|\($0.key)=\($0.value)" }.joined()
    }

    mutating func see(_ family: String) {
        if self.order.last != family { self.order.append(family) }
    }

    /// The numbers without what only some formats carry.
    var plain: DecodedPage {
        var page = DecodedPage()
        page.values = self.values
        page.histograms = self.histograms.mapValues { histogram in
            var histogram = histogram
            histogram.exemplars = []
            histogram.native = nil
            return histogram
        }
        return page
    }

    /// The exemplars of each histogram that has any.
    var exemplars: [String: [Exemplar]] {
        self.histograms.mapValues { $0.exemplars }.filter { !$0.value.isEmpty }
    }

    /// The native buckets of each histogram that has any.
    var natives: [String: Native] { self.histograms.compactMapValues { $0.native } }
}

/// Why a page is not of its format.
struct DecodingFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Reads text from the front.
struct TextCursor {
    private var rest: Substring.UnicodeScalarView

    init(_ text: some StringProtocol) { self.rest = Substring(text).unicodeScalars }

    var isAtEnd: Bool { self.rest.isEmpty }

    mutating func take(_ literal: String) -> Bool {
        guard self.rest.starts(with: literal.unicodeScalars) else { return false }
        self.rest.removeFirst(literal.unicodeScalars.count)
        return true
    }

    mutating func expect(_ literal: String) throws {
        guard self.take(literal) else {
            throw DecodingFailure("\(literal.debugDescription) expected at \(String(self.rest).debugDescription)")
        }
    }

    mutating func prefix(until stops: String) -> String {
        let part = self.rest.prefix { !stops.unicodeScalars.contains($0) }
        self.rest.removeFirst(part.count)
        return String(part)
    }

    mutating func number(until stops: String = " \n") throws -> Double {
        let text = self.prefix(until: stops)
        if text == "+Inf" { return .infinity }
        guard let value = Double(text), text == text.lowercased() else {
            throw DecodingFailure("no number: \(text)")
        }
        return value
    }

    mutating func count(until stops: String = " \n") throws -> UInt64 {
        let text = self.prefix(until: stops)
        guard let value = UInt64(text) else { throw DecodingFailure("no count: \(text)") }
        return value
    }

    /// A quoted text with backslash, quote and line feed escaped.
    mutating func quoted() throws -> String {
        try self.expect("\"")
        var result = String.UnicodeScalarView()
        while let scalar = self.rest.popFirst() {
            if scalar == "\"" { return String(result) }
            guard scalar == "\\" else {
                result.append(scalar)
                continue
            }
            result.append(try Self.unescaped(self.rest.popFirst()))
        }
        throw DecodingFailure("a quoted text does not end")
    }

    static func unescaped(_ scalar: Unicode.Scalar?) throws -> Unicode.Scalar {
        switch scalar {
        case "n": return "\n"
        case "\"", "\\": return scalar ?? "\\"
        default: throw DecodingFailure("a bad escape")
        }
    }

    /// `{a="b",c="d"}`, or nothing.
    mutating func labels() throws -> [String: String] {
        guard self.take("{") else { return [:] }
        var labels: [String: String] = [:]
        while !self.take("}") {
            if !labels.isEmpty { try self.expect(",") }
            let name = self.prefix(until: "=")
            try self.expect("=")
            guard labels.updateValue(try self.quoted(), forKey: name) == nil else {
                throw DecodingFailure("label \(name) stands twice")
            }
        }
        return labels
    }
}
