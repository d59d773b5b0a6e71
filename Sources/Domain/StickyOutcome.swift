/// What a session's look-up found; `X-Olla-Sticky-Session` and the label of `sticky_lookups_total`.
public enum StickyOutcome: UInt8, CaseIterable, Sendable {
    /// The pinned endpoint is used.
    case hit
    /// Nothing was pinned; now it is.
    case miss
    /// The pinned endpoint is no candidate; another one is pinned.
    case repin
    /// No key could be built.
    case disabled

    /// The header value and the metric label.
    public var label: StaticString {
        switch self {
        case .hit: "hit"
        case .miss: "miss"
        case .repin: "repin"
        case .disabled: "disabled"
        }
    }
}
