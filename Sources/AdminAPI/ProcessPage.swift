import Domain
import Pipeline
import Telemetry

/// The page of `/internal/process` (http-surface 1.7).
///
/// The names are notions of Go and stay for whoever reads them: the heap is the allocator's, `goroutines` are threads,
/// and what does not exist here, such as a garbage collector, is 0 or an empty text.
struct ProcessPage {
    /// What the operating system says; nil where it says nothing.
    let process: ScrapeFacts.Process?
    let uptime: Nanoseconds
    /// The compiler of this build.
    let compiler: String

    func document(wallTime: Nanoseconds) -> JSONValue {
        .object([
            ("timestamp", .string(DisplayText.time(wallTime))),
            ("memory", self.memory),
            (
                "garbage_collection",
                .object([
                    ("last_gc", ""), ("total_gc_time", ""), ("avg_gc_pause", ""), ("gc_cpu_fraction", .number(0)),
                    ("num_gc_cycles", .integer(0)),
                ])
            ),
            (
                "goroutines",
                .object([
                    ("health_status", .string(Self.level(ofThreads: self.threads))),
                    ("count", .integer(self.threads)), ("cgo_calls", .integer(0)),
                ])
            ),
            (
                "runtime",
                .object([
                    ("uptime", .string(DisplayText.duration(self.uptime))), ("go_version", .string(self.compiler)),
                    ("num_cpu", .integer(self.process?.processors ?? 0)),
                    ("gomaxprocs", .integer(self.process?.processors ?? 0)),
                ])
            ),
            (
                "allocations",
                .object([
                    ("total_mallocs", .integer(0)), ("total_frees", .integer(0)), ("net_objects", .integer(0)),
                ])
            ),
        ])
    }

    private var threads: Int { self.process?.threads ?? 0 }

    private var memory: JSONValue {
        let resident = self.process?.residentBytes ?? 0
        let inUse = self.process?.allocatedBytes ?? resident
        return .object([
            ("heap_alloc", .string(DisplayText.bytes(inUse))),
            ("heap_sys", .string(DisplayText.bytes(max(resident, inUse)))),
            ("heap_inuse", .string(DisplayText.bytes(inUse))),
            ("heap_released", .string(DisplayText.bytes(0))),
            ("stack_inuse", .string(DisplayText.bytes(0))),
            ("total_alloc", .string(DisplayText.bytes(0))),
            ("memory_pressure", .string(Self.pressure(resident, of: self.process?.memoryLimitBytes))),
        ])
    }

    /// How much of the memory that the process may have is resident: from 70 % on `MEDIUM`, from 85 % on `HIGH`.
    static func pressure(_ resident: Int, of limit: Int?) -> String {
        guard let limit, limit > 0 else { return "LOW" }
        let share = Double(resident) / Double(limit)
        return share >= 0.85 ? "HIGH" : share >= 0.7 ? "MEDIUM" : "LOW"
    }

    /// The level of a count of threads, by the bounds of the compatible system.
    static func level(ofThreads count: Int) -> String {
        switch count {
        case ...100: "HEALTHY"
        case ...500: "NORMAL"
        case ...1_000: "ELEVATED"
        default: "CONCERNING"
        }
    }
}

extension AdminRoutes {
    /// The figures of the process.
    func processFigures() async -> LocalResponse {
        let (_, facts) = await self.sources.collect(self.sources.now() + Self.collectionTimeMax)
        let page = ProcessPage(
            process: facts.process, uptime: self.sources.wallTime() - self.configuration.startTime,
            compiler: self.configuration.swiftVersion)
        return .json(page.document(wallTime: self.sources.wallTime()))
    }
}
