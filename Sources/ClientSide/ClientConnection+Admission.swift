import Domain
import HTTPWire
import Journal
import NIOCore
import Pipeline
import Telemetry
import Transport

// Who is let in, and how often (http-surface 6.1 and 6.2).

/// What `X-RateLimit-Limit`, `-Remaining` and `-Reset` say.
struct RateNote: Sendable {
    /// Requests a minute of one address; 0 when that limit is off.
    var limit: Int
    /// Whole requests left.
    var remaining: Int64
    /// When the bucket is full, in seconds since 1970-01-01T00:00:00Z.
    var reset: Int64

    /// Appends the fields to an answer of our own.
    func append(to fields: inout [(name: String, value: String)]) {
        fields.append(("X-RateLimit-Limit", String(self.limit)))
        fields.append(("X-RateLimit-Remaining", String(self.remaining)))
        fields.append(("X-RateLimit-Reset", String(self.reset)))
    }

    /// Writes the lines into a relayed head; allocates nothing.
    func write(to writer: inout HeadWriter) {
        writer.field("X-RateLimit-Limit", decimal: UInt64(max(0, self.limit)))
        writer.field("X-RateLimit-Remaining", decimal: UInt64(max(0, self.remaining)))
        writer.field("X-RateLimit-Reset", decimal: UInt64(max(0, self.reset)))
    }
}

extension ClientConnection {
    /// Whether the request may go on; it has been answered when not.
    ///
    /// The address is asked first, then the key, then its limits, then the limit of all. A request refused by a later
    /// limit gives back what it took of the earlier ones; one without a valid key does not, so that keys cannot be guessed
    /// faster than the address may ask.
    func isAdmitted(by admission: Admission, at now: MonotonicTime) -> Bool {
        let exchange = self.exchange
        exchange.admission = admission
        let address = self.findClient(admission.rules.trusted)
        if exchange.match.target == .local(.health), let address,
            let reading = admission.takeHealth(address, at: now)
        {
            self.loop.recorder.rateLimited(.health, reading.isAllowed ? .allowed : .rejected)
            return reading.isAllowed ? true : self.refuseRate(reading)
        }
        let isLimited = self.isForwarded
        if isLimited, let address, let reading = admission.takeClient(address, at: now) {
            self.loop.recorder.rateLimited(.perIP, reading.isAllowed ? .allowed : .rejected)
            self.noteRate(reading, limit: admission.rules.clientPerMinute)
            if !reading.isAllowed { return self.refuseRate(reading) }
        }
        if !admission.keys.isEmpty, self.needsKey, !self.isKeyAccepted(admission, address: address, at: now) {
            return false
        }
        guard isLimited, let reading = admission.takeGlobal(at: now) else { return true }
        self.loop.recorder.rateLimited(.global, reading.isAllowed ? .allowed : .rejected)
        if exchange.rate == nil { self.noteRate(reading, limit: admission.rules.clientPerMinute) }
        if reading.isAllowed { return true }
        if let address { admission.giveBackClient(address) }
        if let key = exchange.clientKey { admission.keys.giveBack(key) }
        exchange.rate?.remaining = 0
        return self.refuseRate(reading)
    }

    /// Whether the request goes to a backend.
    private var isForwarded: Bool {
        switch self.exchange.match.target {
        case .local, .redirect, .methodNotAllowed, .notFound: false
        default: true
        }
    }

    /// Everything below `/olla/` needs a key, listings too; probes and scrapes do not.
    private var needsKey: Bool {
        switch self.exchange.match.routeClass {
        case .proxy, .provider, .translator, .models: true
        case .internal, .other: false
        }
    }

    private func noteRate(_ reading: BucketReading, limit: Int) {
        let full = self.loop.wallClock(at: reading.fullAt)
        self.exchange.rate = RateNote(
            limit: limit, remaining: reading.remaining, reset: (full + 999_999_999) / 1_000_000_000)
    }

