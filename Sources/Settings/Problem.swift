/// One thing that is wrong or worth saying about the configuration, with its place.
public struct Problem: Equatable, Sendable {
    /// How bad it is.
    public enum Severity: Int, Comparable, CaseIterable, Sendable {
        /// Worth knowing; the configuration means what it says. Never fails a validation.
        case information
        /// Usable, but probably not what was meant. Fails `--validate-config`, not a start.
        case warning
        /// The gateway does not start.
        case error

        /// Orders by gravity.
        public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
    }

    /// Where a value came from.
    public enum Place: Equatable, Sendable {
        /// A line of a file, counted from 1.
        case line(file: String, number: Int)
        /// A file as a whole.
        case file(String)
        /// An environment variable.
        case variable(String)
        /// A default, or nowhere.
        case nowhere
    }

    /// How bad it is.
    public let severity: Severity
    /// Where it is.
    public let place: Place
    /// The key as a dotted path with list positions from 0, or empty when no key is concerned.
    public let path: String
    /// What is wrong; never holds a secret.
    public let message: String

    /// Describes a problem; control characters of the file's own texts become visible ones.
    public init(severity: Severity, place: Place, path: String, message: String) {
        self.severity = severity
        self.place = place
        self.path = Self.printable(path)
        self.message = Self.printable(message)
    }

    /// The most characters of a path or a message.
    private static let textMax = 1_000

    /// A text that stays on its line in a log or on a terminal.
    private static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(Self.textMax) {
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            result.append(isControl ? "\u{fffd}" : scalar)
        }
        return String(result)
    }
}

extension Problem: CustomStringConvertible {
    /// The problem as `file:line: path: message`, without the parts that are not known.
    public var description: String {
        let place =
            switch self.place {
            case .line(let file, let number): "\(file):\(number): "
            case .file(let file): "\(file): "
            case .variable(let name): "\(name): "
            case .nowhere: ""
            }
        return place + (self.path.isEmpty ? "" : "\(self.path): ") + self.message
    }
}
