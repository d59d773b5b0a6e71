/// One file of the dashboard, as text.
public struct DashboardAsset: Sendable {
    /// How long a browser may keep the file without asking again.
    public enum Freshness: Sendable {
        /// It asks each time: the document names the others.
        case document
        /// For ever: the name changes with the content.
        case immutable
        /// For an hour.
        case hour
    }

    /// The path below `/internal/ui/`.
    public let path: String
    /// The value of `Content-Type`.
    public let mediaType: String
    /// How long a browser may keep it.
    public let freshness: Freshness
    /// A hash of the content, to tell one version from another.
    public let tag: String
    /// The content.
    public let text: String
}

/// The files of the dashboard; written by `web/build.py` from the files beside it.
public enum DashboardAssets {}
