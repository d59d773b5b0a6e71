import Domain

/// Reads one kind of value from YAML and, where a variable exists, from the environment.
///
/// A codec reports what it refuses; the caller keeps the default then.
struct Codec<Value: Equatable & Sendable>: Sendable {
    /// What a text from the environment is.
    enum Parsed: Sendable {
        /// A value.
        case value(Value)
        /// A text of the wrong form; the variable is ignored with a warning.
        case malformed
        /// A name that does not exist; the start is refused.
        case refused(String)
        /// A name that does not exist; another value is used with a warning.
        case replaced(Value, String)
    }

    /// The kind's name in the reference: `duration`, `list of text`.
    let typeName: String
    /// Reads a YAML value that is not null; nil after a report.
    let decode: @Sendable (_ node: YAMLNode, _ path: String, _ findings: inout Findings) -> Value?
    /// Reads a variable's text; never empty.
    let parse: @Sendable (String) -> Parsed
    /// What a null value means; nil keeps the default.
    let cleared: Value?
    /// The value as the reference writes it; empty when there is nothing to write.
    let render: @Sendable (Value) -> String
}

extension Codec where Value == String {
    /// Text; numbers and booleans are taken by their literal text.
    static let text = Codec(
        typeName: "text",
        decode: { node, path, findings in
            guard case .scalar(let text, _) = node.content else {
                findings.error(path, "must be text, not \(node.shape)")
                return nil
            }
            return text
        },
        parse: { text in .value(text) }, cleared: nil,
        render: { text in text.isEmpty ? "" : "`\(text)`" })
}

extension Codec where Value == Bool {
    /// A boolean.
    static let boolean = Codec(
        typeName: "boolean",
        decode: { node, path, findings in
            guard case .scalar(let text, _) = node.content, let value = Literals.yamlBoolean(text) else {
                findings.error(path, "must be true or false, not \(node.shape)")
                return nil
            }
            return value
        },
        parse: { text in Literals.boolean(text).map(Parsed.value) ?? .malformed }, cleared: nil,
        render: { value in "`\(value)`" })
}

extension Codec where Value == Int {
    /// A whole number in a range.
    static func integer(_ range: ClosedRange<Int> = Int.min...Int.max) -> Codec {
        Codec(
            typeName: "integer",
            decode: { node, path, findings in
                Self.wholeNumber(node, in: range, path: path, findings: &findings)
            },
            parse: { text in Self.bounded(Literals.integer(text), in: range) }, cleared: nil,
            render: { value in "`\(value)`" })
    }

    /// A number of bytes: a plain integer in YAML, with an optional suffix in a variable.
    static let size = Codec(
        typeName: "bytes",
        decode: { node, path, findings in
            guard case .scalar(let text, isPlain: true) = node.content,
                let value = Literals.yamlInteger(text)
            else {
                findings.error(
                    path, "must be a plain number of bytes such as 1048576, not \(node.shape)")
                return nil
            }
            return value
        },
        parse: { text in Literals.size(text).map(Parsed.value) ?? .malformed }, cleared: nil,
        render: { value in "`\(value)`" })

    fileprivate static func wholeNumber(
        _ node: YAMLNode, in range: ClosedRange<Int>, path: String, findings: inout Findings
    ) -> Int? {
        guard case .scalar(let text, isPlain: true) = node.content,
            let value = Literals.yamlInteger(text)
        else {
            findings.error(path, "must be a whole number, not \(node.shape)")
            return nil
        }
        guard range.contains(value) else {
            findings.error(path, "must be \(Self.words(for: range)), not \(value)")
            return nil
        }
        return value
    }

    private static func bounded(_ value: Int?, in range: ClosedRange<Int>) -> Parsed {
        guard let value else { return .malformed }
        return range.contains(value)
            ? .value(value) : .refused("must be \(Self.words(for: range)), not \(value)")
    }

    private static func words(for range: ClosedRange<Int>) -> String {
        range.upperBound == .max
            ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    }
}

extension Codec where Value == Double {
    /// A number in a range.
    static func number(_ range: ClosedRange<Double>) -> Codec {
        Codec(
            typeName: "number",
            decode: { node, path, findings in
                guard case .scalar(let text, isPlain: true) = node.content,
                    let value = Literals.yamlFloat(text)
                else {
                    findings.error(path, "must be a number, not \(node.shape)")
                    return nil
                }
                guard range.contains(value) else {
                    findings.error(
                        path, "must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
                    return nil
                }
                return value
            },
            parse: { text in
                Literals.yamlFloat(text).flatMap { value in range.contains(value) ? .value(value) : nil }
                    ?? .malformed
            }, cleared: nil,
            render: { value in "`\(value)`" })
    }
}

extension Codec where Value == Nanoseconds {
    /// A duration of zero or more.
    static let duration = Codec.span(allowsNegative: false)

    /// A duration for which a negative value has a meaning.
    static let signedDuration = Codec.span(allowsNegative: true)

    private static func span(allowsNegative: Bool) -> Codec {
        Codec(
            typeName: "duration",
            decode: { node, path, findings in
                guard case .scalar(let text, let isPlain) = node.content else {
                    findings.error(path, "must be a duration such as 30s, not \(node.shape)")
                    return nil
                }
                // A bare number is a mistake even where it is zero: nobody can tell which unit was meant.
                if isPlain, Literals.yamlInteger(text) != nil || Literals.yamlFloat(text) != nil {
                    findings.error(path, "must be a duration with a unit such as \(text)s, not a bare number")
                    return nil
                }
                guard let value = Literals.duration(text) else {
                    findings.error(path, "\"\(text)\" is not a duration such as 30s, 5m or 1h30m")
                    return nil
                }
                guard allowsNegative || value >= .zero else {
                    findings.error(path, "must not be negative")
                    return nil
                }
                return value
            },
            parse: { text in
                guard let value = Literals.duration(text) else { return .malformed }
                return allowsNegative || value >= .zero ? .value(value) : .refused("must not be negative")
            }, cleared: nil,
            render: { value in "`\(Literals.text(of: value))`" })
    }
}

extension Codec {
    /// A value that may be absent.
    static func optional<Wrapped: Equatable & Sendable>(_ codec: Codec<Wrapped>) -> Codec
    where Value == Wrapped? {
        Codec(
            typeName: codec.typeName,
            decode: { node, path, findings in
                codec.decode(node, path, &findings).map(Optional.some)
            },
            parse: { text in
                switch codec.parse(text) {
                case .value(let value): .value(value)
                case .malformed: .malformed
                case .refused(let message): .refused(message)
                case .replaced(let value, let message): .replaced(value, message)
                }
            }, cleared: nil,
            render: { value in value.map(codec.render) ?? "" })
    }
}

extension Codec where Value == Secret {
    /// A text that is never repeated in a message.
    static let secret = Codec(
        typeName: "secret text",
        decode: { node, path, findings in
            guard case .scalar(let text, _) = node.content else {
                findings.error(path, "must be text, not \(node.shape)")
                return nil
            }
            return Secret(text)
        },
        parse: { text in .value(Secret(text)) }, cleared: nil,
        render: { _ in "" })
}
