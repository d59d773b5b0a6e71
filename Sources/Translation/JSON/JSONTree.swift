public import ByteScan

/// A JSON document taken apart into places of its own bytes; no value is converted.
///
/// Strings and numbers keep the spelling of the document, so that what is copied from one document to another loses
/// nothing: no digit of a number, no escape of a text. Of members with the same name the last one counts.
///
/// Built to be kept and filled again: after the first documents it allocates nothing.
///
/// - Isolation: single owner.
/// - Bounds: ``bytesMax`` bytes, ``valuesMax`` values of 16 bytes each, ``depthMax`` levels.
public struct JSONTree: Sendable {
    /// The longest document: 1 GiB.
    public static let bytesMax = 1 << 30
    /// The most values and member names together.
    public static let valuesMax = 1_000_000
    /// The deepest nesting of objects and arrays.
    public static let depthMax = 128

    /// One value: where it stands, and which value follows it on its level.
    struct Entry: Sendable {
        var start: UInt32
        var end: UInt32
        /// The position behind everything inside this value.
        var next: UInt32
        var kind: JSONValueKind
        /// A string without escapes.
        var isPlain = false
    }

    /// The document's bytes.
    public private(set) var source: [UInt8] = []
    var entries: [Entry] = []
    private var open: [UInt32] = []

    /// A tree without a document.
    public init() {}

    /// Takes a document apart.
    ///
    /// - Parameters:
    ///   - bytes: the document; white space around it is allowed.
    ///   - acceptsHalfPairs: lets escapes stand for half a surrogate pair, which streams that cut a text anywhere do.
    /// - Returns: the document's value.
    /// - Throws: ``JSONFault`` with the place; the tree is then empty.
    @discardableResult
    public mutating func read(_ bytes: RawSpan, acceptsHalfPairs: Bool = false) throws(JSONFault) -> JSONNode {
        self.clear()
        guard bytes.byteCount <= Self.bytesMax else { throw JSONFault(.length, at: Self.bytesMax) }
        self.source.append(bytes: bytes)
        return try self.parse(acceptsHalfPairs)
    }

    /// The same for bytes that the caller can give away.
    @discardableResult
    mutating func read(taking bytes: inout [UInt8], acceptsHalfPairs: Bool = false) throws(JSONFault) -> JSONNode {
        self.clear()
        guard bytes.count <= Self.bytesMax else { throw JSONFault(.length, at: Self.bytesMax) }
        swap(&self.source, &bytes)
        return try self.parse(acceptsHalfPairs)
    }

    /// Forgets the document and keeps the memory.
    public mutating func clear() {
        self.source.removeAll(keepingCapacity: true)
        self.entries.removeAll(keepingCapacity: true)
        self.open.removeAll(keepingCapacity: true)
    }

    /// Gives back the memory of an unusually large document.
    public mutating func shrink() {
        if self.source.capacity > 1 << 18 { self.source = [] }
        if self.entries.capacity > 1 << 14 { self.entries = [] }
    }

    private mutating func parse(_ acceptsHalfPairs: Bool) throws(JSONFault) -> JSONNode {
        let source = self.source
        let reader = JSONReader(bytes: source.rawSpan, acceptsHalfPairs: acceptsHalfPairs)
        do {
            try reader.read(into: &self.entries, open: &self.open)
        } catch {
            self.entries.removeAll(keepingCapacity: true)
            throw error
        }
        return JSONNode(position: 0)
    }

    // MARK: Values

    /// The document's value; nil when the tree is empty.
    public var root: JSONNode? { self.entries.isEmpty ? nil : JSONNode(position: 0) }

    /// What a value is.
    public func kind(_ node: JSONNode) -> JSONValueKind { self.entries[node.position].kind }

    /// The bytes of a value in ``source``, quotes and brackets included.
    public func range(_ node: JSONNode) -> Range<Int> {
        let entry = self.entries[node.position]
        return Int(entry.start)..<Int(entry.end)
    }

