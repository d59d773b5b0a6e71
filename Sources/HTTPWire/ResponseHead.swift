/// The head of an HTTP/1.1 response: offsets into the caller's buffer and what follows from them.
///
/// Kept for the life of an upstream connection and used again for each response, as ``RequestHead``
/// is. Where RFC 9112 lets or makes a recipient of a response be lenient the parser is so in two
/// places: the reason phrase and the space before it may be missing (section 4), and white space
/// between a field name and its colon is dropped (section 5.1). Everything else is as strict as for
/// a request.
///
/// All ranges are offsets into the buffer given to ``parse(_:limits:method:)`` and die with its
/// contents.
///
/// - Isolation: single owner.
/// - Bounds: 16 bytes a field, at most ``HeadLimits/fieldsMax``; each byte is scanned once however
///   it arrives.
public struct ResponseHead: ~Copyable, Sendable {
    /// What the next byte belongs to.
    enum Phase {
        case version
        case spaceBeforeStatus
        case status
        case spaceBeforeReason
        case reason
        case lineFeed
        case fields
        case complete
        case refused(HeadRefusal)
    }

    var phase = Phase.version
    var cursor = 0
    var statusEnd = 0
    var reasonStart = 0
    var reasonEnd = 0
    var section: FieldSection

    /// The protocol version.
    public internal(set) var version = MinorVersion.one

    /// The status code, 100 … 999; those from 600 on are to be treated as a 5xx (RFC 9110 section
    /// 15).
    public internal(set) var status: UInt16 = 0

    /// How the end of the body is found, given the status and the method of the request.
    public internal(set) var framing = BodyFraming.none

    /// The value of `Content-Length`, also where it frames nothing as in an answer to HEAD.
    public internal(set) var declaredLength: UInt64?

    /// Whether the connection can carry another request after this response (RFC 9112 section 9.3).
    public internal(set) var keepsAlive = false

    /// Creates an empty head.
    ///
    /// - Parameter fieldCapacity: Fields that fit without growing the storage.
    public init(fieldCapacity: Int = 32) {
        self.section = FieldSection(capacity: fieldCapacity)
    }

    /// Forgets the response and keeps the storage.
    public mutating func reset() {
        self.phase = .version
        self.cursor = 0
        self.section.reset()
        self.status = 0
        self.framing = .none
        self.declaredLength = nil
        self.keepsAlive = false
    }
}

extension ResponseHead {
    /// Whether the response is interim: a final one follows on the same connection (RFC 9110
    /// section 15.2).
    ///
    /// Never true for 101, which is refused.
    public var isInterim: Bool { self.status < 200 }

    /// The reason phrase, possibly empty.
    public var reason: Range<Int> { self.reasonStart..<self.reasonEnd }

    /// The field lines in their order.
    public var fields: Span<HeaderField> {
        @_lifetime(borrow self)
        get { self.section.storage.span }
    }

    /// The known names that occur.
    public var knownFields: HeaderSet { self.section.present }

    /// Whether a field with a known name occurs.
    public func contains(_ known: KnownHeader) -> Bool { self.section.present.contains(known) }

    /// Returns the first field with a known name.
    public func first(_ known: KnownHeader) -> HeaderField? { self.section.first(known) }
}
