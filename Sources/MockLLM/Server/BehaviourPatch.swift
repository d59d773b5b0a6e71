/// A change of a mock's behaviour as JSON; what is absent stays as it is.
///
/// | Member | Value |
/// |---|---|
/// | `models` | list of names |
/// | `ttft_ms`, `gap_ms` | number of milliseconds |
/// | `jitter`, `speed` | number; ``TokenPacing`` |
/// | `answer_tokens` | `[least, most]` |
/// | `seed` | integer |
/// | `always_reasons`, `always_calls_tools` | boolean |
/// | `faults` | list of fault spellings or null: the script of the next requests |
/// | `fault` | spelling or null: what every request gets |
/// | `fault_odds` | list of `{"fault": spelling, "probability": 0 ... 1}` |
/// | `fault_scope` | `inference` or `everything` |
/// | `fault_seed` | integer |
/// | `listening` | boolean; false refuses connections and resets the open ones but the asking one |
struct BehaviourPatch {
    /// Why a patch was refused.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case notAnObject
        case unknownMember(String)
        case badValue(String)

        var description: String {
            switch self {
            case .notAnObject: "the body must be a JSON object"
            case .unknownMember(let key): "unknown member '\(key)'"
            case .badValue(let key): "bad value for '\(key)'"
            }
        }
    }

    /// Whether the mock shall listen; nil leaves it.
    private(set) var listens: Bool?
    private var changes: [@Sendable (inout MockBehaviour) -> Void] = []

    func apply(to behaviour: inout MockBehaviour) {
        for change in self.changes { change(&behaviour) }
    }

    init(_ document: JSONValue) throws(Failure) {
        guard case .object(let members) = document else { throw Failure.notAnObject }
        for member in members {
            if member.key == "listening" {
                guard let flag = member.value.bool else { throw .badValue(member.key) }
                self.listens = flag
                continue
            }
            if let change = try Self.pacing(member) {
                self.changes.append(change)
            } else if let change = try Self.faults(member) {
                self.changes.append(change)
            } else if let change = try Self.answers(member) {
                self.changes.append(change)
            } else {
                throw .unknownMember(member.key)
            }
        }
    }

    private typealias Change = @Sendable (inout MockBehaviour) -> Void

    private static func pacing(_ member: JSONMember) throws(Failure) -> Change? {
        guard ["ttft_ms", "gap_ms", "jitter", "speed"].contains(member.key) else { return nil }
        guard let value = member.value.double, (0...86_400_000).contains(value) else {
            throw .badValue(member.key)
        }
        let wait = Duration.microseconds(Int64(value * 1000))
        switch member.key {
        case "ttft_ms": return { $0.pacing.firstToken = wait }
        case "gap_ms": return { $0.pacing.gap = wait }
        case "jitter": return { $0.pacing.jitter = min(1, value) }
        default: return { $0.pacing.speed = value }
        }
    }

    private static func faults(_ member: JSONMember) throws(Failure) -> Change? {
        switch member.key {
        case "faults":
            guard let entries = member.value.array else { throw .badValue(member.key) }
            var script: [Fault?] = []
            for entry in entries { script.append(try Self.fault(entry, of: member.key)) }
            return { [script] in $0.faults.script = script }
        case "fault":
            let fault = try Self.fault(member.value, of: member.key)
            return { $0.faults.always = fault }
        case "fault_odds":
            guard let entries = member.value.array else { throw .badValue(member.key) }
            var odds: [FaultPlan.Odds] = []
            for entry in entries {
                guard let fault = try Self.fault(entry["fault"] ?? nil, of: member.key),
                    let probability = entry["probability"]?.double
                else { throw .badValue(member.key) }
                odds.append(FaultPlan.Odds(fault, probability: probability))
            }
            return { [odds] in $0.faults.odds = odds }
        case "fault_scope":
            guard let scope = member.value.string.flatMap(FaultPlan.Scope.init(rawValue:)) else {
                throw .badValue(member.key)
            }
            return { $0.faults.scope = scope }
        case "fault_seed":
            guard let seed = member.value.integer else { throw .badValue(member.key) }
            return { $0.faults.seed = UInt64(bitPattern: Int64(seed)) }
        default: return nil
        }
    }

    private static func fault(_ value: JSONValue, of key: String) throws(Failure) -> Fault? {
        if value == nil { return nil }
        guard let fault = value.string.flatMap(Fault.init(spelling:)) else { throw .badValue(key) }
        return fault
    }

    private static func answers(_ member: JSONMember) throws(Failure) -> Change? {
        switch member.key {
        case "models":
            guard let entries = member.value.array, entries.allSatisfy({ $0.string != nil }) else {
                throw .badValue(member.key)
            }
            let models = entries.compactMap(\.string).map { MockModel($0) }
            return { $0.models = models }
        case "answer_tokens":
            guard let bounds = member.value.array?.compactMap(\.integer), bounds.count == 2,
                1 <= bounds[0], bounds[0] <= bounds[1], bounds[1] <= MockBehaviour.answerTokensMax
            else { throw .badValue(member.key) }
            return { $0.answerTokens = bounds[0]...bounds[1] }
        case "seed":
            guard let seed = member.value.integer else { throw .badValue(member.key) }
            return { $0.seed = UInt64(bitPattern: Int64(seed)) }
        case "always_reasons":
            guard let flag = member.value.bool else { throw .badValue(member.key) }
            return { $0.alwaysReasons = flag }
        case "always_calls_tools":
            guard let flag = member.value.bool else { throw .badValue(member.key) }
            return { $0.alwaysCallsTools = flag }
        default: return nil
        }
    }
}

extension MockBehaviour {
    /// The behaviour in the words of ``BehaviourPatch``.
    var json: JSONValue {
        func spelling(_ fault: Fault?) -> JSONValue { fault.map { .string($0.spelling) } ?? nil }
        return [
            "models": JSONValue(self.models.map(\.name)),
            "ttft_ms": .integer(self.pacing.firstToken.milliseconds),
            "gap_ms": .integer(self.pacing.gap.milliseconds),
            "jitter": .number(self.pacing.jitter), "speed": .number(self.pacing.speed),
            "answer_tokens": [
                JSONValue(self.answerTokens.lowerBound), JSONValue(self.answerTokens.upperBound),
            ],
            "seed": .integer(Int64(bitPattern: self.seed)),
            "always_reasons": .bool(self.alwaysReasons),
            "always_calls_tools": .bool(self.alwaysCallsTools),
            "faults": .array(self.faults.script.map(spelling)),
            "fault": spelling(self.faults.always),
            "fault_odds": .array(
                self.faults.odds.map {
                    ["fault": spelling($0.fault), "probability": .number($0.probability)]
                }),
            "fault_scope": .string(self.faults.scope.rawValue),
            "fault_seed": .integer(Int64(bitPattern: self.faults.seed)),
        ]
    }
}
