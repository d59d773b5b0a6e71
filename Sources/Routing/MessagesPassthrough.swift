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

    /// Decides for a request.
    ///
    /// Of the endpoints that speak the API and lack nothing, those with the path most of them have are taken; of
    /// equally frequent paths the default one, else that of the first endpoint.
    ///
    /// - Parameters:
    ///   - needs: what the request needs.
    ///   - endpoints: those that have the model and are up.
    ///   - fleet: the fleet whose indexes they are.
    public init(_ needs: MessageNeeds, among endpoints: EndpointSet, in fleet: FleetSnapshot) {
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
    fileprivate var lacks: MessageNeeds {
        var lacks: MessageNeeds = []
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
