/// The head of an HTTP/1.1 request: offsets into the caller's buffer and what follows from them.
///
/// Kept for the life of a connection and used again for each request, so that parsing allocates
/// nothing once the field storage has grown. It is `~Copyable` because a copy would share that
/// storage and make the next parse allocate. Parsing follows RFC 9112 strictly: what two readers
/// could understand differently is refused.
///
/// All ranges are offsets into the buffer given to ``parse(_:limits:)`` and die with its contents.
///
/// - Isolation: single owner.
/// - Bounds: 16 bytes a field, at most ``HeadLimits/fieldsMax``; each byte is scanned once however
///   it arrives.
public struct RequestHead: ~Copyable, Sendable {
    /// What the next byte belongs to.
    enum Phase {
        case start
        case emptyLine
        case method
        case target
        case version
        case lineEnd
        case lineFeed
        case fields
        case complete
        case refused(HeadRefusal)
    }

    var phase = Phase.start
    var cursor = 0
    var emptyLines = 0
    var methodStart = 0
    var methodEnd = 0
    var targetStart = 0
    var targetEnd = 0
    var versionStart = 0
    var authorityStart = 0
    var authorityEnd = 0
    var pathStart = 0
    var pathEnd = 0
    var section: FieldSection

    /// The method; its bytes are at ``methodRange``.
    public internal(set) var method = RequestMethod.other

    /// The form of the request target.
    public internal(set) var targetForm = TargetForm.origin

    /// The protocol version.
    public internal(set) var version = MinorVersion.one

    /// How the end of the body is found; never ``BodyFraming/untilClose``.
    public internal(set) var framing = BodyFraming.none

    /// Whether the client lets the connection live after the answer (RFC 9112 section 9.3).
    public internal(set) var keepsAlive = false

    /// Whether the client waits for `100 Continue`; never true in HTTP/1.0 (RFC 9110 section
    /// 10.1.1).
    public internal(set) var expectsContinue = false

    /// Whether the client wants to go on in WebSocket, which leaves no request to be served without it.
    ///
    /// RFC 9110 section 7.8 lets a server ignore any upgrade, and has it ignore one in HTTP/1.0 or without the
    /// `upgrade` option of `Connection`. An offer of `h2c` belongs to a whole request in HTTP/1.1.
    public internal(set) var asksForWebSocket = false

    /// Creates an empty head.
    ///
    /// - Parameter fieldCapacity: Fields that fit without growing the storage.
    public init(fieldCapacity: Int = 32) {
        self.section = FieldSection(capacity: fieldCapacity)
    }

    /// Forgets the request and keeps the storage.
    public mutating func reset() {
        self.phase = .start
        self.cursor = 0
        self.emptyLines = 0
        self.section.reset()
        self.method = .other
        self.targetForm = .origin
        self.framing = .none
        self.keepsAlive = false
        self.expectsContinue = false
        self.asksForWebSocket = false
    }

    /// Whether a byte of a request has been seen and its head has not ended.
    ///
    /// Empty lines before a request line do not count: a connection that has seen no more is idle.
    public var isPartial: Bool {
        switch self.phase {
        case .start, .emptyLine, .complete, .refused: false
        case .method, .target, .version, .lineEnd, .lineFeed, .fields: true
        }
    }
}

/// The four forms of a request target (RFC 9112 section 3.2).
public enum TargetForm: UInt8, Sendable {
    /// `/path?query`.
    case origin
    /// `http://host/path?query`.
    case absolute
    /// `host:port`, with CONNECT only.
    case authority
    /// `*`, with OPTIONS only.
    case asterisk
}

extension RequestHead {
    /// The bytes of the method.
    public var methodRange: Range<Int> { self.methodStart..<self.methodEnd }

    /// The whole request target.
    public var target: Range<Int> { self.targetStart..<self.targetEnd }

    /// The path: from the first `/` to the query.
    ///
    /// Empty in authority and asterisk form, and in an absolute form without a path, which means
    /// `/`.
    public var path: Range<Int> { self.pathStart..<self.pathEnd }

    /// The query without its question mark, or `nil` without a question mark.
    public var query: Range<Int>? {
        switch self.targetForm {
        case .origin, .absolute: self.pathEnd < self.targetEnd ? self.pathEnd + 1..<self.targetEnd : nil
        case .authority, .asterisk: nil
        }
    }

    /// The path and the query with its question mark, as an origin server is asked for them.
    public var pathAndQuery: Range<Int> {
        switch self.targetForm {
        case .origin, .absolute: self.pathStart..<self.targetEnd
        case .authority, .asterisk: self.pathStart..<self.pathEnd
        }
    }

    /// The host the request is for: the target's authority, else the value of `Host` (RFC 9112
    /// section 3.3).
    ///
    /// `nil` only in HTTP/1.0; possibly empty, since the grammar lets `Host` be.
    public var host: Range<Int>? {
        switch self.targetForm {
        case .absolute, .authority: self.authorityStart..<self.authorityEnd
        case .origin, .asterisk: self.first(.host)?.value
        }
    }

    /// The field lines in their order.
    public var fields: Span<HeaderField> {
        @_lifetime(borrow self)
        get { self.section.storage.span }
    }

    /// The known names that occur; asking it first makes ``first(_:)`` cheap for absent fields.
    public var knownFields: HeaderSet { self.section.present }

    /// Whether a field with a known name occurs.
    public func contains(_ known: KnownHeader) -> Bool { self.section.present.contains(known) }

    /// Returns the first field with a known name.
    public func first(_ known: KnownHeader) -> HeaderField? { self.section.first(known) }

    /// The size that the header limit of the configuration is compared with.
    ///
    /// Names and values, 4 bytes a field, method, target and 12: the estimate of the contract's
    /// size limits.
    public var estimatedBytes: Int {
        var total = self.methodEnd - self.methodStart + self.targetEnd - self.targetStart + 12
        for field in self.section.storage {
            total += field.name.count + field.value.count + 4
        }
        return total
    }
}
