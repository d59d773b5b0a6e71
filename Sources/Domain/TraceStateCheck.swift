/// Decides whether the `tracestate` of a request can be passed on: the list members of all its field lines together.
///
/// The grammar is that of W3C Trace Context section 3.3.1, and the limit of 32 members that of section 3.3.1.1. A list
/// that breaks either is dropped as a whole (section 3.3.1.4: who cannot parse it must not propagate it). That a
/// key stands twice is not looked for.
///
/// - Bounds: constant size, one pass, no allocation.
public struct TraceStateCheck: Sendable {
    /// The most members that are passed on.
    public static let membersMax = 32
    private static let keyBytesMax = 256
    private static let tenantBytesMax = 241
    private static let systemBytesMax = 14
    private static let valueBytesMax = 256

    /// Members seen so far; empty ones do not count.
    public private(set) var memberCount = 0
    private var isWellFormed = true

    /// No line seen yet.
    public init() {}

    /// Whether what was seen so far can be passed on and says anything.
    public var isAcceptable: Bool { self.isWellFormed && (1...Self.membersMax).contains(self.memberCount) }

    /// Looks at the value of one field line.
    public mutating func add(_ text: Span<UInt8>) {
        var start = 0
        while self.isWellFormed, start <= text.count {
            var end = start
            while end < text.count, text[end] != UInt8(ascii: ",") { end += 1 }
            self.addMember(text, start, end)
            start = end + 1
        }
    }

    private mutating func addMember(_ text: Span<UInt8>, _ start: Int, _ end: Int) {
        var (start, end) = (start, end)
        while start < end, Self.isBlank(text[start]) { start += 1 }
        while end > start, Self.isBlank(text[end - 1]) { end -= 1 }
        guard start < end else { return }
        self.memberCount += 1
        var equals = start
        while equals < end, text[equals] != UInt8(ascii: "=") { equals += 1 }
        self.isWellFormed =
            self.memberCount <= Self.membersMax && equals < end && Self.isKey(text, start, equals)
            && Self.isValue(text, equals + 1, end)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// `simple-key`, or `tenant-id "@" system-id`.
    private static func isKey(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard (1...Self.keyBytesMax).contains(end - start) else { return false }
        var separator = start
        while separator < end, text[separator] != UInt8(ascii: "@") { separator += 1 }
        if separator == end { return Self.isLetter(text[start]) && Self.areKeyBytes(text, start, end) }
        let system = separator + 1
        return (1...Self.tenantBytesMax).contains(separator - start)
            && (1...Self.systemBytesMax).contains(end - system) && Self.areKeyBytes(text, start, separator)
            && (Self.isLetter(text[start]) || Self.isDigit(text[start])) && Self.isLetter(text[system])
            && Self.areKeyBytes(text, system, end)
    }

    private static func areKeyBytes(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        for offset in start..<end {
            switch text[offset] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"):
                continue
            default: return false
            }
        }
        return true
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Printable ASCII without comma and equals sign; blanks may stand inside.
    private static func isValue(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard (1...Self.valueBytesMax).contains(end - start) else { return false }
        for offset in start..<end {
            let byte = text[offset]
            guard (0x20...0x7E).contains(byte), byte != UInt8(ascii: "=") else { return false }
        }
        return true
    }
}
