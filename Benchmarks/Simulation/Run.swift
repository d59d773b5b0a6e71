import Catalog
import Domain
import Routing
import SeededRandomness

/// One run of a plan.
public struct Simulation {
    private enum Event {
        case arrival
        case firstToken(Attempt)
        case lastToken(Attempt)
        case refused(Attempt, tried: EndpointSet)
        case departure
        case comeback
    }

    private struct Attempt {
        var endpoint: Int
        var ticket: BreakerTicket
        var start: Double
        var request: Request
    }

    private struct Request {
        var conversation: Int
        var arrival: Double
    }

    private static let failing = 3

    private let leaving: Int
    let plan: SimulationPlan
    let balancer: Balancer
    private let router: Router
    private var fleet: Fleet
    private var caches: [PrefixCache]
    private var queue = EventQueue<Event>()
    private var random: SeededGenerator
    private var clock = 0.0
    private var arrivals = 0
    private let path = Array("/v1/chat/completions".utf8)
    private let model = Array("m".utf8)
    var log: SimulationLog

    init(_ plan: SimulationPlan, _ balancer: Balancer) throws {
        guard plan.endpoints > Self.failing + 1 else {
            throw SimulationFailure("a plan needs at least \(Self.failing + 2) endpoints")
        }
        self.plan = plan
        self.leaving = min(5, plan.endpoints - 1)
        self.balancer = balancer
        self.router = Router(balancer: balancer)
        self.fleet = try Fleet(count: plan.endpoints)
        self.caches = .init(repeating: PrefixCache(capacity: plan.cachedConversations), count: plan.endpoints)
        self.random = SeededGenerator(seed: plan.seed)
        self.log = SimulationLog(plan, failing: Self.failing, leaving: self.leaving)
    }

    mutating func run() {
        self.queue.add(.arrival, at: 0)
        self.queue.add(.departure, at: self.plan.departure)
        self.queue.add(.comeback, at: self.plan.comeback)
        while let (time, event) = self.queue.removeFirst() {
            self.clock = time
            switch event {
            case .arrival: self.arrive()
            case .firstToken(let attempt): self.firstToken(attempt)
            case .lastToken(let attempt): self.lastToken(attempt)
            case .refused(let attempt, let tried): self.refused(attempt, tried: tried)
            case .departure: try? self.fleet.setDown(self.leaving)
            case .comeback:
                self.caches[self.leaving].clear()
                try? self.fleet.setDown(nil)
            }
        }
    }

    private var now: MonotonicTime { MonotonicTime(rawValue: Int64((self.clock + 1_000) * 1e9)) }

    private var isOutage: Bool { (self.plan.outageStart..<self.plan.outageEnd).contains(self.clock) }

    private mutating func arrive() {
        self.arrivals += 1
        if self.arrivals < self.plan.requests {
            let gap = self.random.exponential(mean: 1 / (self.plan.rate * Double(self.plan.endpoints)))
            self.queue.add(.arrival, at: self.clock + gap)
        }
        // Some conversations are livelier than others.
        let draw = self.random.nextUnit()
        let conversation = Int(draw * draw.squareRoot() * Double(self.plan.conversations))
        self.choose(Request(conversation: conversation, arrival: self.clock), tried: EndpointSet())
    }

    private mutating func choose(_ request: Request, tried: EndpointSet) {
        let question = RouteRequest(
            kind: .proxy, excluded: tried, now: self.now, random: self.random.next(),
            affinity: SessionKey.affinity(of: UInt64(request.conversation), model: self.model.span))
        let (path, model) = (self.path, self.model)
        let result = self.router.pick(question, path: path.span, model: model.span, in: self.fleet.snapshot)
        guard case .routed(let decision) = result else {
            self.log.lost += 1
            return
        }
        let place = Int(decision.endpoint.rawValue)
        let attempt = Attempt(endpoint: place, ticket: decision.ticket, start: self.clock, request: request)
        if place == Self.failing, self.isOutage {
            var tried = tried
            tried.insert(decision.endpoint)
            self.queue.add(.refused(attempt, tried: tried), at: self.clock + 0.005)
            return
        }
        let isHit = self.caches[place].use(request.conversation)
        self.log.chosen(place, conversation: request.conversation, isHit: isHit, at: self.clock)
        let active = Double(self.fleet.lives[place].active)
        let slowdown = 1 + active / self.plan.slowdownRequests
        let first = (isHit ? self.plan.warmSeconds : self.plan.coldSeconds) * slowdown
        self.queue.add(.firstToken(attempt), at: self.clock + first)
        let decode = self.random.exponential(mean: self.plan.decodeSeconds) * slowdown
        self.queue.add(.lastToken(attempt), at: self.clock + first + decode)
    }

    private mutating func refused(_ attempt: Attempt, tried: EndpointSet) {
        let live = self.fleet.lives[attempt.endpoint]
        live.end()
        live.experience.failed(after: .milliseconds(5), at: self.now)
        _ = live.breaker.recordFailure(attempt.ticket, at: self.now)
        self.log.failedAttempts += 1
        self.choose(attempt.request, tried: tried)
    }

    private mutating func firstToken(_ attempt: Attempt) {
        let waited = self.clock - attempt.start
        let live = self.fleet.lives[attempt.endpoint]
        live.experience.answered(after: Nanoseconds(rawValue: Int64(waited * 1e9)), at: self.now)
        self.log.firstToken(after: self.clock - attempt.request.arrival, at: self.clock)
    }

    private mutating func lastToken(_ attempt: Attempt) {
        let live = self.fleet.lives[attempt.endpoint]
        live.end()
        _ = live.breaker.recordSuccess(attempt.ticket, at: self.now)
        self.log.worked(attempt.endpoint, from: attempt.start, to: self.clock)
    }

    func result() -> SimulationResult { self.log.result(self.balancer) }
}
