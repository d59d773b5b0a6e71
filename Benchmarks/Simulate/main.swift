import Domain
import Simulation

// Prints docs/BALANCERS.md: `make simulate`.

let large = SimulationPlan(endpoints: 100, requests: 1_000_000, conversations: 20_000)
let small = SimulationPlan(endpoints: 10, requests: 100_000, conversations: 5_000)
let page = SimulationReport.markdown(
    try Balancer.allCases.map { try Simulation.run(large, $0) }, large,
    small: try Balancer.allCases.map { try Simulation.run(small, $0) }, small)
print(page, terminator: "")
