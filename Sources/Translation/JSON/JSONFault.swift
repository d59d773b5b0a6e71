/// Why bytes are not a JSON document that can be worked with.
public struct JSONFault: Error, Equatable, Sendable {
    /// What is wrong.
    public enum Kind: Equatable, Sendable {
        /// There is nothing but white space.
        case empty
        /// A value is expected.
        case value
        /// A member's name in quotes is expected.
        case name
        /// A colon is expected.
        case colon
        /// A comma or the closing bracket is expected.
        case separator
        /// The document ends before it is complete.
        case truncated
        /// Something follows the document.
        case trailing
        /// A number breaks the grammar of RFC 8259, section 6.
        case number
        /// A control character stands unescaped in a string (RFC 8259, section 7).
        case control
        /// An escape is unknown, or stands for half a surrogate pair.
        case escape
        /// A string is not UTF-8 (RFC 3629).
        case encoding
        /// Objects and arrays are nested deeper than ``JSONTree/depthMax``.
        case depth
        /// There are more than ``JSONTree/valuesMax`` values.
        case values
        /// The document is longer than ``JSONTree/bytesMax``.
        case length
    }

    /// What is wrong.
    public let kind: Kind
    /// The byte at which it shows, counted from 0.
    public let offset: Int

    init(_ kind: Kind, at offset: Int) {
        self.kind = kind
        self.offset = offset
    }

    /// A sentence for the one who wrote the document.
    public var message: String {
        let what =
            switch self.kind {
            case .empty: "the document is empty"
            case .value: "a value is expected"
            case .name: "a member name in quotes is expected"
            case .colon: "a colon is expected"
            case .separator: "a comma or the closing bracket is expected"
            case .truncated: "the document ends before it is complete"
            case .trailing: "something follows the document"
            case .number: "a number is malformed"
            case .control: "a control character must be escaped"
            case .escape: "an escape is malformed"
            case .encoding: "the text is not UTF-8"
            case .depth: "nested deeper than \(JSONTree.depthMax) levels"
            case .values: "more than \(JSONTree.valuesMax) values"
            case .length: "longer than \(JSONTree.bytesMax) bytes"
            }
        return "invalid JSON at byte \(self.offset): \(what)"
    }
}
