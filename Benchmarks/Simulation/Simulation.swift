public import Domain

/// What is simulated: a fleet of inference servers behind the gateway, on a clock that costs no time.
///
/// Requests of many conversations come at random (a Poisson process). A server reads a prompt slowly unless it still
/// holds the conversation's prefix, and the more requests it works on the slower each gets. One server answers 503 to
/// everything for a while, another one goes and comes back. Endpoints, breakers and choices are the gateway's own.
public struct SimulationPlan: Sendable {
    /// How many endpoints there are.
    public var endpoints: Int
    /// How many requests come in all.
    public var requests: Int
    /// How many conversations they belong to.
    public var conversations: Int
    /// Requests a second per endpoint.
    public var rate: Double
    /// How many conversations an endpoint holds prefixes of.
    public var cachedConversations: Int
    /// Mean seconds until the last token behind the first one, on an endpoint that works on nothing else.
    public var decodeSeconds = 1.0
    /// Seconds until the first token without the prefix.
    public var coldSeconds = 0.4
    /// Seconds until the first token with the prefix.
    public var warmSeconds = 0.05
    /// How many requests at once double the time of each.
    public var slowdownRequests = 20.0
    /// Seconds of the outage.
    public var outageSeconds = 60.0
    /// The seed of all chance.
    public var seed: UInt64

    /// A plan; times and shares are those of a fleet under an ordinary load.
    public init(endpoints: Int, requests: Int, conversations: Int, rate: Double = 10, seed: UInt64 = 1) {
        self.endpoints = endpoints
        self.requests = requests
        self.conversations = conversations
        self.rate = rate
        self.cachedConversations = max(1, conversations * 3 / 2 / endpoints)
        self.seed = seed
    }

    /// Virtual seconds from the first request to the last.
    public var duration: Double { Double(self.requests) / (self.rate * Double(self.endpoints)) }
    /// Before this the caches fill; nothing is measured.
    var warmUpEnd: Double { self.duration * 0.1 }
    /// When the outage begins.
    var outageStart: Double { self.duration * 0.4 }
    /// When it ends.
    var outageEnd: Double { self.outageStart + min(self.outageSeconds, self.duration * 0.1) }
    /// When an endpoint goes.
    var departure: Double { self.duration * 0.7 }
    /// When it comes back.
    var comeback: Double { self.duration * 0.85 }
}

/// What a simulation shows about a balancer.
public struct SimulationResult: Sendable {
    /// The balancer.
    public var balancer: Balancer
    /// The most requests an endpoint got, over the mean, in ordinary times.
    public var peakShare = 0.0
    /// The highest mean of requests at work on an endpoint, over that of all.
    public var peakLoad = 0.0
    /// The share of requests that found their prefix.
    public var hitRate = 0.0
    /// Half of the requests had their first token by then, in seconds.
    public var medianFirstToken = 0.0
    /// All but one in a hundred had.
    public var slowFirstToken = 0.0
    /// Attempts that the failing endpoint answered 503.
    public var failedAttempts = 0
    /// Requests that got no answer at all.
    public var lostRequests = 0
    /// Seconds from the end of the outage until the endpoint carries four fifths of its share; nil for never.
    public var recoverySeconds: Double?
    /// The same for the endpoint that comes back.
    public var comebackSeconds: Double?
    /// Of the conversations whose endpoint stayed, the share that stayed with it when another one went.
    public var keptShare = 0.0
    /// How many conversations that is a share of.
    public var keptOf = 0
}

extension Simulation {
    /// Runs a plan with a balancer.
    public static func run(_ plan: SimulationPlan, _ balancer: Balancer) throws -> SimulationResult {
        var simulation = try Simulation(plan, balancer)
        simulation.run()
        return simulation.result()
    }
}