    private func refuseRate(_ reading: BucketReading, text: String? = nil) -> Bool {
        self.loop.recorder.admission(.rateLimited)
        self.exchange.refusal = "rate limit"
        // Where the bucket never holds a token, a minute is as good an answer as any.
        let never = reading.retryAt == .distantFuture
        let now = Clock.now()
        let moment = never ? now + .seconds(60) : max(reading.retryAt, now + Nanoseconds(rawValue: 1))
        self.refuse(GatewayAnswer(.rateLimited), text: text, retryAt: moment)
        return false
    }

    // MARK: Addresses

    /// The client's address: the peer's, or what trusted proxies say about it.
    private func findClient(_ trusted: TrustedPeers?) -> NetworkAddress? {
        guard let trusted, let peer = self.peer, trusted.contains(peer) else { return self.peer }
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        for index in (0..<self.head.fields.count).reversed() {
            let field = self.head.fields[index]
            guard field.known == .xForwardedFor else { continue }
            switch trusted.client(in: bytes.extracting(field.value)) {
            case .client(let range, let address):
                let start = field.value.lowerBound
                self.exchange.clientField = (start + range.lowerBound)..<(start + range.upperBound)
                return address
            case .unknown: return peer
            case .allTrusted: continue
            }
        }
        guard let field = self.head.first(.xRealIP),
            let address = TrustedPeers.address(bytes.extracting(field.value))
        else { return peer }
        self.exchange.clientField = field.value
        return address
    }

    // MARK: Keys

    private func isKeyAccepted(_ admission: Admission, address: NetworkAddress?, at now: MonotonicTime) -> Bool {
        guard let key = self.findKey(admission) else {
            self.loop.recorder.admission(.unauthorized)
            self.exchange.refusal = "no known client key"
            self.refuse(GatewayAnswer(.unauthorized))
            return false
        }
        let slots = self.loop.shared.clientKeySlots
        self.exchange.clientKey = key
        self.exchange.clientKeySlot = slots.indices.contains(key) ? slots[key] : .other
        guard self.isForwarded, let reading = admission.keys.take(key, at: now) else { return true }
        if let address { admission.giveBackClient(address) }
        return self.refuseRate(reading, text: "Too Many Requests: the limit of this client key is used up")
    }

    /// The first of the places where a key may stand decides.
    private func findKey(_ admission: Admission) -> Int? {
        let head = self.headBytes
        let bytes = head.readableBytesSpan
        let name = admission.rules.keyHeader
        if !name.isEmpty {
            for index in 0..<self.head.fields.count {
                let field = self.head.fields[index]
                if bytes.extracting(field.name).isName(name) {
                    return admission.keys.find(bytes.extracting(field.value))
                }
            }
        }
        if let field = self.head.first(.authorization) {
            let value = bytes.extracting(field.value)
            if let range = ClientKeys.bearer(value) { return admission.keys.find(value.extracting(range)) }
        }
        if let field = self.head.first(.xApiKey) { return admission.keys.find(bytes.extracting(field.value)) }
        return nil
    }

    /// Counts the request under its key and charges the tokens it used.
    func recordClientKey() {
        let exchange = self.exchange
        guard let key = exchange.clientKey, let admission = exchange.admission else { return }
        self.loop.recorder.clientKeyUsed(exchange.clientKeySlot, exchange.machine.outcome)
        let usage = exchange.observation.usage
        guard usage.isKnown else { return }
        let (sum, overflows) = max(0, usage.input).addingReportingOverflow(max(0, usage.output))
        admission.keys.charge(key, tokens: overflows ? .max : sum, at: exchange.machine.timeline.end)
    }

    /// The name of the key, never its value.
    func writeClientKey(to line: inout LogLine) {
        guard let key = self.exchange.clientKey, let admission = self.exchange.admission else { return }
        line.string(.clientKey, admission.rules.keys[key].name)
    }
}
