import Workloads

// Times every workload and fails when one takes longer than the gateway promises.
//
//     make bench-micro
//     .build/release/microbench [--json] [WORD …]     only workloads whose name holds one of the words

let words = CommandLine.arguments.dropFirst()
let names = words.filter { !$0.hasPrefix("--") }
let workloads = try Workloads.all().filter { workload in
    names.isEmpty || names.contains { workload.name.contains($0) }
}
let results = workloads.map { Stopwatch.measure($0) }
print(words.contains("--json") ? Report.json(results) : Report.page(results))
for failure in results.compactMap(\.failure) { Report.complain(failure) }
if results.contains(where: { $0.failure != nil }) { Report.exitWithFailure() }
