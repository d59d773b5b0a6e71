/// The id that ties a request's answer, log line and backend request together.
///
/// Taken from the client's `X-Request-ID` when that is 1...128 printable ASCII characters without blank, made
/// otherwise: two words and 64 random bits, such as `noble-trekking-80a1c09b1f2233d4` (http-surface 2.1).
///
/// - Bounds: constant size, no allocation.
public struct RequestID: Sendable {
    /// The longest id, in bytes.
    public static let capacity = 128
    private var bytes: InlineArray<128, UInt8>
    private var length: UInt8

    /// No id yet.
    public init() {
        self.bytes = .init(repeating: 0)
        self.length = 0
    }

    /// The number of bytes; 0 before one was set.
    public var count: Int { Int(self.length) }

    /// The id's bytes.
    public var span: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get { self.bytes.span.extracting(0..<Int(self.length)) }
    }

    /// The id as text, for log records off the data path.
    public var text: String {
        var text = ""
        for index in 0..<Int(self.length) { text.unicodeScalars.append(Unicode.Scalar(self.bytes[index])) }
        return text
    }

    /// Takes the client's id over.
    ///
    /// Returns false, and changes nothing, when it is not acceptable.
    public mutating func adopt(_ candidate: Span<UInt8>) -> Bool {
        guard (1...Self.capacity).contains(candidate.count) else { return false }
        for offset in candidate.indices {
            let byte = candidate[offset]
            guard (0x21...0x7E).contains(byte) else { return false }
            self.bytes[offset] = byte
        }
        self.length = UInt8(candidate.count)
        return true
    }

    /// Makes an id of two words and 64 bits.
    ///
    /// - Parameters:
    ///   - bits: 64 unpredictable bits, written as 16 hexadecimal digits.
    ///   - choice: chooses the words.
    public mutating func generate(bits: UInt64, choice: UInt64) {
        self.length = 0
        let adjectives = Self.adjectives
        let verbs = Self.verbs
        self.append(adjectives[Int(choice % UInt64(adjectives.count))])
        self.append("-")
        self.append(verbs[Int((choice >> 32) % UInt64(verbs.count))])
        self.append("-")
        for nibble in 0..<16 {
            let digit = UInt8((bits >> UInt64(60 - 4 * nibble)) & 15)
            self.append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    private mutating func append(_ text: StaticString) {
        for offset in 0..<text.utf8CodeUnitCount { self.append(byte: unsafe text.utf8Start[offset]) }
    }

    private mutating func append(byte: UInt8) {
        self.bytes[Int(self.length)] = byte
        self.length += 1
    }

    private static let adjectives: [StaticString] = [
        "amber", "brave", "bright", "calm", "clear", "crystal", "deft", "eager", "fleet", "gentle", "glassy",
        "keen", "limpid", "lucid", "mellow", "merry", "nimble", "noble", "polished", "quick", "quiet", "radiant",
        "serene", "sheer", "silver", "steady", "sunlit", "swift", "tidy", "vivid", "warm", "witty",
    ]
    private static let verbs: [StaticString] = [
        "bounding", "climbing", "coasting", "dancing", "darting", "drifting", "flowing", "gliding", "grazing",
        "humming", "jumping", "leaping", "marching", "prancing", "racing", "roaming", "rolling", "rowing",
        "running", "sailing", "scouting", "skating", "skipping", "soaring", "spinning", "strolling", "surfing",
        "trekking", "trotting", "walking", "wandering", "weaving",
    ]
}