    /// The bytes between the quotes of a string; nil for anything else.
    func textRange(_ node: JSONNode?) -> Range<Int>? {
        guard let node else { return nil }
        let entry = self.entries[node.position]
        guard entry.kind == .string else { return nil }
        return Int(entry.start) + 1..<Int(entry.end) - 1
    }

    /// Whether a string is written without escapes.
    func isPlain(_ node: JSONNode) -> Bool { self.entries[node.position].isPlain }

    /// Whether a value is a string with this text.
    func equals(_ node: JSONNode?, _ text: StaticString) -> Bool {
        guard let node, let range = self.textRange(node) else { return false }
        let source = self.source
        let bytes = source.rawSpan.extracting(range)
        if !self.isPlain(node) { return JSONText.equals(bytes, text) }
        guard bytes.byteCount == text.utf8CodeUnitCount else { return false }
        for offset in 0..<bytes.byteCount where unsafe bytes[offset] != text.utf8Start[offset] { return false }
        return true
    }

    /// Whether a value is the literal `true`.
    func isTrue(_ node: JSONNode?) -> Bool { node.map { self.kind($0) == .true } ?? false }

    /// The decoded text of a string, for people; nil for anything else.
    public func string(_ node: JSONNode?) -> String? {
        guard let range = self.textRange(node) else { return nil }
        var bytes: [UInt8] = []
        self.appendDecoded(range, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The value of a number; nil for anything else.
    public func number(_ node: JSONNode?) -> Double? {
        guard let node, self.kind(node) == .number else { return nil }
        return Double(String(decoding: self.source[self.range(node)], as: UTF8.self))
    }

    /// The value of a number that is a whole one and fits; nil for anything else.
    public func integer(_ node: JSONNode?) -> Int? {
        guard let node, self.kind(node) == .number else { return nil }
        let source = self.source
        if let value = JSONText.integer(source.rawSpan.extracting(self.range(node))) { return Int(exactly: value) }
        // `1e3` and `2.0` are whole numbers too.
        return self.number(node).flatMap { Int(exactly: $0) }
    }

    // MARK: Members and elements

    /// The value of a member; the last one of several with the same name, nil without one or when this is no object.
    public func member(_ name: StaticString, of node: JSONNode?) -> JSONNode? {
        guard let node, self.kind(node) == .object else { return nil }
        var found: JSONNode?
        for member in self.members(of: node) where self.equals(member.name, name) { found = member.value }
        return found
    }

    /// The members of an object in their order; none for anything else.
    public func members(of node: JSONNode) -> Members {
        let entry = self.entries[node.position]
        guard entry.kind == .object else { return Members(entries: self.entries, position: 0, end: 0) }
        return Members(entries: self.entries, position: node.position + 1, end: Int(entry.next))
    }

    /// The elements of an array in their order; none for anything else.
    public func elements(of node: JSONNode?) -> Elements {
        guard let node, self.kind(node) == .array else { return Elements(entries: self.entries, position: 0, end: 0) }
        return Elements(
            entries: self.entries, position: node.position + 1, end: Int(self.entries[node.position].next))
    }

    /// Walks the elements of an array.
    public struct Elements: Sequence, IteratorProtocol {
        let entries: [Entry]
        var position: Int
        let end: Int

        /// Whether no element is left.
        public var isEmpty: Bool { self.position >= self.end }

        /// Steps on.
        public mutating func next() -> JSONNode? {
            guard self.position < self.end else { return nil }
            defer { self.position = Int(self.entries[self.position].next) }
            return JSONNode(position: self.position)
        }
    }

    /// Walks the members of an object.
    public struct Members: Sequence, IteratorProtocol {
        let entries: [Entry]
        var position: Int
        let end: Int

        /// Steps on.
        public mutating func next() -> (name: JSONNode, value: JSONNode)? {
            guard self.position < self.end else { return nil }
            let name = JSONNode(position: self.position)
            let value = JSONNode(position: self.position + 1)
            self.position = Int(self.entries[value.position].next)
            return (name, value)
        }
    }
}

/// One value of a ``JSONTree``; means nothing to another tree, or to the same one after the next document.
public struct JSONNode: Hashable, Sendable {
    let position: Int
}
