import SeededRandomness

/// Which requests of a mock go wrong, and how.
///
/// A request's fault is the first of: its `X-Mock-Fault` header, the next entry of ``script``, the
/// fault ``always`` applied, one drawn by ``odds``.
public struct FaultPlan: Equatable, Sendable {
    /// A fault with the chance that a request gets it.
    public struct Odds: Equatable, Sendable {
        /// What happens.
        public var fault: Fault
        /// How often, from 0 to 1.
        public var probability: Double

        /// Pairs a fault with its probability, which is clamped to that range.
        public init(_ fault: Fault, probability: Double) {
            self.fault = fault
            self.probability = min(max(0, probability), 1)
        }
    }

    /// The requests a plan is about.
    public enum Scope: String, Sendable {
        /// Those that ask a model for something; probes and listings stay well.
        case inference
        /// Every request but those to `/_mock/`.
        case everything
    }

    /// The fates of the next requests in order, used up from the front; nil is a good one.
    public var script: [Fault?]
    /// What every request gets once the script is used up.
    public var always: Fault?
    /// What some requests get; the first that is drawn counts.
    public var odds: [Odds]
    /// The requests the plan is about; the header acts on every request.
    public var scope: Scope
    /// Whether a request may ask for a fault by its `X-Mock-Fault` header.
    public var obeysHeader: Bool
    /// Decides the draws.
    public var seed: UInt64

    /// Makes a plan; by default nothing goes wrong unless a request asks for it.
    public init(
        script: [Fault?] = [], always: Fault? = nil, odds: [Odds] = [],
        scope: Scope = .inference, obeysHeader: Bool = true, seed: UInt64 = 1
    ) {
        self.script = script
        self.always = always
        self.odds = odds
        self.scope = scope
        self.obeysHeader = obeysHeader
        self.seed = seed
    }

    /// Takes the fault of the next request out of the plan.
    ///
    /// - Parameters:
    ///   - header: The value of the request's `X-Mock-Fault` header.
    ///   - isInference: Whether the request asks a model for something.
    ///   - random: The source of the draws.
    /// - Returns: What shall go wrong; nil when nothing shall.
    mutating func next(
        header: String?, isInference: Bool, random: inout SeededGenerator
    ) -> Fault? {
        if self.obeysHeader, let header, let fault = Fault(spelling: header) { return fault }
        guard self.scope == .everything || isInference else { return nil }
        if !self.script.isEmpty { return self.script.removeFirst() }
        if let always = self.always { return always }
        for entry in self.odds where random.nextUnit() < entry.probability { return entry.fault }
        return nil
    }
}
