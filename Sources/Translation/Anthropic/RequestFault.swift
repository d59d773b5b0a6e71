import ByteScan

/// Why a request of the Messages API cannot be served as it is; always the client's affair (status 400).
public struct RequestFault: Error, Equatable, Sendable {
    /// Names the field, the rule it breaks and what was found.
    public let message: String

    init(_ message: String) { self.message = message }

    init(_ fault: JSONFault) { self.message = "the body is not valid JSON: \(fault.message)" }
}

/// Where a value stands in a request, in words.
struct FieldPath: CustomStringConvertible {
    let description: String

    init(_ name: String) { self.description = name }

    func element(_ position: Int) -> FieldPath { FieldPath("\(self.description)[\(position)]") }

    func member(_ name: String) -> FieldPath { FieldPath("\(self.description).\(name)") }
}

extension JSONTree {
    /// What a value is, in words for an error.
    func kindWord(_ node: JSONNode?) -> String {
        guard let node else { return "nothing" }
        return switch self.kind(node) {
        case .string: "a string"
        case .number: "a number"
        case .true, .false: "a boolean"
        case .null: "null"
        case .object: "an object"
        case .array: "an array"
        }
    }
}
