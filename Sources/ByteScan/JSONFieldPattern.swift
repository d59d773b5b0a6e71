/// The set of paths a ``JSONFieldScanner`` looks for in a document.
///
/// A path names members joined by dots; `[0]` steps into the first element of an array, `[]` into
/// every element: `choices[].delta.content`, `messages[0].model`. Built once per set, at start; a
/// lookup reads one hash slot and compares words.
///
/// The tables are reached by pointer, because an inline table inside a class is copied on each
/// read.
///
/// - Isolation: immutable after `init`, shared by all loops.
/// - Bounds: ``nodesMax`` path steps, names of at most ``nameBytesMax`` bytes, ``pathDepthMax``
///   levels.
@safe
public final class JSONFieldPattern: @unchecked Sendable {
    /// A path and what to report of its value.
    public struct Path: Sendable {
        let path: String
        let field: UInt8
        let capturesText: Bool

        /// Names a path.
        ///
        /// - Parameters:
        ///   - path: the path, see ``JSONFieldPattern``.
        ///   - field: the number events carry; 1 to 255. Several paths may share one.
        ///   - capturesText: whether a string value is kept in ``JSONFieldScanner/text``.
        public init(_ path: String, field: UInt8, capturesText: Bool = false) {
            self.path = path
            self.field = field
            self.capturesText = capturesText
        }
    }

    /// The number of path steps a pattern may have.
    public static let nodesMax = 128
    /// The length of the longest member name a pattern may have.
    public static let nameBytesMax = 32
    /// The number of levels a path may have.
    public static let pathDepthMax = 7

    /// One step of a path; number 0 means "not on any path", number 1 is the document itself.
    struct Node: Sendable {
        var field: UInt8 = 0
        var capturesText = false
        var firstElement: UInt8 = 0
        var otherElement: UInt8 = 0
    }

    /// One member name below one node; zero length marks a free slot.
    struct Member: Sendable {
        var words: InlineArray<4, UInt64> = .init(repeating: 0)
        var length: UInt8 = 0
        var parent: UInt8 = 0
        var child: UInt8 = 0
    }

    static let root: UInt8 = 1

    /// Both tables have one entry for each value of a byte, so no index can miss them.
    private static let tableCount = 256

    private let nodes: UnsafeMutablePointer<Node>
    private let members: UnsafeMutablePointer<Member>
    private let ignoresCase: Bool

    /// Builds a pattern.
    ///
    /// - Parameters:
    ///   - paths: the paths; a path that breaks a bound or the syntax is a programming error and
    ///     traps.
    ///   - ignoresCase: whether member names match without regard to ASCII case.
    public init(_ paths: [Path], ignoresCase: Bool = false) {
        var builder = Builder(ignoresCase: ignoresCase)
        for path in paths { builder.add(path) }
        unsafe self.nodes = .allocate(capacity: Self.tableCount)
        unsafe self.members = .allocate(capacity: Self.tableCount)
        self.ignoresCase = ignoresCase
        for index in 0..<Self.tableCount {
            unsafe (self.nodes + index).initialize(to: builder.nodes[index])
            unsafe (self.members + index).initialize(to: builder.members[index])
        }
    }

    deinit {
        unsafe self.nodes.deallocate()
        unsafe self.members.deallocate()
    }

    /// The node with a number.
    @inline(__always)
    func node(_ number: UInt8) -> Node { unsafe self.nodes[Int(number)] }

    /// Returns the node of the member named by `length` bytes at `start`, 0 when no path goes
    /// there.
    @inline(__always)
    func member(of parent: UInt8, in name: RawSpan, start: Int, length: Int) -> UInt8 {
        guard length > 0, length <= Self.nameBytesMax else { return 0 }
        var slot = Self.slot(
            parent: parent, length: UInt8(truncatingIfNeeded: length), first: name.byte(at: start),
            last: name.byte(at: start &+ length &- 1))
        while true {
            let candidate = unsafe self.members + Int(slot)
            if unsafe candidate.pointee.length == 0 { return 0 }
            if unsafe candidate.pointee.parent == parent && candidate.pointee.length == length {
                let isSame = unsafe self.equals(candidate, in: name, start: start, length: length)
                if isSame { return unsafe candidate.pointee.child }
            }
            slot &+= 1
        }
    }

    @inline(__always)
    private func equals(
        _ member: UnsafeMutablePointer<Member>, in name: RawSpan, start: Int, length: Int
    ) -> Bool {
        var offset = 0
        var index = 0
        while offset < length {
            var word = name.word(at: start &+ offset, count: length &- offset)
            if self.ignoresCase { word = word.asciiLowercased }
            if unsafe word != member.pointee.words[index] { return false }
            offset &+= 8
            index &+= 1
        }
        return true
    }

