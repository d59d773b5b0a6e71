/// One hop of a request's life.
///
/// The same words are metric labels, log keys, sections of `docs/ARCHITECTURE.md` and rows of the dashboard.
/// At each instant a request is in exactly one stage, so the stage times of a request add up to its duration.
public enum Stage: UInt8, CaseIterable, Sendable {
    /// First byte of the request → head parsed.
    case readHead
    /// Head parsed → last body byte, or enough of the body to route by.
    case readBody
    /// Body at hand → model and needs known.
    case inspect
    /// Rate, size and capacity decisions; entered more than once, times summed.
    case admit
    /// Admitted to wait → released.
    case queue
    /// Released → endpoint chosen.
    case route
    /// Endpoint chosen → upstream bytes ready, when a dialect is translated.
    case translateRequest
    /// Upstream bytes ready → connection usable.
    case acquire
    /// Connection usable → last request byte accepted by the socket.
    case send
    /// Last byte sent → response head.
    case wait
    /// Response head → last upstream byte, less gateway and client time.
    case stream
    /// Chunk at hand → chunk ready, when a dialect is translated; summed over the stream.
    case translateResponse
    /// Chunk ready → the client's socket took it; summed over the stream.
    case writeResponse
    /// Last content relayed and end of upstream seen → last byte flushed.
    case finish

    /// The number of stages.
    public static let count = 14

    /// The word used as metric label, log key and dashboard row.
    public var label: StaticString {
        switch self {
        case .readHead: "read_head"
        case .readBody: "read_body"
        case .inspect: "inspect"
        case .admit: "admit"
        case .queue: "queue"
        case .route: "route"
        case .translateRequest: "translate_request"
        case .acquire: "acquire"
        case .send: "send"
        case .wait: "wait"
        case .stream: "stream"
        case .translateResponse: "translate_response"
        case .writeResponse: "write_response"
        case .finish: "finish"
        }
    }

    /// Whom the request waits for in this stage.
    @inlinable
    public var party: Party {
        switch self {
        case .readHead, .readBody, .writeResponse: .client
        case .acquire, .send, .wait, .stream: .endpoint
        case .inspect, .admit, .queue, .route, .translateRequest, .translateResponse, .finish: .gateway
        }
    }

    /// Whether the stage belongs to one attempt on one endpoint.
    @inlinable
    public var isUpstream: Bool { self.party == .endpoint }
}

/// Who is being waited for.
public enum Party: UInt8, CaseIterable, Sendable {
    case client
    case gateway
    case endpoint

    /// The word used as metric label.
    public var label: StaticString {
        switch self {
        case .client: "client"
        case .gateway: "gateway"
        case .endpoint: "endpoint"
        }
    }
}
