import Foundation

/// What this build is.
public enum Version {
    /// The version of the gateway (semantic versioning).
    public static let number = "0.1.0"

    /// The source revision: set by the image build in `GLASSPOT_REVISION`.
    public static let revision = ProcessInfo.processInfo.environment["GLASSPOT_REVISION"] ?? "unknown"

    /// The day of the build, set likewise in `GLASSPOT_BUILD_DATE`.
    public static let buildDate = ProcessInfo.processInfo.environment["GLASSPOT_BUILD_DATE"] ?? "unknown"

    /// The compiler's language version.
    public static let swift: String = {
        #if swift(>=6.4)
        "6.4"
        #elseif swift(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }()

    /// Operating system and processor.
    public static let platform: String = {
        #if os(Linux)
        let system = "linux"
        #elseif os(macOS)
        let system = "darwin"
        #else
        let system = "unknown"
        #endif
        #if arch(x86_64)
        return "\(system)/amd64"
        #elseif arch(arm64)
        return "\(system)/arm64"
        #else
        return "\(system)/unknown"
        #endif
    }()

    /// One line for every start.
    public static let banner = "Glasspot \(Self.number): LLM gateway, drop-in for Olla"

    /// What `--version` prints.
    public static let details = """
        \(Self.banner)
          revision  \(Self.revision)
          built     \(Self.buildDate)
          swift     \(Self.swift)
          platform  \(Self.platform)
        """
}
