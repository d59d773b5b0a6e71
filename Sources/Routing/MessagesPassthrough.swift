public import Catalog
public import Domain

/// Whether a request of Anthropic's Messages API reaches its endpoints as it is (http-surface 4.3).
public enum MessagesPassthrough: Equatable, Sendable {
    /// These endpoints take it as it is, at this path; the others get no such request.
    case possible(EndpointSet, path: String)
    /// No endpoint speaks the API.
    case noEndpointSpeaksIt
    /// Those that speak it lack something the request needs.
    case needsTooMuch

    /// What the request needs that a profile may say it lacks.
    public struct Needs: OptionSet, Sendable {
        /// One bit a need.
        public let rawValue: UInt8

        /// Takes the bits as they are.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Tools; lacking with `no_tool_use`.
        public static let tools = Needs(rawValue: 1)
        /// Extended thinking; lacking with `no_extended_thinking`.
        public static let thinking = Needs(rawValue: 2)
        /// Images; lacking with `no_vision`.
        public static let images = Needs(rawValue: 4)
    }

    /// Decides for a request.
    ///
    /// Of the endpoints that speak the API and lack nothing, those with the path most of them have are taken; of
    /// equally frequent paths the default one, else that of the first endpoint.
    ///
    /// - Parameters:
    ///   - needs: what the request needs.
    ///   - endpoints: those that have the model and are up.
    ///   - fleet: the fleet whose indexes they are.
    public init(_ needs: Needs, among endpoints: EndpointSet, in fleet: FleetSnapshot) {
        var hasSpeaker = false
        var groups: [(path: String, endpoints: EndpointSet)] = []
        for index in endpoints {
            guard let profile = fleet[index]?.profile, let support = fleet.profiles[profile].anthropic,
                support.isEnabled
            else { continue }
            hasSpeaker = true
            guard support.lacks.isDisjoint(with: needs) else { continue }
            if let place = groups.firstIndex(where: { $0.path == support.messagesPath }) {
                groups[place].endpoints.insert(index)
            } else {
                var endpoints = EndpointSet()
                endpoints.insert(index)
                groups.append((support.messagesPath, endpoints))
            }
        }
        let largest = groups.map(\.endpoints.count).max() ?? 0
        let candidates = groups.filter { $0.endpoints.count == largest }
        guard let chosen = candidates.first(where: { $0.path == Self.defaultPath }) ?? candidates.first else {
            self = hasSpeaker ? .needsTooMuch : .noEndpointSpeaksIt
            return
        }
        self = .possible(chosen.endpoints, path: chosen.path)
    }

    private static let defaultPath = "/v1/messages"
}

extension AnthropicSupport {
    /// What the limitations amount to; words without a meaning here are left alone.
    fileprivate var lacks: MessagesPassthrough.Needs {
        var lacks: MessagesPassthrough.Needs = []
        for word in self.limitations {
            switch word {
            case "no_tool_use": lacks.insert(.tools)
            case "no_extended_thinking": lacks.insert(.thinking)
            case "no_vision": lacks.insert(.images)
            default: continue
            }
        }
        return lacks
    }
}
