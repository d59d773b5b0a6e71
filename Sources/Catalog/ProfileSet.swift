/// What an endpoint's `type` means.
public enum EndpointKind: Hashable, Sendable {
    /// `auto` or empty: it fits every route, and its profile is to be detected.
    case auto
    /// The profile the spelling stands for.
    case profile(ProfileIndex)
}

/// A route prefix, as found by ``ProfileSet/route(forPrefix:)``.
public struct ProviderRoute: Hashable, Sendable {
    /// The position in ``ProfileSet/routes``.
    public let rawValue: UInt8
}

/// The profiles in force and what their names and prefixes resolve to.
///
/// - Bounds: at most ``capacity`` profiles and as many prefixes; further ones are left out and listed in ``ignored``.
public struct ProfileSet: Equatable, Sendable {
    /// The most profiles, and the most prefixes.
    public static let capacity = 255

    /// One subtree `/olla/{prefix}/`.
    public struct Route: Equatable, Sendable {
        /// The prefix exactly as it stands in the path; matched with regard to case.
        public let prefix: String
        /// The prefix as error texts show it: lower case, `-` for `_`, `lm-studio` for `lmstudio`.
        public let displayName: String
        /// The profile that claims the prefix.
        public let profile: ProfileIndex
        /// Whether every OpenAI-compatible endpoint is meant, and any endpoint when there is none.
        public let isOpenAI: Bool
    }

    /// The twelve profiles that are compiled in.
    public static let builtIn = ProfileSet(Profile.builtIn)

    /// The profiles.
    public let profiles: [Profile]
    /// The subtrees, one per distinct prefix.
    public let routes: [Route]
    /// Prefixes that two profiles claim, each with the profile that got it; worth a warning.
    public let contested: [(prefix: String, winner: String)]
    /// Names of profiles that found no room.
    public let ignored: [String]
    private let kinds: [String: ProfileIndex]

    /// Builds the indexes.
    ///
    /// Where two profiles claim a prefix the later in name order wins, `openai-compatible` being the last of all
    /// (routing-and-config 2.4).
    ///
    /// A hidden profile is at hand for what needs one, but it has no route and its name is no type.
    public init(_ profiles: [Profile], hidden: Set<String> = []) {
        self.profiles = Array(profiles.prefix(Self.capacity))
        var ignored = profiles.dropFirst(Self.capacity).map(\.name)
        let kept = self.profiles
        let order = kept.indices.sorted { left, right in
            let leftLast = kept[left].name == "openai-compatible"
            let rightLast = kept[right].name == "openai-compatible"
            return leftLast == rightLast ? kept[left].name < kept[right].name : rightLast
        }
        var owners: [String: ProfileIndex] = [:]
        var prefixes: [String] = []
        var contested: Set<String> = []
        for position in order {
            for prefix in kept[position].prefixes where !hidden.contains(kept[position].name) {
                if owners[prefix] == nil {
                    guard prefixes.count < Self.capacity else {
                        ignored.append(prefix)
                        continue
                    }
                    prefixes.append(prefix)
                } else {
                    contested.insert(prefix)
                }
                owners[prefix] = ProfileIndex(rawValue: UInt8(position))
            }
        }
        self.routes = prefixes.sorted().compactMap { prefix in
            owners[prefix].map {
                Route(
                    prefix: prefix, displayName: Self.displayName(ofPrefix: prefix), profile: $0,
                    isOpenAI: kept[Int($0.rawValue)].name == "openai-compatible")
            }
        }
        self.contested = contested.sorted().compactMap { prefix in
            owners[prefix].map { (prefix, kept[Int($0.rawValue)].name) }
        }
        self.ignored = ignored
        for position in order where !hidden.contains(kept[position].name) {
            owners[kept[position].name] = ProfileIndex(rawValue: UInt8(position))
        }
        self.kinds = owners
    }

    private static func displayName(ofPrefix prefix: String) -> String {
        let text = String(prefix.lowercased().map { $0 == "_" ? "-" : $0 })
        return text == "lmstudio" ? "lm-studio" : text
    }

    /// Whether two sets hold the same profiles under the same names and prefixes.
    public static func == (left: ProfileSet, right: ProfileSet) -> Bool {
        left.profiles == right.profiles && left.kinds == right.kinds
    }

    /// A profile by its place.
    public subscript(index: ProfileIndex) -> Profile { self.profiles[Int(index.rawValue)] }

    /// A route by its place.
    public subscript(route: ProviderRoute) -> Route { self.routes[Int(route.rawValue)] }

    /// What an endpoint's `type` means, or nil for an unknown spelling.
    ///
    /// Spellings are the profile names, all prefixes, `auto` and nothing.
    public func kind(ofType spelling: String) -> EndpointKind? {
        if spelling.isEmpty || spelling == "auto" { return .auto }
        return self.kinds[spelling].map { .profile($0) }
    }

    /// The place of the profile with a name.
    public func index(ofProfile name: String) -> ProfileIndex? {
        self.profiles.firstIndex { $0.name == name }.map { ProfileIndex(rawValue: UInt8($0)) }
    }

    /// Every accepted spelling of `type`, sorted, for error messages.
    public var knownTypes: [String] { (self.kinds.keys + ["auto"]).sorted() }

    /// The profile whose paths and parser an endpoint uses: its own, or `openai-compatible` while undetected.
    public func effectiveProfile(of kind: EndpointKind) -> Profile? {
        switch kind {
        case .profile(let index): self[index]
        case .auto: self.profiles.first { $0.name == "openai-compatible" } ?? self.profiles.last
        }
    }

    /// The route of a prefix, compared byte by byte; allocates nothing.
    public func route(forPrefix prefix: Span<UInt8>) -> ProviderRoute? {
        for position in self.routes.indices {
            let candidate = self.routes[position].prefix.utf8.span
            guard candidate.count == prefix.count else { continue }
            var offset = 0
            while offset < prefix.count, candidate[offset] == prefix[offset] { offset += 1 }
            if offset == prefix.count { return ProviderRoute(rawValue: UInt8(position)) }
        }
        return nil
    }
}
