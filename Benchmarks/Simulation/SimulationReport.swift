import Domain
import Foundation

/// The page docs/BALANCERS.md.
public enum SimulationReport {
    /// The page as Markdown.
    ///
    /// - Parameters:
    ///   - large: results of the large plan.
    ///   - plan: the large plan.
    ///   - small: results of the plan with ten endpoints.
    ///   - smallPlan: that plan.
    /// - Returns: the text.
    public static func markdown(
        _ large: [SimulationResult], _ plan: SimulationPlan, small: [SimulationResult], _ smallPlan: SimulationPlan
    ) -> String {
        """
        # Balancers compared

        Written by `make simulate`. The gateway's own router, breakers and endpoint records choose; the servers and the \
        clock are simulated (Benchmarks/Simulation), so the figures are the same on every machine.

        A server needs \(Self.milliseconds(plan.coldSeconds)) to the first token, \
        \(Self.milliseconds(plan.warmSeconds)) when it still holds the conversation's prefix, then \
        \(Self.seconds(plan.decodeSeconds)) on average to the last one; \(Int(plan.slowdownRequests)) requests at once \
        double its times. One server answers 503 to everything for \(Int(plan.outageEnd - plan.outageStart)) s; its \
        breaker opens for 30 s at a time. Another one goes and comes back with an empty cache.

        ## \(plan.endpoints) endpoints, \(Self.grouped(plan.requests)) requests of \
        \(Self.grouped(plan.conversations)) conversations

        \(Self.table(large))

        ## \(smallPlan.endpoints) endpoints, \(Self.grouped(smallPlan.requests)) requests of \
        \(Self.grouped(smallPlan.conversations)) conversations

        \(Self.table(small))

        - *Peak requests*, *peak load*: the most requests, and the most requests at work, of one endpoint over the mean.
        - *Prefix hits*: requests that found their prefix on the endpoint. *TTFT*: time to first token.
        - *503s*: attempts that the failing server answered; each of them went on to another endpoint. *Lost*: requests
          without an answer.
        - *Recovery*: from the end of the outage until the endpoint carries four fifths of its share again; most of it is
          the breaker's wait. *Comeback*: the same for the endpoint that had gone.
        - *Kept*: of the conversations whose endpoint stayed when another one went, those that stayed with it.

        ## Which one

        - `least-connections` (the default): no settings, no surprises; spreads by what is running.
        - `round-robin`, `priority`: for fleets of equals, and for fleets with a preferred part.
        - `p2c`: as even as `least-connections` with several gateways before one fleet, which do not see each other's
          requests and would all run to the same least loaded endpoint; keeps away from endpoints that failed lately.
        - `ewma`: for fleets of unequal hardware; follows the time to first token, and takes 429 and 5xx for slow answers.
        - `prefix-affinity`: for chats with long prompts on servers that cache prefixes (vLLM, SGLang, llama.cpp). Every
          gateway makes the same choice without talking to the others.

        """
    }

    private static func table(_ results: [SimulationResult]) -> String {
        var lines = [
            "| Balancer | Peak requests | Peak load | Prefix hits | TTFT median | TTFT p99 | 503s | Lost | Recovery "
                + "| Comeback | Kept |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for result in results {
            let cells = [
                "`\(result.balancer.label)`", self.times(result.peakShare), self.times(result.peakLoad),
                self.percent(result.hitRate), self.milliseconds(result.medianFirstToken),
                self.milliseconds(result.slowFirstToken), "\(result.failedAttempts)", "\(result.lostRequests)",
                result.recoverySeconds.map(self.seconds) ?? "–", result.comebackSeconds.map(self.seconds) ?? "–",
                self.percent(result.keptShare),
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n")
    }

    private static func times(_ figure: Double) -> String { String(format: "%.2f ×", figure) }
    private static func percent(_ figure: Double) -> String { String(format: "%.1f %%", figure * 100) }
    private static func milliseconds(_ figure: Double) -> String { String(format: "%.0f ms", figure * 1_000) }
    private static func seconds(_ figure: Double) -> String { String(format: "%.0f s", figure) }

    private static func grouped(_ number: Int) -> String {
        var text = String(number)
        var place = text.count - 3
        while place > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: place))
            place -= 3
        }
        return text
    }
}
