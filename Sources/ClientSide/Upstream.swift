package import Catalog
import Domain
package import NIOCore
import Pipeline
package import Transport

/// The upstream side of the requests one client after another makes of an endpoint: what sets one engine apart.
///
/// It takes a request as bytes and tells the ``ClientConnection`` it serves what comes back, in this order:
/// `upstreamBytesArrived`, `responseHeadArrived`, `observeContent` with `relayContent` (or `relayChunks` and
/// `relayLastChunk`), `upstreamReadCompleted` at the end of each read, and last either `responseEnded` or
/// `upstreamFailed`. `upstreamDrained` says that it took what it had not taken at once.
///
/// - Isolation: one event loop, the client's.
/// - Bounds: an engine keeps one read's bytes of an answer; it stops reading while paused.
package protocol Upstream: AnyObject {
    /// Whether a connection that served before serves this request too, so that the backend may just have closed it.
    var isReused: Bool { get }
    /// Whether the head of the request went out when the upstream was opened.
    var hasHead: Bool { get }
    /// Whether everything written so far was taken.
    var isDrained: Bool { get }
    /// Whether it has taken bytes before, so that not being drained now means backpressure.
    var hasDrained: Bool { get }
    /// Whether a byte of the present answer has arrived.
    var hasAnswerBegun: Bool { get }
    /// Bytes received for the request being served.
    var received: Int { get }
    /// Whether the backend marked the end of the answer by closing the connection.
    var hasEndedByClosing: Bool { get }

    /// Starts serving a request.
    func serve(_ client: ClientConnection)
    /// Takes the head of the request and what there is of its body.
    ///
    /// - Parameters:
    ///   - head: the head, as HTTP/1.1, empty for one that ``hasHead``; what is left of it is the caller's again.
    ///   - body: the beginning of the body, or all of it, without framing.
    ///   - isChunked: whether the head announces chunks.
    ///   - isLast: whether this is all of the body.
    func begin(_ head: inout ByteBuffer, body: ByteBuffer, isChunked: Bool, isLast: Bool)
    /// Takes the next piece of the body, without framing.
    func write(_ piece: ByteBuffer, isLast: Bool)
    /// Pushes what was written.
    func flush()
    /// Withholds reads until ``resume()``: the client does not keep up.
    func pause()
    /// Lets reads go on.
    func resume()
    /// Ends the service after an answer that ended cleanly.
    ///
    /// - Parameter isRequestSent: the whole request went out, so that the next one starts at a message boundary.
    func release(isRequestSent: Bool)
    /// Ends the service at once; the request it served, if any, hears nothing more.
    func close()
}

/// Where one event loop's upstream sides come from.
///
/// - Isolation: its event loop.
package protocol UpstreamPool: AnyObject {
    /// The warmest idle upstream of an endpoint; nil when a new one has to be opened.
    func takeIdle(_ wire: EndpointWire) -> (any Upstream)?
    /// Opens an upstream; the completion is called on this loop, never before this returns.
    ///
    /// - Parameters:
    ///   - wire: the endpoint.
    ///   - head: what an upstream that ``Upstream/hasHead`` asks for the head of the request, once and after this
    ///     returned; nil when the request is gone, and then nothing is opened.
    ///   - completion: told the upstream, or why there is none.
    func open(
        _ wire: EndpointWire, head: @escaping () -> ByteBuffer?,
        completion: @escaping (Result<any Upstream, ConnectFailure>) -> Void)
    /// Keeps an upstream that was opened for a request which is gone.
    func parkUnused(_ upstream: any Upstream)
    /// Follows another configuration: keeps what idles where its endpoint stays.
    func adopt(_ fleet: FleetSnapshot)
    /// Closes what idles; what comes back from now on is closed too.
    func drain()
    /// Closes everything; the future succeeds when nothing of it is left.
    func stop() -> EventLoopFuture<Void>
}

/// How an engine reaches endpoints: what its loops take their ``UpstreamPool`` from.
///
/// Each engine is one value, which is an extension of its own target.
public struct UpstreamSide: Sendable {
    /// Makes the pool of a loop, which owns it.
    package let makePool: @Sendable (EngineLoop) -> any UpstreamPool

    /// An engine.
    package init(makePool: @escaping @Sendable (EngineLoop) -> any UpstreamPool) { self.makePool = makePool }
}
