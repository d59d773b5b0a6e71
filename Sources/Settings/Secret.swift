/// Holds a text that must not reach a log line, a report or a JSON answer.
///
/// Every way of printing the value gives the same placeholder; only ``reveal()`` gives the text.
public struct Secret: Hashable, Sendable {
    private let text: String

    /// Wraps a text.
    public init(_ text: String) { self.text = text }

    /// The text itself, for the one place that sends it.
    public func reveal() -> String { self.text }

    /// Whether the text is empty.
    public var isEmpty: Bool { self.text.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The placeholder.
    public var description: String { "[REDACTED]" }

    /// The placeholder.
    public var debugDescription: String { "[REDACTED]" }

    /// A mirror without children, so that `dump` shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
