/// The kind of a JSON value.
public enum JSONValueKind: UInt8, Sendable {
    case string
    case number
    case `true`
    case `false`
    case null
    case object
    case array
}

/// A value that lies on one of the scanner's paths.
public struct JSONField: Equatable, Sendable {
    /// The number the pattern gave to the path.
    public let field: UInt8
    /// What kind of value it is.
    public let kind: JSONValueKind
    /// The first byte of the value (the quote of a string), counted from the start of the document.
    public let start: Int
    /// The first byte after the value; for an object or array that was just opened, after its
    /// bracket.
    public let end: Int

    /// Describes a value.
    @inline(__always)
    public init(field: UInt8, kind: JSONValueKind, start: Int, end: Int) {
        self.field = field
        self.kind = kind
        self.start = start
        self.end = end
    }

    /// The bytes of the value, counted from the start of the document.
    public var range: Range<Int> { self.start..<self.end }

    /// Whether the value is a string with at least one byte in it.
    public var isNonEmptyString: Bool { self.kind == .string && self.end &- self.start > 2 }
}

/// What a scanner found in a piece.
public enum JSONScanEvent: Equatable, Sendable {
    /// A value on a path is complete.
    case value(JSONField)
    /// An object or array on a path has begun; ``value(_:)`` follows when it ends.
    case opened(JSONField)
    /// The piece is used up; the document goes on.
    case needMore
    /// The document is complete; the position is behind its last byte.
    case end
    /// The bytes are not JSON, or nested deeper than ``JSONFieldScanner/depthMax``; scanning has
    /// stopped.
    case malformed
}
