import Domain
public import Pipeline

/// Which routes the connections of a listener may ask for; the others do not exist for them.
public enum ListenerSurface: Sendable {
    /// All of them: there is no other listener.
    case everything
    /// What clients need: all but `/internal/*` and `/version`.
    case clients
    /// `/internal/*` and `/version` alone.
    case administration

    /// What a path leads to here.
    public func match(_ match: PathMatch) -> PathMatch {
        let isOffered =
            switch self {
            case .everything: true
            case .clients: match.routeClass != .internal
            // A path that is not clean is led to a clean one, which is judged when it is asked for.
            case .administration: match.routeClass == .internal || match.target == .redirect
            }
        return isOffered ? match : PathMatch(target: .notFound, routeClass: match.routeClass)
    }
}
