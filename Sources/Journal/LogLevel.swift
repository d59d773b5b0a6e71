public import Telemetry

/// How much a record matters, in rising order.
public enum LogLevel: UInt8, CaseIterable, Comparable, Sendable {
    case debug
    case info
    case warn
    case error

    /// The value of the metric label.
    public var label: LogLevelLabel {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warn: .warn
        case .error: .error
        }
    }

    /// The spelling in a record's `level` field.
    public var text: StaticString {
        switch self {
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warn: "WARN"
        case .error: "ERROR"
        }
    }

    /// Reads a configured level, whatever its case; `warning` is `warn`; nil for anything else.
    public init?(configured text: String) {
        switch text.lowercased() {
        case "debug": self = .debug
        case "info": self = .info
        case "warn", "warning": self = .warn
        case "error": self = .error
        default: return nil
        }
    }

    /// Whether the left level matters less.
    @inlinable
    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// What became of a record.
public enum LineOutcome: Hashable, Sendable {
    /// The record is in the queue and will be written.
    case queued
    /// The record is below the level in force; it isn't counted.
    case disabled
    /// The record was given up and counted.
    case dropped(LogDropReason)
}
