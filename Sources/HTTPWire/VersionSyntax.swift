/// The `HTTP/1.1` of request and status lines.
enum VersionSyntax {
    /// The length of a version.
    static let count = 8

    /// What the bytes say.
    enum Reading {
        case version(MinorVersion)
        case starved
        case refused(HeadRefusal)
    }

    /// Reads a version; a malformed one is found at its first wrong byte, however few bytes there
    /// are.
    ///
    /// Any well-formed version but 1.0 and 1.1 is unsupported, also the 1.2 to 1.9 that do not
    /// exist.
    @inline(__always)
    static func read(_ bytes: RawSpan, from start: Int, to end: Int) -> Reading {
        if start + Self.count <= end {
            switch bytes.word(start) {
            case 0x312E_312F_5054_5448: return .version(.one)
            case 0x302E_312F_5054_5448: return .version(.zero)
            default: break
            }
        }
        return Self.classify(bytes, from: start, to: end)
    }

    @inline(never)
    private static func classify(_ bytes: RawSpan, from start: Int, to end: Int) -> Reading {
        let stop = min(end, start + Self.count)
        for offset in start..<stop {
            let byte = bytes.byte(offset)
            let fits =
                switch offset - start {
                case 0: byte == UInt8(ascii: "H")
                case 1, 2: byte == UInt8(ascii: "T")
                case 3: byte == UInt8(ascii: "P")
                case 4: byte == ASCII.slash
                case 6: byte == ASCII.dot
                default: ASCII.isDigit(byte)
                }
            if !fits { return .refused(byte == ASCII.lineFeed ? .bareLineFeed : .invalidVersion) }
        }
        return stop < start + Self.count ? .starved : .refused(.unsupportedVersion)
    }
}
