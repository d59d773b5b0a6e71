import NIOCore

/// One connection of AsyncHTTPClient's pool, as the engine sees it.
///
/// - Isolation: one event loop.
final class PooledConnection {
    let channel: any Channel
    /// The client, which outlives its connections.
    unowned let owner: EndpointClient
    /// How many attempts it serves now: one at most by HTTP/1.1.
    private(set) var runs = 0
    /// How many attempts it has served or is serving.
    private(set) var served = 0
    var isClosed = false

    init(_ channel: any Channel, of owner: EndpointClient) {
        self.channel = channel
        self.owner = owner
    }

    func taken() {
        self.runs += 1
        self.served += 1
        self.owner.connectionTaken(self)
    }

    func freed() {
        self.runs -= 1
        self.owner.connectionFreed(self)
    }

    /// Closes it unless an attempt has taken it meanwhile.
    func closeIfIdle() {
        if self.runs == 0 { self.channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension PooledConnection: Sendable {}
