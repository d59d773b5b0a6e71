/// The `attributes` of something in OTLP's JSON, in the order they were added.
struct AttributeList {
    private enum Value {
        case text(String)
        case texts([String])
        case integer(Int64)
        case double(Double)
        case boolean(Bool)
    }

    private var entries: [(key: String, value: Value)] = []

    /// Adds a text; nothing when it is nil.
    mutating func add(_ key: String, _ value: String?) {
        if let value { self.entries.append((key, .text(value))) }
    }

    /// Adds a list of texts.
    mutating func add(_ key: String, _ values: [String]) { self.entries.append((key, .texts(values))) }

    /// Adds a whole number.
    mutating func add(_ key: String, _ value: Int) { self.entries.append((key, .integer(Int64(value)))) }

    /// Adds a number.
    mutating func add(_ key: String, _ value: Double) { self.entries.append((key, .double(value))) }

    /// Adds a truth value.
    mutating func add(_ key: String, _ value: Bool) { self.entries.append((key, .boolean(value))) }

    /// Writes the field `attributes`.
    func write(to json: inout JSONBytes) {
        json.list("attributes") { json in
            for entry in self.entries {
                json.object { json in
                    json.field("key", entry.key)
                    json.object("value") { Self.write(entry.value, to: &$0) }
                }
            }
        }
    }

    private static func write(_ value: Value, to json: inout JSONBytes) {
        switch value {
        case .text(let text): json.field("stringValue", text)
        case .integer(let number): json.field("intValue", String(number))
        case .double(let number): json.field("doubleValue", fraction: number)
        case .boolean(let flag): json.field("boolValue", flag)
        case .texts(let texts):
            json.object("arrayValue") { json in
                json.list("values") { json in
                    for text in texts { json.object { $0.field("stringValue", text) } }
                }
            }
        }
    }
}
