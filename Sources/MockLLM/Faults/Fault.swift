/// One way in which a backend misbehaves on one request.
///
/// Each fault has a spelling for command lines and for the `X-Mock-Fault` request header; see
/// ``init(spelling:)``.
public enum Fault: Equatable, Sendable {
    /// The connection is reset as soon as the request is read.
    case refuse
    /// The request is read and never answered.
    case hang
    /// The head of the answer comes late.
    case slowHead(Duration)
    /// The first token comes late; a streamed answer's head is on time.
    case slowFirstToken(Duration)
    /// After some content chunks nothing comes for a while, or ever again when `duration` is nil.
    case stall(afterChunks: Int, duration: Duration?)
    /// The connection ends before the answer does.
    case cut(afterChunks: Int, ending: Ending, place: Place)
    /// `429` with `Retry-After` in seconds.
    case tooManyRequests(retryAfter: Int)
    /// A status of 400 ... 599 with an error body in the kind's own form.
    case status(Int)
    /// Bytes that are not HTTP, then the end.
    case garbage
    /// `Content-Length` is wrong by this many bytes: more than sent when positive, else fewer.
    case contentLength(Int)
    /// A request on a connection that has already served one is closed on without an answer.
    case closeOnReuse
    /// The head holds a header field of this many bytes.
    case hugeHeader(Int)
    /// An interim response of status 100 ... 199, but 101, comes before the answer.
    case interim(Int)
    /// After some content chunks comes a chunk size that is no number.
    case badChunk(afterChunks: Int)

    /// How a cut connection ends.
    public enum Ending: String, Sendable {
        /// In order: the peer reads an end of file.
        case fin
        /// Reset: the peer reads an error.
        case reset
    }

    /// Where a stream is cut.
    public enum Place: String, Sendable {
        /// After a whole chunk.
        case betweenChunks = "between-chunks"
        /// In the bytes of a chunk whose size has been announced.
        case midChunk = "mid-chunk"
    }

    /// The word faults are counted under; one per case.
    public var label: String {
        switch self {
        case .refuse: "refuse"
        case .hang: "hang"
        case .slowHead: "slow-head"
        case .slowFirstToken: "slow-first-token"
        case .stall: "stall"
        case .cut: "cut"
        case .tooManyRequests: "429"
        case .status(let status): String(status)
        case .garbage: "garbage"
        case .contentLength: "content-length"
        case .closeOnReuse: "close-on-reuse"
        case .hugeHeader: "huge-header"
        case .interim: "interim"
        case .badChunk: "bad-chunk"
        }
    }

    /// The header that asks for a fault on one request.
    public static let requestHeader = "X-Mock-Fault"
}
