import Domain
import Simulation
import Testing

/// A smaller form of `make simulate`, with the promises that docs/BALANCERS.md shows kept.
@Suite("Balancers, simulated")
struct SimulationTests {
    private static let plan = SimulationPlan(endpoints: 10, requests: 30_000, conversations: 1_500, seed: 42)

    @Test(
        "each spreads the load, loses nothing and uses an endpoint again that comes back",
        arguments: Balancer.allCases)
    func each(balancer: Balancer) throws {
        let result = try Simulation.run(Self.plan, balancer)
        #expect(result.lostRequests == 0)
        #expect(result.peakShare < 1.25)
        #expect(result.peakLoad < (balancer == .prefixAffinity ? 1.4 : 1.3))
        // The breaker opens after five failures; a few requests were under way.
        #expect((5...60).contains(result.failedAttempts))
        let recovery = try #require(result.recoverySeconds)
        #expect(recovery <= 35)
        #expect(try #require(result.comebackSeconds) <= 10)
    }

    @Test("prefix-affinity keeps 95 % of the conversations whose endpoint stays, none above 1.25 times the mean")
    func affinity() throws {
        let result = try Simulation.run(Self.plan, .prefixAffinity)
        #expect(result.keptOf > 1_000)
        #expect(result.keptShare >= 0.95)
        #expect(result.peakShare <= 1.25)
        #expect(result.hitRate > 0.9)
        let other = try Simulation.run(Self.plan, .leastConnections)
        #expect(other.hitRate < 0.5)
        #expect(result.medianFirstToken * 2 < other.medianFirstToken)
    }

    @Test("and the same seed gives the same figures")
    func seed() throws {
        let plan = SimulationPlan(endpoints: 5, requests: 3_000, conversations: 100, seed: 7)
        let first = try Simulation.run(plan, .powerOfTwoChoices)
        let second = try Simulation.run(plan, .powerOfTwoChoices)
        #expect(first.medianFirstToken == second.medianFirstToken)
        #expect(first.hitRate == second.hitRate)
    }
}
