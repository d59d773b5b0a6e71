/// Text of a bounded length, held in place.
///
/// - Bounds: `capacity` bytes, at most 255; what is longer is cut at a character and marked.
public struct ShortText<let capacity: Int>: Sendable {
    private var bytes: InlineArray<capacity, UInt8>
    private var length: UInt8
    /// Whether bytes were left out.
    public private(set) var isCut: Bool

    /// No text.
    public init() {
        self.bytes = .init(repeating: 0)
        self.length = 0
        self.isCut = false
    }

    /// Whether there is no text.
    public var isEmpty: Bool { self.length == 0 }

    /// Forgets the text.
    public mutating func clear() {
        self.length = 0
        self.isCut = false
    }

    /// Takes over as much of a text as there is room for.
    public mutating func set(_ source: RawSpan) {
        let longest = min(capacity, 255)
        var count = source.byteCount
        self.isCut = count > longest
        if self.isCut {
            count = longest
            // UTF-8 continuation bytes begin with 10 (RFC 3629 section 3): a character is kept whole or not at all.
            while count > 0, Self.byte(source, count) & 0xC0 == 0x80 { count -= 1 }
        }
        var room = self.bytes.mutableSpan
        unsafe room.withUnsafeMutableBytes { target in
            unsafe source.withUnsafeBytes { bytes in
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
        }
        self.length = UInt8(count)
    }

    private static func byte(_ source: RawSpan, _ offset: Int) -> UInt8 {
        unsafe source.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The text, with an ellipsis where it was cut; allocates.
    public var text: String {
        var copy: [UInt8] = []
        copy.reserveCapacity(Int(self.length))
        for offset in 0..<Int(self.length) { copy.append(self.bytes[offset]) }
        return String(decoding: copy, as: UTF8.self) + (self.isCut ? "…" : "")
    }
}
