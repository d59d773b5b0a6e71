extension Fault {
    /// A list of every spelling, for help texts.
    public static let spellings = """
        refuse | hang | slow-head:MS | slow-first-token:MS | stall:CHUNKS[:MS] | \
        cut:CHUNKS[:fin|reset[:between-chunks|mid-chunk]] | 429[:RETRY_AFTER_S] | 400...599 | \
        garbage | content-length:+N or :-N | close-on-reuse | huge-header:BYTES | \
        interim[:STATUS] | bad-chunk:CHUNKS
        """

    /// Reads a fault as it is written on a command line, or nil when it is none.
    public init?(spelling: String) {
        let fields = spelling.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let rest = Array(fields.dropFirst())
        guard let word = fields.first, let fault = Self.read(word: word, rest: rest) else {
            return nil
        }
        self = fault
    }

    /// The fault as ``init(spelling:)`` reads it.
    public var spelling: String {
        switch self {
        case .slowHead(let delay), .slowFirstToken(let delay):
            "\(self.label):\(delay.milliseconds)"
        case .stall(let chunks, let duration):
            duration.map { "stall:\(chunks):\($0.milliseconds)" } ?? "stall:\(chunks)"
        case .cut(let chunks, let ending, let place):
            "cut:\(chunks):\(ending.rawValue):\(place.rawValue)"
        case .tooManyRequests(let retryAfter): "429:\(retryAfter)"
        case .contentLength(let difference):
            "content-length:\(difference >= 0 ? "+" : "")\(difference)"
        case .hugeHeader(let bytes): "huge-header:\(bytes)"
        case .interim(let status): "interim:\(status)"
        case .badChunk(let chunks): "bad-chunk:\(chunks)"
        case .refuse, .hang, .status, .garbage, .closeOnReuse: self.label
        }
    }

    private static func read(word: String, rest: [String]) -> Fault? {
        switch (word, rest.count) {
        case ("refuse", 0): .refuse
        case ("hang", 0): .hang
        case ("garbage", 0): .garbage
        case ("close-on-reuse", 0): .closeOnReuse
        case ("slow-head", 1): Self.milliseconds(rest[0]).map { .slowHead($0) }
        case ("slow-first-token", 1): Self.milliseconds(rest[0]).map { .slowFirstToken($0) }
        case ("stall", 1): Self.count(rest[0]).map { .stall(afterChunks: $0, duration: nil) }
        case ("stall", 2): Self.stall(rest)
        case ("cut", 1...3): Self.cut(rest)
        case ("429", 0): .tooManyRequests(retryAfter: 1)
        case ("429", 1): Self.count(rest[0]).map { .tooManyRequests(retryAfter: $0) }
        case ("content-length", 1):
            Int(rest[0]).flatMap { $0 == 0 ? nil : .contentLength($0) }
        case ("huge-header", 1): Self.count(rest[0]).map { .hugeHeader($0) }
        case ("interim", 0): .interim(103)
        case ("interim", 1): Self.interim(rest[0])
        case ("bad-chunk", 1): Self.count(rest[0]).map { .badChunk(afterChunks: $0) }
        case (_, 0): Int(word).flatMap { (400...599).contains($0) ? .status($0) : nil }
        default: nil
        }
    }

    private static func stall(_ rest: [String]) -> Fault? {
        guard let chunks = Self.count(rest[0]), let duration = Self.milliseconds(rest[1]) else {
            return nil
        }
        return .stall(afterChunks: chunks, duration: duration)
    }

    private static func cut(_ rest: [String]) -> Fault? {
        guard let chunks = Self.count(rest[0]),
            let ending = rest.count > 1 ? Ending(rawValue: rest[1]) : .fin,
            let place = rest.count > 2 ? Place(rawValue: rest[2]) : .betweenChunks
        else { return nil }
        return .cut(afterChunks: chunks, ending: ending, place: place)
    }

    private static func interim(_ text: String) -> Fault? {
        guard let status = Int(text), (100...199).contains(status), status != 101 else { return nil }
        return .interim(status)
    }

    /// At most 16 MiB or as many chunks: what a fault asks for is bounded too.
    private static func count(_ text: String) -> Int? {
        Int(text).flatMap { (0...16_777_216).contains($0) ? $0 : nil }
    }

    private static func milliseconds(_ text: String) -> Duration? {
        Int(text).flatMap { (0...86_400_000).contains($0) ? .milliseconds($0) : nil }
    }
}

extension Duration {
    /// Whole milliseconds, cut off.
    var milliseconds: Int64 {
        self.components.seconds * 1000 + self.components.attoseconds / 1_000_000_000_000_000
    }

    /// Whole nanoseconds, cut off.
    var nanoseconds: Int64 {
        self.components.seconds * 1_000_000_000 + self.components.attoseconds / 1_000_000_000
    }
}
