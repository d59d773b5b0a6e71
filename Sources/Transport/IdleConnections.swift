/// The kept-alive upstream connections of one event loop that serve no request now.
///
/// Last in, first out per endpoint: the warmest connection is reused, the others age out.
///
/// - Isolation: one event loop.
/// - Bounds: ``Limits/perEndpoint`` for each endpoint and ``Limits/total`` together; the oldest makes room.
public struct IdleConnections<Connection: AnyObject> {
    /// How many connections may idle on this loop.
    public struct Limits: Sendable {
        /// Per endpoint.
        public var perEndpoint: Int
        /// On the whole loop.
        public var total: Int

        /// Explicit limits.
        public init(perEndpoint: Int, total: Int) {
            self.perEndpoint = perEndpoint
            self.total = total
        }
    }

    private let limits: Limits
    private var stacks: [[Connection]]
    /// How many connections idle on this loop.
    public private(set) var count = 0

    /// No connection yet, for `endpoints` endpoints.
    public init(endpoints: Int, limits: Limits) {
        self.limits = limits
        self.stacks = .init(repeating: [], count: endpoints)
    }

    /// Takes the connection that was used last, if one idles.
    public mutating func take(_ endpoint: Int) -> Connection? {
        guard endpoint < self.stacks.count, let connection = self.stacks[endpoint].popLast() else { return nil }
        self.count -= 1
        return connection
    }

    /// Keeps a connection.
    ///
    /// Returns the one that has to be closed for it, if any: the oldest of the endpoint, or the connection
    /// itself when the loop is full.
    public mutating func put(_ connection: Connection, for endpoint: Int) -> Connection? {
        guard endpoint < self.stacks.count else { return connection }
        if self.stacks[endpoint].count >= self.limits.perEndpoint {
            guard !self.stacks[endpoint].isEmpty else { return connection }
            let oldest = self.stacks[endpoint].removeFirst()
            self.stacks[endpoint].append(connection)
            return oldest
        }
        if self.count >= self.limits.total { return connection }
        self.stacks[endpoint].append(connection)
        self.count += 1
        return nil
    }

    /// Forgets a connection that was closed while idle.
    ///
    /// Returns whether it was here.
    public mutating func remove(_ connection: Connection, for endpoint: Int) -> Bool {
        guard endpoint < self.stacks.count,
            let position = self.stacks[endpoint].lastIndex(where: { $0 === connection })
        else { return false }
        self.stacks[endpoint].remove(at: position)
        self.count -= 1
        return true
    }

    /// Takes all connections out.
    public mutating func removeAll() -> [Connection] {
        let all = self.stacks.flatMap { $0 }
        for index in self.stacks.indices { self.stacks[index].removeAll() }
        self.count = 0
        return all
    }

    /// How many connections to an endpoint idle on this loop.
    public func count(for endpoint: Int) -> Int {
        endpoint < self.stacks.count ? self.stacks[endpoint].count : 0
    }
}
