import Domain

/// Who may see the dashboard and, if wished, the internal routes (http-surface 6.5).
///
/// Both must hold: the TCP peer lies in an allowed block, whatever forwarded headers say, and `Host` is an address
/// literal or an allowed name. The second keeps a browser from being led here under a foreign name (DNS rebinding).
public struct DashboardPolicy: Sendable {
    /// Why somebody is turned away.
    enum Refusal: Equatable {
        case address
        case host

        /// The reason in the answer (http-surface 6.5).
        var reason: String {
            switch self {
            case .address: "ip not in allowed range"
            case .host: "host not accepted"
            }
        }

        /// The key that decides.
        var key: String {
            switch self {
            case .address: "dashboard.access_policy.allowed_cidrs"
            case .host: "dashboard.access_policy.allowed_hosts"
            }
        }
    }

    /// Whether the dashboard exists.
    public let isEnabled: Bool
    /// Whether `/internal/*` and `/version` follow the same rules.
    public let gatesInternalRoutes: Bool
    private let blocks: [NetworkBlock]
    private let hosts: Set<String>

    /// A policy; its defaults are those of the configuration: enabled, for this machine's own browsers.
    ///
    /// - Parameters:
    ///   - isEnabled: `dashboard.enabled`.
    ///   - allowedBlocks: `dashboard.access_policy.allowed_cidrs`; what is no block allows nobody.
    ///   - allowedHosts: `dashboard.access_policy.allowed_hosts`, compared without regard to case.
    ///   - gatesInternalRoutes: `dashboard.gate_internal_api`.
    public init(
        isEnabled: Bool = true, allowedBlocks: [String] = ["127.0.0.0/8", "::1/128"],
        allowedHosts: [String] = ["localhost"], gatesInternalRoutes: Bool = false
    ) {
        self.isEnabled = isEnabled
        self.gatesInternalRoutes = gatesInternalRoutes
        self.blocks = allowedBlocks.compactMap { NetworkBlock(Self.trimmed($0)) }
        self.hosts = Set(allowedHosts.map { Self.trimmed($0).lowercased() })
    }

    private static func trimmed(_ text: String) -> String {
        let blanks: Set<Character> = [" ", "\t"]
        return String(text.drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed())
    }

    /// Why a client is turned away; nil when it may pass.
    ///
    /// - Parameters:
    ///   - peer: the address of the TCP peer.
    ///   - host: the value of `Host` as received.
    /// - Returns: which of the two rules it breaks.
    func refusal(peer: String, host: String) -> Refusal? {
        guard let address = NetworkAddress(peer), self.blocks.contains(where: { $0.contains(address) }) else {
            return .address
        }
        let name = Self.name(of: host)
        return NetworkAddress(name) != nil || self.hosts.contains(name) ? nil : .host
    }

    /// The host without port and brackets, in lower case.
    static func name(of host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            return String(host[host.index(after: host.startIndex)..<end])
        }
        // More than one colon is an address without brackets, which has no port.
        guard host.count(where: { $0 == ":" }) == 1, let colon = host.firstIndex(of: ":") else { return host }
        return String(host[..<colon])
    }
}
