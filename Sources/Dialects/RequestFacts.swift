/// Where the name of the model stands in a request body.
public struct ModelField: Equatable, Sendable {
    /// How the name is written.
    public enum Encoding: Sendable {
        /// As a JSON string; the range includes the quotes.
        case json
        /// As the value of a multipart form field.
        case multipart
    }

    /// The bytes of the value, counted from the start of the body.
    public let range: Range<Int>
    /// How the name is written.
    public let encoding: Encoding

    /// The length of the name if it stands there as it is, without escapes and blanks.
    public var plainLength: Int {
        switch self.encoding {
        case .json: self.range.count - 2
        case .multipart: self.range.count
        }
    }

    /// Names a place.
    public init(range: Range<Int>, encoding: Encoding) {
        self.range = range
        self.encoding = encoding
    }
}

/// What a request asks of a model, as its body shows.
public struct RequestNeeds: OptionSet, Sendable {
    /// One bit a need.
    public let rawValue: UInt8

    /// Takes the bits as they are.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// An image is part of a message.
    public static let vision = RequestNeeds(rawValue: 1)
    /// Tools or functions are offered.
    public static let functionCalling = RequestNeeds(rawValue: 2)
    /// There is an `input`, as embedding requests have.
    public static let embeddings = RequestNeeds(rawValue: 4)
}

/// A stretch of the body whose end may not have arrived yet.
public struct BodyStretch: Equatable, Sendable {
    /// The first byte, counted from the start of the body.
    public let start: Int
    /// The byte after the last one; nil until it is known.
    public internal(set) var end: Int?
}