    /// The first slot to try; case is folded, so that it serves exact and case-insensitive
    /// patterns.
    @inline(__always)
    private static func slot(parent: UInt8, length: UInt8, first: UInt8, last: UInt8) -> UInt8 {
        let letters = UInt(first | 0x20) &* 5 &+ UInt(last | 0x20) &* 37
        return UInt8(truncatingIfNeeded: letters &+ UInt(length) &* 9 &+ UInt(parent) &* 73)
    }
}

extension JSONFieldPattern {
    /// Turns paths into nodes and a hash table of member names.
    private struct Builder {
        var nodes: InlineArray<256, Node> = .init(repeating: Node())
        var members: InlineArray<256, Member> = .init(repeating: Member())
        let ignoresCase: Bool
        private var nodeCount: UInt8 = 2

        init(ignoresCase: Bool) { self.ignoresCase = ignoresCase }

        /// Walks a path; `[]` beside `[0]` leads to two nodes, so a step applies to a list of
        /// nodes.
        mutating func add(_ path: Path) {
            precondition(path.field != 0, "field 0 means no field")
            var nodes = [JSONFieldPattern.root]
            var name: [UInt8] = []
            var depth = 0
            var rest = Array(path.path.utf8)[...]
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "."):
                    self.step(into: &name, from: &nodes, depth: &depth)
                case UInt8(ascii: "["):
                    self.step(into: &name, from: &nodes, depth: &depth)
                    let inside = rest.prefix { $0 != UInt8(ascii: "]") }
                    rest = rest.dropFirst(inside.count + 1)
                    precondition(
                        inside.isEmpty || inside.elementsEqual("0".utf8), "only [] and [0]")
                    nodes = nodes.flatMap { self.elements(of: $0, firstOnly: !inside.isEmpty) }
                    depth += 1
                default:
                    name.append(byte)
                }
            }
            self.step(into: &name, from: &nodes, depth: &depth)
            precondition(depth > 0 && depth <= JSONFieldPattern.pathDepthMax, "path depth")
            for node in nodes {
                self.nodes[Int(node)].field = path.field
                self.nodes[Int(node)].capturesText = path.capturesText
            }
        }

        /// Steps into a member; an empty name (after `]`) stays where it is.
        private mutating func step(
            into name: inout [UInt8], from nodes: inout [UInt8], depth: inout Int
        ) {
            guard !name.isEmpty else { return }
            precondition(name.count <= JSONFieldPattern.nameBytesMax, "member name too long")
            nodes = nodes.map { self.member(of: $0, name: name) }
            name.removeAll(keepingCapacity: true)
            depth += 1
        }

        private mutating func member(of parent: UInt8, name: [UInt8]) -> UInt8 {
            var member = Member(length: UInt8(name.count), parent: parent)
            for (index, byte) in name.enumerated() {
                member.words[index / 8] |= UInt64(byte) << (UInt64(index % 8) * 8)
            }
            if self.ignoresCase {
                for index in member.words.indices {
                    member.words[index] = member.words[index].asciiLowercased
                }
            }
            var slot = JSONFieldPattern.slot(
                parent: parent, length: member.length, first: name[0], last: name[name.count - 1])
            while self.members[Int(slot)].length != 0 {
                let other = self.members[Int(slot)]
                if other.parent == parent, other.length == member.length,
                    other.words.indices.allSatisfy({ other.words[$0] == member.words[$0] })
                {
                    return other.child
                }
                slot &+= 1
            }
            member.child = self.makeNode()
            self.members[Int(slot)] = member
            return member.child
        }

        private mutating func elements(of parent: UInt8, firstOnly: Bool) -> [UInt8] {
            let array = self.nodes[Int(parent)]
            if firstOnly {
                precondition(array.otherElement == 0, "name [0] before [] of the same array")
                if array.firstElement != 0 { return [array.firstElement] }
                let node = self.makeNode()
                self.nodes[Int(parent)].firstElement = node
                return [node]
            }
            if array.otherElement == 0 {
                let node = self.makeNode()
                self.nodes[Int(parent)].otherElement = node
                if array.firstElement == 0 { self.nodes[Int(parent)].firstElement = node }
            }
            let both = self.nodes[Int(parent)]
            return both.firstElement == both.otherElement
                ? [both.otherElement] : [both.firstElement, both.otherElement]
        }

        private mutating func makeNode() -> UInt8 {
            precondition(self.nodeCount < JSONFieldPattern.nodesMax, "too many path steps")
            defer { self.nodeCount += 1 }
            return self.nodeCount
        }
    }
}

extension UInt64 {
    /// Eight bytes with `A` to `Z` turned into `a` to `z`, all other bytes unchanged.
    @inline(__always)
    var asciiLowercased: UInt64 {
        let ascii = self & 0x7f7f_7f7f_7f7f_7f7f
        let fromA = ascii &+ 0x3f3f_3f3f_3f3f_3f3f
        let pastZ = ascii &+ 0x2525_2525_2525_2525
        let upper = fromA & ~pastZ & ~self & 0x8080_8080_8080_8080
        return self | upper &>> 2
    }
}
