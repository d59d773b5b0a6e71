import FlightRecorder
import HTTPWire
import Journal

// Arrays that are stored properties of classes cannot lend out a span beyond one call; these calls borrow them whole.

extension HeadWriter {
    /// Appends bytes.
    mutating func write(_ bytes: [UInt8]) { self.write(bytes.span.bytes) }

    /// Appends a field.
    mutating func field(_ name: StaticString, _ value: [UInt8]) { self.field(name, value.span.bytes) }
}

extension LogLine {
    /// Appends a text.
    mutating func string(_ key: LogKey, _ bytes: [UInt8]) { self.string(key, bytes.span.bytes) }
}

extension ShortText {
    /// Takes over as much of a text as there is room for.
    mutating func set(_ bytes: [UInt8]) { self.set(bytes.span.bytes) }
}
