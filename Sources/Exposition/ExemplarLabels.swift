import MetricKernel

/// The labels of an exemplar: the ids that fit.
///
/// Label names and values together have at most 128 characters (OpenMetrics 1.0, "Exemplars"). A
/// trace id takes 40, a span id 23 and a request id 10 and its own length. Where that is too much
/// the span id is left out, then the trace id: the request id leads to the log line, and with it to
/// the others.
struct ExemplarLabels {
    static let characterLimit = 128
    static let traceName = "trace_id"
    static let spanName = "span_id"
    static let requestName = "request_id"

    /// Names and values in order.
    private(set) var pairs: [(name: String, value: [UInt8])] = []

    init(_ exemplar: Exemplar) {
        if exemplar.hasTrace {
            var id: [UInt8] = []
            Self.appendHex(exemplar.traceHigh, to: &id)
            Self.appendHex(exemplar.traceLow, to: &id)
            self.pairs.append((Self.traceName, id))
            if exemplar.spanID != 0 {
                var id: [UInt8] = []
                Self.appendHex(exemplar.spanID, to: &id)
                self.pairs.append((Self.spanName, id))
            }
        }
        if !exemplar.requestID.isEmpty { self.pairs.append((Self.requestName, exemplar.requestID)) }
        for name in [Self.spanName, Self.traceName, Self.requestName]
        where self.characterCount > Self.characterLimit {
            self.pairs.removeAll { $0.name == name }
        }
    }

    private var characterCount: Int {
        self.pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
    }

    /// Appends ` # {labels} value timestamp` (OpenMetrics 1.0, "Exemplars").
    ///
    /// The timestamp is always there: native histograms take no exemplar without one.
    static func append(_ exemplar: Exemplar, decimals: Int, to page: inout [UInt8]) {
        page.append(contentsOf: " # {".utf8)
        for (place, pair) in Self(exemplar).pairs.enumerated() {
            if place > 0 { page.append(UInt8(ascii: ",")) }
            page.append(contentsOf: pair.name.utf8)
            page.append(contentsOf: "=\"".utf8)
            for byte in pair.value {
                if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") {
                    page.append(UInt8(ascii: "\\"))
                }
                page.append(byte)
            }
            page.append(UInt8(ascii: "\""))
        }
        page.append(contentsOf: "} ".utf8)
        NumberText.append(exemplar.value, decimals: decimals, to: &page)
        page.append(UInt8(ascii: " "))
        NumberText.appendTimestamp(exemplar.wallTime, to: &page)
    }

    /// Appends sixteen hexadecimal digits in lower case.
    private static func appendHex(_ value: UInt64, to bytes: inout [UInt8]) {
        for place in (0..<16).reversed() {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(place * 4) & 0xF)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
