public import Domain

/// What is known only at the moment of a scrape, as plain values.
///
/// What is nil or empty has no series on the page. Moments are nanoseconds since the Unix epoch.
public struct ScrapeFacts: Sendable {
    /// What the operating system says about the process.
    public struct Process: Sendable {
        /// User and system time together.
        public var cpuTime: Nanoseconds
        /// Resident memory.
        public var residentBytes: Int
        /// Virtual memory.
        public var virtualBytes: Int
        /// Descriptors now open.
        public var openDescriptors: Int
        /// The most descriptors allowed.
        public var maxDescriptors: Int
        /// When the process started.
        public var startTime: Nanoseconds
        /// Bytes received over the network, if known.
        public var networkReceivedBytes: Int?
        /// Bytes sent over the network, if known.
        public var networkSentBytes: Int?
        /// Heap bytes in use, if the allocator tells.
        public var allocatedBytes: Int?
        /// Threads, if known.
        public var threads: Int?
        /// Processors that the process may run on, if known.
        public var processors: Int?
        /// The memory that the process may have: the container's limit, else the machine's.
        public var memoryLimitBytes: Int?

        /// The facts that are always known; the others start unknown.
        public init(
            cpuTime: Nanoseconds, residentBytes: Int, virtualBytes: Int, openDescriptors: Int,
            maxDescriptors: Int, startTime: Nanoseconds
        ) {
            self.cpuTime = cpuTime
            self.residentBytes = residentBytes
            self.virtualBytes = virtualBytes
            self.openDescriptors = openDescriptors
            self.maxDescriptors = maxDescriptors
            self.startTime = startTime
        }
    }

    /// The counters of the log writer, for records that no recorder counted.
    public struct Log: Sendable {
        /// Records accepted, by level.
        public var records: [LogLevelLabel: Int] = [:]
        /// Records dropped, by reason.
        public var dropped: [LogDropReason: Int] = [:]
        /// Bytes written.
        public var writtenBytes = 0
        /// Records waiting to be written.
        public var queuedRecords = 0

        /// Nothing logged yet.
        public init() {}
    }

    /// The moment of the scrape.
    public var wallTime = Nanoseconds.zero
    /// What the operating system says about the process.
    public var process: Process?
    /// What the log writer says.
    public var log: Log?
    /// CPU time of each event loop thread, in loop order.
    public var eventLoopCPU: [Nanoseconds] = []
    /// Configured endpoints that may be given requests, and those that may not.
    public var endpoints: (healthy: Int, unhealthy: Int)?
    /// Client buckets now held by the rate limiter.
    public var rateLimitTrackedClients = 0
    /// Client addresses that were refused by the rate limiter within the last hour.
    public var rateLimitedClients = 0
    /// The priorities of the endpoints, for the view that shows them.
    public var endpointPriorities: [EndpointSlot: Int] = [:]
    /// Sticky sessions now held.
    public var stickySessions = 0
    private(set) var inFlightByAge: InlineArray<5, Int64> = .init(repeating: 0)
    private(set) var oldestStart: Nanoseconds?

    /// Nothing known.
    public init() {}

    /// Adds a request now being served that began at `start`, seen at `now`.
    public mutating func addRequest(startedAt start: Nanoseconds, now: Nanoseconds) {
        self.inFlightByAge[Int(AgeClass(age: now - start).rawValue)] += 1
        self.oldestStart = min(self.oldestStart ?? start, start)
    }
}
