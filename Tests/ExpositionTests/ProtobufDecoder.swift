/// Decodes delimited `io.prometheus.client.MetricFamily` messages, by the public schema alone.
struct ProtobufDecoder {
    /// A field's value by its wire type.
    private enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case delimited(ArraySlice<UInt8>)

        var double: Double {
            if case .fixed64(let bits) = self { return Double(bitPattern: bits) }
            return .nan
        }
        var count: UInt64 {
            if case .varint(let value) = self { return value }
            return .max
        }
        var signed: Int {
            Int(truncatingIfNeeded: Int64(bitPattern: self.count >> 1) ^ -Int64(bitPattern: self.count & 1))
        }
        var message: ArraySlice<UInt8> {
            if case .delimited(let bytes) = self { return bytes }
            return []
        }
        var text: String { String(decoding: self.message, as: UTF8.self) }
    }

    private var page = DecodedPage()

    static func decode(_ bytes: [UInt8]) throws -> DecodedPage {
        var decoder = ProtobufDecoder()
        var rest = bytes[...]
        while !rest.isEmpty {
            let length = Int(clamping: try Self.varint(&rest))
            guard length <= rest.count else { throw DecodingFailure("a message is cut short") }
            try decoder.readFamily(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return decoder.page
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            guard shift < 64 else { throw DecodingFailure("a varint is too long") }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw DecodingFailure("a varint is cut short")
    }

    private static func fields(_ message: ArraySlice<UInt8>) throws -> [(number: UInt64, value: Value)] {
        var fields: [(number: UInt64, value: Value)] = []
        var rest = message
        while !rest.isEmpty {
            let tag = try Self.varint(&rest)
            switch tag & 7 {
            case 0: fields.append((tag >> 3, .varint(try Self.varint(&rest))))
            case 1:
                guard rest.count >= 8 else { throw DecodingFailure("a double is cut short") }
                let bits = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                fields.append((tag >> 3, .fixed64(bits)))
                rest = rest.dropFirst(8)
            case 2:
                let length = Int(clamping: try Self.varint(&rest))
                guard length <= rest.count else { throw DecodingFailure("a field is cut short") }
                fields.append((tag >> 3, .delimited(rest.prefix(length))))
                rest = rest.dropFirst(length)
            default: throw DecodingFailure("wire type \(tag & 7)")
            }
        }
        return fields
    }

    private mutating func readFamily(_ message: ArraySlice<UInt8>) throws {
        let fields = try Self.fields(message)
        var name = ""
        for (number, value) in fields {
            switch number {
            case 1: name = value.text
            case 2: self.page.helps[name] = value.text
            case 3:
                let types: [UInt64: String] = [0: "counter", 1: "gauge", 4: "histogram"]
                guard let type = types[value.count] else { throw DecodingFailure("a type") }
                guard self.page.types.updateValue(type, forKey: name) == nil else {
                    throw DecodingFailure("\(name) stands twice")
                }
                self.page.order.append(name)
            case 4: break
            case 5: self.page.units[name] = value.text
            default: throw DecodingFailure("field \(number) of a family")
            }
        }
        for field in fields where field.number == 4 { try self.readMetric(name, field.value.message) }
    }

    private mutating func readMetric(_ name: String, _ message: ArraySlice<UInt8>) throws {
        let fields = try Self.fields(message)
        let labels = try Self.labels(fields)
        let series = DecodedPage.series(name, labels)
        for (number, value) in fields where number != 1 {
            switch (number, self.page.types[name]) {
            case (2, "gauge"): self.page.values[series] = try Self.fields(value.message).first?.value.double
            case (3, "counter"):
                for field in try Self.fields(value.message) {
                    switch field.number {
                    case 1: self.page.values[series] = field.value.double
                    case 3: self.page.starts[series] = try Self.timestamp(field.value.message)
                    default: throw DecodingFailure("field \(field.number) of a counter")
                    }
                }
            case (7, "histogram"):
                self.page.histograms[series] = try self.histogram(series, value.message)
            default: throw DecodingFailure("field \(number) of a metric of \(name)")
            }
        }
    }

    private static func labels(
        _ fields: [(number: UInt64, value: Value)]
    ) throws -> [String: String] {
        var labels: [String: String] = [:]
        for field in fields where field.number == 1 {
            let pair = try Self.fields(field.value.message)
            guard pair.map({ $0.number }) == [1, 2] else { throw DecodingFailure("a label") }
            labels[pair[0].value.text] = pair[1].value.text
        }
        return labels
    }

    private static func timestamp(_ message: ArraySlice<UInt8>) throws -> Double {
        try Self.fields(message).reduce(0) {
            $0 + Double($1.value.count) / ($1.number == 1 ? 1 : 1_000_000_000)
        }
    }

    private static func exemplar(_ message: ArraySlice<UInt8>) throws -> DecodedPage.Exemplar {
        let fields = try Self.fields(message)
        var exemplar = DecodedPage.Exemplar()
        exemplar.labels = try Self.labels(fields)
        for (number, value) in fields {
            switch number {
            case 1: break
            case 2: exemplar.value = value.double
            case 3: exemplar.timestamp = try Self.timestamp(value.message)
            default: throw DecodingFailure("field \(number) of an exemplar")
            }
        }
        return exemplar
    }

    private mutating func histogram(
        _ series: String, _ message: ArraySlice<UInt8>
    ) throws -> DecodedPage.Histogram {
        var histogram = DecodedPage.Histogram()
        var native = DecodedPage.Native()
        var isNative = false
        var indexes: [Int] = []
        var next = 0
        var nativeExemplars: [DecodedPage.Exemplar] = []
        for (number, value) in try Self.fields(message) {
            switch number {
            case 1: histogram.count = value.count
            case 2: histogram.sum = value.double
            case 3:
                for field in try Self.fields(value.message) {
                    switch field.number {
                    case 1: histogram.counts.append(field.value.count)
                    case 2: histogram.bounds.append(field.value.double)
                    case 3: histogram.exemplars.append(try Self.exemplar(field.value.message))
                    default: throw DecodingFailure("field \(field.number) of a bucket")
                    }
                }
            case 5: native.schema = value.signed
            case 6: native.zeroThreshold = value.double
            case 7: native.zeroCount = value.count
            case 12:
                isNative = true
                let span = try Self.fields(value.message)
                let (offset, length) = (span[0].value.signed, Int(span[1].value.count))
                indexes += next + offset..<next + offset + length
                next += offset + length
            case 13:
                var rest = value.message
                var count = 0
                for index in indexes {
                    count += Value.varint(try Self.varint(&rest)).signed
                    if count > 0 { native.buckets[index] = UInt64(count) }
                }
                guard rest.isEmpty else { throw DecodingFailure("more deltas than buckets") }
            case 15: self.page.starts[series] = try Self.timestamp(value.message)
            case 16: nativeExemplars.append(try Self.exemplar(value.message))
            default: throw DecodingFailure("field \(number) of a histogram")
            }
        }
        guard nativeExemplars == (isNative ? histogram.exemplars : []) else {
            throw DecodingFailure("the exemplars of \(series)")
        }
        if isNative { histogram.native = native }
        return histogram
    }
}
