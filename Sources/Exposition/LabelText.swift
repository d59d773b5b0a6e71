import MetricKernel

/// The label values of a family as they stand between braces, escaped once per page.
struct LabelText {
    /// `name="value"`, by label and position.
    private let pairs: [[[UInt8]]]

    init(_ family: FamilySnapshot) {
        self.pairs = zip(family.descriptor.labels, family.labelValues).map { label, table in
            table.values.map { value in
                var text = Array("\(label.name)=\"".utf8)
                Self.appendEscaped(value, quotes: true, to: &text)
                text.append(UInt8(ascii: "\""))
                return text
            }
        }
    }

    /// Appends `{a="b",c="d"}`, or nothing for a family without labels.
    func append(_ positions: LabelIndexes, to page: inout [UInt8]) {
        for place in self.pairs.indices {
            page.append(UInt8(ascii: place == 0 ? "{" : ","))
            page.append(contentsOf: self.pairs[place][positions[place]])
        }
        if !self.pairs.isEmpty { page.append(UInt8(ascii: "}")) }
    }

    /// Appends `{a="b",c="d",`, to be followed by one more label.
    func appendOpen(_ positions: LabelIndexes, to page: inout [UInt8]) {
        page.append(UInt8(ascii: "{"))
        for place in self.pairs.indices {
            page.append(contentsOf: self.pairs[place][positions[place]])
            page.append(UInt8(ascii: ","))
        }
    }

    /// Escapes backslash and line feed, and the double quote where it would end something.
    static func appendEscaped(_ text: String, quotes: Bool, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: "\\\"".utf8)
            default: bytes.append(byte)
            }
        }
    }
}
