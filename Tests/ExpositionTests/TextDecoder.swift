/// Decodes Prometheus text 0.0.4 and OpenMetrics 1.0 and 2.0, strictly.
struct TextDecoder {
    enum Dialect {
        case prometheus
        case openMetrics1
        case openMetrics2
    }

    private let dialect: Dialect
    private var page = DecodedPage()
    private var family = ""
    private var type = ""

    static func decode(_ bytes: [UInt8], _ dialect: Dialect) throws -> DecodedPage {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DecodingFailure("no UTF-8")
        }
        guard bytes.isEmpty || bytes.last == UInt8(ascii: "\n") else {
            throw DecodingFailure("the last line does not end")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        if dialect != .prometheus {
            guard lines.popLast() == "# EOF" else { throw DecodingFailure("no # EOF") }
        }
        var decoder = TextDecoder(dialect: dialect)
        for line in lines { try decoder.read(line) }
        return decoder.page
    }

    private init(dialect: Dialect) { self.dialect = dialect }

    private mutating func read(_ line: Substring) throws {
        var cursor = TextCursor(line)
        guard cursor.take("# ") else { return try self.readSample(&cursor) }
        let word = cursor.prefix(until: " ")
        try cursor.expect(" ")
        let name = cursor.prefix(until: " ")
        try cursor.expect(" ")
        let text = cursor.prefix(until: "")
        // Metadata of a family that was seen before would tear it apart.
        if name != self.family {
            guard self.page.types[name] == nil, self.page.helps[name] == nil else {
                throw DecodingFailure("\(name) stands twice")
            }
            self.family = name
            self.type = ""
            self.page.order.append(name)
        }
        switch word {
        case "HELP": self.page.helps[name] = try self.unescapedHelp(text)
        case "TYPE":
            self.page.types[name] = text
            self.type = text
        case "UNIT" where self.dialect != .prometheus: self.page.units[name] = text
        default: throw DecodingFailure("a line of \(word)")
        }
    }

    private func unescapedHelp(_ text: String) throws -> String {
        var result = String.UnicodeScalarView()
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            if scalar == "\"", self.dialect != .prometheus { throw DecodingFailure("a bare quote") }
            guard scalar == "\\" else {
                result.append(scalar)
                continue
            }
            let next = scalars.popFirst()
            guard self.dialect != .prometheus || next != "\"" else {
                throw DecodingFailure("an escaped quote in HELP")
            }
            result.append(try TextCursor.unescaped(next))
        }
        return String(result)
    }

    private mutating func readSample(_ cursor: inout TextCursor) throws {
        let name = cursor.prefix(until: "{ ")
        var labels = try cursor.labels()
        try cursor.expect(" ")
        if self.type == "histogram" {
            if self.dialect == .openMetrics2 {
                try self.readComposite(name, labels, &cursor)
            } else {
                try self.readHistogramLine(name, &labels, &cursor)
            }
        } else {
            guard name == self.sampleName else {
                throw DecodingFailure("\(name) in \(self.family) of type \(self.type)")
            }
            let series = DecodedPage.series(name, labels)
            guard self.page.values[series] == nil else { throw DecodingFailure("\(series) twice") }
            self.page.values[series] = try cursor.number()
            try self.readStart(series, &cursor)
        }
        guard cursor.isAtEnd else { throw DecodingFailure("more in the line of \(name)") }
    }

    private var sampleName: String {
        guard self.dialect == .openMetrics1 else { return self.family }
        switch self.type {
        case "counter": return self.family + "_total"
        case "info": return self.family + "_info"
        default: return self.family
        }
    }

    private mutating func readStart(_ series: String, _ cursor: inout TextCursor) throws {
        guard self.dialect == .openMetrics2, cursor.take(" st@") else { return }
        self.page.starts[series] = try cursor.number()
    }

    private mutating func readHistogramLine(
        _ name: String, _ labels: inout [String: String], _ cursor: inout TextCursor
    ) throws {
        let bound = labels.removeValue(forKey: "le")
        let series = DecodedPage.series(self.family, labels)
        var histogram = self.page.histograms[series] ?? DecodedPage.Histogram()
        switch name {
        case self.family + "_bucket":
            guard let bound else { throw DecodingFailure("no le") }
            var text = TextCursor(bound)
            histogram.bounds.append(try text.number())
            histogram.counts.append(try cursor.count())
            if self.dialect == .openMetrics1, cursor.take(" # ") {
                histogram.exemplars.append(try Self.exemplar(&cursor))
            }
        case self.family + "_sum": histogram.sum = try cursor.number()
        case self.family + "_count": histogram.count = try cursor.count()
        default: throw DecodingFailure("\(name) in \(self.family)")
        }
        self.page.histograms[series] = histogram
    }

    private static func exemplar(_ cursor: inout TextCursor) throws -> DecodedPage.Exemplar {
        var exemplar = DecodedPage.Exemplar()
        exemplar.labels = try cursor.labels()
        try cursor.expect(" ")
        exemplar.value = try cursor.number()
        if cursor.take(" ") { exemplar.timestamp = try cursor.number() }
        return exemplar
    }

    private mutating func readComposite(
        _ name: String, _ labels: [String: String], _ cursor: inout TextCursor
    ) throws {
        guard name == self.family else { throw DecodingFailure("\(name) in \(self.family)") }
        let series = DecodedPage.series(name, labels)
        var histogram = DecodedPage.Histogram()
        try cursor.expect("{count:")
        histogram.count = try cursor.count(until: ",")
        try cursor.expect(",sum:")
        histogram.sum = try cursor.number(until: ",")
        if cursor.take(",schema:") { histogram.native = try Self.native(&cursor) }
        try cursor.expect(",bucket:[")
        repeat {
            histogram.bounds.append(try cursor.number(until: ":"))
            try cursor.expect(":")
            histogram.counts.append(try cursor.count(until: ",]"))
        } while cursor.take(",")
        try cursor.expect("]}")
        try self.readStart(series, &cursor)
        while cursor.take(" # ") { histogram.exemplars.append(try Self.exemplar(&cursor)) }
        guard self.page.histograms.updateValue(histogram, forKey: series) == nil else {
            throw DecodingFailure("\(series) twice")
        }
    }

    private static func native(_ cursor: inout TextCursor) throws -> DecodedPage.Native {
        var native = DecodedPage.Native()
        native.schema = Int(try cursor.number(until: ","))
        try cursor.expect(",zero_threshold:")
        native.zeroThreshold = try cursor.number(until: ",")
        try cursor.expect(",zero_count:")
        native.zeroCount = try cursor.count(until: ",")
        guard cursor.take(",positive_spans:[") else { return native }
        var indexes: [Int] = []
        var next = 0
        repeat {
            let offset = Int(try cursor.number(until: ":"))
            guard offset >= 0 || indexes.isEmpty else { throw DecodingFailure("spans overlap") }
            try cursor.expect(":")
            let length = Int(try cursor.count(until: ",]"))
            indexes += next + offset..<next + offset + length
            next += offset + length
        } while cursor.take(",")
        try cursor.expect("],positive_buckets:[")
        for (place, index) in indexes.enumerated() {
            if place > 0 { try cursor.expect(",") }
            let count = try cursor.count(until: ",]")
            if count > 0 { native.buckets[index] = count }
        }
        try cursor.expect("]")
        return native
    }
}
