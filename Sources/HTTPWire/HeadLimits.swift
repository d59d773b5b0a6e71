/// What a message head may cost before it is refused.
public struct HeadLimits: Equatable, Sendable {
    /// The largest head that any limit can allow, in bytes; offsets fit 32 bits with room to spare.
    public static let headBytesCeiling = 16 * 1024 * 1024

    /// The largest whole head in bytes, empty lines before it and its final empty line included.
    public let headBytesMax: Int

    /// The largest number of field lines.
    public let fieldsMax: Int

    /// The largest request target in bytes.
    public let targetBytesMax: Int

    /// Creates limits; a value outside its range is moved to the nearest bound.
    ///
    /// - Parameters:
    ///   - headBytesMax: 64 … ``headBytesCeiling``. The default is the contract's header limit of 1
    ///     MiB and its 4 KiB of tolerance.
    ///   - fieldsMax: 1 … 4,096.
    ///   - targetBytesMax: 1 … ``headBytesCeiling``.
    public init(
        headBytesMax: Int = 1024 * 1024 + 4096, fieldsMax: Int = 256, targetBytesMax: Int = 65_536
    ) {
        self.headBytesMax = min(max(headBytesMax, 64), Self.headBytesCeiling)
        self.fieldsMax = min(max(fieldsMax, 1), 4096)
        self.targetBytesMax = min(max(targetBytesMax, 1), Self.headBytesCeiling)
    }

    /// Request methods longer than this are refused with 501 (RFC 9112 section 3).
    static let methodBytesMax = 32

    /// Empty lines tolerated before a request line (RFC 9112 section 2.2 asks for at least one).
    static let emptyLinesMax = 4

    /// Options that `Connection` may list in one head; each costs one look at every field.
    static let connectionOptionsMax = 32

    /// The longest field name; its length is kept in 16 bits.
    static let nameBytesMax = Int(UInt16.max)
}

/// What came of feeding bytes to a head.
public enum HeadProgress: Equatable, Sendable {
    /// The head does not end within these bytes; feed the same bytes again with more behind them.
    case incomplete
    /// The head is the first `length` bytes of the buffer; what follows is body or the next
    /// message.
    case complete(length: Int)
    /// The message breaks a rule; answer with the refusal's status and close the connection.
    case refused(HeadRefusal)
}
