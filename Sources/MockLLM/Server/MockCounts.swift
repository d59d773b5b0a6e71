/// What a mock has seen and done since it started or was last reset.
public struct MockCounts: Equatable, Sendable {
    /// Connections accepted.
    public var connectionsAccepted = 0
    /// Connections open now.
    public var connectionsOpen = 0
    /// Requests read whole, those to `/_mock/` excepted.
    public var requests = 0
    /// Requests by path, without the query; past 256 paths under `other`.
    public var requestsByPath: [String: Int] = [:]
    /// Request body bytes read.
    public var requestBytes = 0
    /// Response bytes written, heads and framing included.
    public var responseBytes = 0
    /// Answers sent to their proper end, errors included.
    public var answersFinished = 0
    /// Answers the peer disconnected from before their end, unless a fault ended them.
    public var cancellations = 0
    /// Chunks with content, reasoning or a tool call that were sent.
    public var chunks = 0
    /// Requests for a model that are being answered now.
    public var inferencesRunning = 0
    /// Prompt and answer tokens of those.
    public var tokensHeld = 0
    /// Prompt tokens of the answers that were finished.
    public var inputTokens = 0
    /// Produced tokens of the answers that were finished.
    public var outputTokens = 0
    /// Faults applied, by ``Fault/label``.
    public var faults: [String: Int] = [:]
    /// Messages refused because they were not HTTP or too large.
    public var badRequests = 0

    /// Nothing seen.
    public init() {}

    static let pathsMax = 256

    mutating func countPath(_ path: String) {
        let isKnown = self.requestsByPath[path] != nil
        let key = isKnown || self.requestsByPath.count < Self.pathsMax ? path : "other"
        self.requestsByPath[key, default: 0] += 1
    }
}

/// A request as it reached a mock.
public struct SeenRequest: Equatable, Sendable {
    /// A header field as it stood in the request.
    public struct Field: Equatable, Sendable {
        /// The name in the peer's own letter case.
        public let name: String
        /// The value without surrounding white space.
        public let value: String
    }

    /// The method, such as `POST`.
    public let method: String
    /// The request target with its query.
    public let target: String
    /// The fields in order.
    public let fields: [Field]
    /// The body, cut after ``bodyBytesMax``.
    public let body: [UInt8]
    /// Which connection it came on, counted from 1.
    public let connection: Int
    /// Its place among the requests of that connection, counted from 1.
    public let ordinal: Int

    /// The most bytes of a body that are kept.
    public static let bodyBytesMax = 65_536

    /// The values of every field called `name`, in any letter case, in order.
    public func values(of name: String) -> [String] {
        let wanted = name.lowercased()
        return self.fields.filter { $0.name.lowercased() == wanted }.map(\.value)
    }

    /// The first value of the field called `name`, in any letter case.
    public func value(of name: String) -> String? { self.values(of: name).first }
}
