import Catalog
import Domain
import Routing
import Synchronization
import Testing

@Suite("The queue for a place")
struct WaitingRoomTests {
    /// Notes who was called, in order.
    private final class Calls: Sendable {
        private let names = Mutex<[String]>([])
        var all: [String] { self.names.withLock { $0 } }
        func add(_ name: String) { self.names.withLock { $0.append(name) } }
    }

    private let room = WaitingRoom(policy: .init(length: 3))
    private let calls = Calls()
    private let now = MonotonicTime.zero + .seconds(100)

    private func enter(_ name: String, _ candidates: EndpointSet, after time: Nanoseconds = .zero) -> Waiter? {
        let calls = self.calls
        return self.room.enter(candidates, at: self.now + time) { calls.add(name) }
    }

    @Test("calls whoever comes first at once, for a place may just have become free")
    func first() {
        #expect(self.enter("a", endpoints(0)) != nil)
        #expect(self.calls.all == ["a"])
        #expect(self.enter("b", endpoints(0)) != nil)
        #expect(self.calls.all == ["a"])
    }

    @Test("is first come, first served; the called one keeps its place until it leaves")
    func order() throws {
        let waiters = try ["a", "b", "c"].map { try #require(self.enter($0, endpoints(0, 1))) }
        self.room.stay(waiters[0])
        self.room.placeFreed(on: EndpointIndex(rawValue: 1))
        #expect(self.calls.all == ["a", "a"])
        // It came to nothing.
        self.room.stay(waiters[0])
        self.room.placeFreed(on: EndpointIndex(rawValue: 0))
        #expect(self.calls.all == ["a", "a", "a"])
        self.room.leave(waiters[0])
        #expect(self.calls.all == ["a", "a", "a", "b"])
        self.room.leave(waiters[1])
        self.room.leave(waiters[2])
        #expect(self.calls.all.last == "c")
        #expect(self.room.count == 0)
        // Twice does no harm.
        self.room.leave(waiters[2])
        #expect(self.room.count == 0)
    }

    @Test("calls the oldest of the lines that wait for an endpoint, and nobody else")
    func lines() throws {
        let both = try #require(self.enter("both", endpoints(0, 1)))
        let one = try #require(self.enter("one", endpoints(1)))
        self.room.stay(both)
        self.room.stay(one)
        self.room.placeFreed(on: EndpointIndex(rawValue: 2))
        #expect(self.calls.all == ["both", "one"])
        self.room.placeFreed(on: EndpointIndex(rawValue: 1))
        self.room.placeFreed(on: EndpointIndex(rawValue: 1))
        #expect(self.calls.all == ["both", "one", "both", "one"])
        self.room.stay(both)
        self.room.stay(one)
        self.room.callEveryLine()
        #expect(self.calls.all.count == 6)
    }

    @Test("takes as many as its length in each line")
    func length() throws {
        let waiters = ["a", "b", "c"].compactMap { self.enter($0, endpoints(0)) }
        #expect(waiters.count == 3)
        #expect(self.enter("d", endpoints(0)) == nil)
        #expect(self.enter("other line", endpoints(1)) != nil)
        #expect(self.room.count == 4)
        self.room.leave(waiters[1])
        #expect(self.enter("d", endpoints(0)) != nil)
        #expect(WaitingRoom(policy: .init(length: 0)).enter(endpoints(0), at: self.now) {} == nil)
    }

    @Test("tells how long the next one has waited")
    func wait() throws {
        #expect(self.room.wait(for: endpoints(0), at: self.now) == .zero)
        _ = self.enter("a", endpoints(0))
        _ = self.enter("b", endpoints(0), after: .seconds(3))
        #expect(self.room.wait(for: endpoints(0), at: self.now + .seconds(5)) == .seconds(5))
    }

    @Test("lets a waiter that is late call the next one on")
    func passesOn() throws {
        let first = try #require(self.enter("a", endpoints(0)))
        _ = self.enter("b", endpoints(0))
        self.room.leave(first)
        #expect(self.calls.all == ["a", "b"])
    }

    // MARK: With the router

    private func fleet() throws -> TestFleet {
        try TestFleet([.init(models: ["m"], limit: 1), .init(models: ["m"], limit: 1), .init(models: ["other"])])
    }

    private func question(_ fleet: TestFleet, called: Bool = false, excluding: EndpointSet = .init()) -> RouteRequest {
        RouteRequest(kind: .proxy, excluded: excluding, now: fleet.now, random: 0, isCalled: called)
    }

    @Test("is joined when every candidate is at its limit, and newcomers do not overtake")
    func newcomers() throws {
        let fleet = try self.fleet()
        let router = Router(rules: .init(), room: self.room)
        func pick(_ request: RouteRequest) -> RouteResult {
            router.pick(request, path: "/v1/x".utf8.span, model: "m".utf8.span, in: fleet.snapshot)
        }
        #expect(pick(self.question(fleet)).decision != nil)
        #expect(pick(self.question(fleet)).decision != nil)
        guard case .rejected(let rejection) = pick(self.question(fleet)) else {
            Issue.record("routed")
            return
        }
        #expect(rejection.kind == .allAtCapacity)
        #expect(rejection.line == endpoints(0, 1))
        let waiter = try #require(self.enter("a", rejection.line))
        fleet.live(0).end()
        self.room.stay(waiter)
        self.room.placeFreed(on: EndpointIndex(rawValue: 0))
        // A place is free, but not for who came later.
        guard case .rejected(let late) = pick(self.question(fleet)) else {
            Issue.record("overtook")
            return
        }
        #expect(late.kind == .allAtCapacity)
        #expect(pick(self.question(fleet, called: true)).decision?.endpoint.rawValue == 0)
        self.room.leave(waiter)
    }

    @Test("is open to a retry, unless it is full")
    func retries() throws {
        let fleet = try self.fleet()
        let router = Router(rules: .init(), room: WaitingRoom(policy: .init(length: 1)))
        #expect(fleet.live(1).tryBegin(limit: 1))
        let retry = self.question(fleet, excluding: endpoints(0))
        func has() -> Bool {
            router.hasCandidate(retry, path: "/v1/x".utf8.span, model: "m".utf8.span, in: fleet.snapshot)
        }
        #expect(has())
        guard
            case .rejected(let rejection) = router.pick(
                retry, path: "/v1/x".utf8.span, model: "m".utf8.span, in: fleet.snapshot)
        else {
            Issue.record("routed")
            return
        }
        #expect(rejection.kind == .allAtCapacity)
        #expect(rejection.line == endpoints(1))
        _ = router.room.enter(rejection.line, at: fleet.now) {}
        #expect(!has())
    }
}
