public import Domain

extension Logbook {
    /// How records look and where they go.
    public struct Configuration: Equatable, Sendable {
        /// The form of the lines on the standard output; files are always JSON.
        public enum Format: Equatable, Sendable {
            /// One JSON object a line.
            case json
            /// `time=… level=… msg=… key=value` for people.
            case text
        }

        /// Records below it are not written.
        public var level = LogLevel.info
        /// The form on the standard output.
        public var format = Format.json
        /// Whether text is coloured.
        public var isColoured = false
        /// Whether text shows the access records; a terminal doesn't.
        public var showsAccessLog = true
        /// A file that gets every line too.
        public var file: LogFile?
        /// Bytes of each queue; rounded up to a power of two from 4 KiB to 1 GiB.
        public var queueBytes = 1 << 20
        /// How long a record may wait in a queue; at least a millisecond.
        public var pollInterval = Nanoseconds.milliseconds(25)

        /// JSON at level info on the standard output.
        public init() {}
    }
}

/// A log file and how it is rotated.
public struct LogFile: Equatable, Sendable {
    /// The folder of `olla.log`; made when it is missing.
    public var directory = "./logs"
    /// The size at which the file is put aside, in bytes.
    public var bytesMax = 1 << 20
    /// How many files put aside are kept; 0 keeps all.
    public var backupsMax = 7
    /// How many days files put aside are kept; 0 keeps them for ever.
    public var ageDaysMax = 14

    /// The defaults of the contract.
    public init() {}
}

extension Logbook.Configuration {
    /// What holds before a configuration file is read, from the environment.
    ///
    /// Reads `OLLA_LOG_LEVEL`, `OLLA_PRETTY_LOGS`, `OLLA_FILE_OUTPUT`, `OLLA_LOGGING_FORMAT`, the rotation keys
    /// `OLLA_LOG_DIR`, `OLLA_LOG_SIZE_MB`, `OLLA_LOG_MAX_BACKUPS`, `OLLA_LOG_MAX_AGE_DAYS`, and for colours
    /// `NO_COLOR`, `FORCE_COLOR`, `OLLA_FORCE_COLORS`. A value that can't be read is left out and named in
    /// `warnings`. A file is written this early only when `OLLA_FILE_OUTPUT` says so: most starts have a
    /// configuration that decides it a moment later.
    public init(environment: [String: String], isTerminal: Bool, warnings: inout [String]) {
        self.init()
        let reader = EnvironmentReader(environment: environment)
        if let text = environment["OLLA_LOG_LEVEL"] {
            self.level = reader.level(text, "OLLA_LOG_LEVEL", &warnings)
        }
        let isPretty = reader.boolean("OLLA_PRETTY_LOGS", default: true, &warnings)
        var shape = Shape(format: isTerminal && isPretty ? .text : .json)
        if let forced = reader.forcedShape(&warnings) { shape = forced }
        self.format = shape.format
        self.isColoured = reader.isColoured(isTerminal: isTerminal, shape)
        self.showsAccessLog = !isTerminal
        if reader.boolean("OLLA_FILE_OUTPUT", default: false, &warnings) {
            self.file = LogFile(environment: environment, warnings: &warnings)
        }
    }

    /// What holds once the configuration is known: its level, format and output over the same environment.
    ///
    /// On a terminal text wins unless `OLLA_LOGGING_FORMAT` is set, which decides everywhere. An invalid
    /// value is named in `warnings` and the default holds.
    public init(
        level: String, format: String, output: String, environment: [String: String], isTerminal: Bool,
        warnings: inout [String]
    ) {
        self.init()
        let reader = EnvironmentReader(environment: environment)
        self.level = reader.level(level, "logging.level", &warnings)
        var shape = reader.shape(format, "logging.format", &warnings) ?? Shape(format: .json)
        if isTerminal { shape.format = .text }
        if let forced = reader.forcedShape(&warnings) { shape = forced }
        self.format = shape.format
        self.isColoured = reader.isColoured(isTerminal: isTerminal, shape)
        self.showsAccessLog = !isTerminal
        switch output.lowercased() {
        case "stdout": break
        case "file": self.file = LogFile(environment: environment, warnings: &warnings)
        default: warnings.append("logging.output: \"\(output)\" is neither stdout nor file; stdout is used")
        }
    }
}

extension LogFile {
    /// The rotation keys of the environment over the defaults.
    public init(environment: [String: String], warnings: inout [String]) {
        self.init()
        let reader = EnvironmentReader(environment: environment)
        if let directory = environment["OLLA_LOG_DIR"], !directory.isEmpty { self.directory = directory }
        self.bytesMax =
            reader.count("OLLA_LOG_SIZE_MB", default: 1, range: 1...10_240, &warnings) << 20
        self.backupsMax = reader.count("OLLA_LOG_MAX_BACKUPS", default: 7, range: 0...10_000, &warnings)
        self.ageDaysMax = reader.count("OLLA_LOG_MAX_AGE_DAYS", default: 14, range: 0...36_500, &warnings)
    }
}

/// What a word for a format stands for: `pretty` is text in colour wherever it goes.
private struct Shape {
    var format: Logbook.Configuration.Format
    var isPretty = false
}

/// Reads values of the environment and names those it can't read.
private struct EnvironmentReader {
    let environment: [String: String]

    func level(_ text: String, _ name: String, _ warnings: inout [String]) -> LogLevel {
        if let level = LogLevel(configured: text) { return level }
        warnings.append("\(name): \"\(text)\" is no level (debug, info, warn, error); info is used")
        return .info
    }

    func shape(_ text: String, _ name: String, _ warnings: inout [String]) -> Shape? {
        switch text.lowercased() {
        case "json": return Shape(format: .json)
        case "text": return Shape(format: .text)
        case "pretty": return Shape(format: .text, isPretty: true)
        default:
            warnings.append("\(name): \"\(text)\" is none of json, text and pretty; it is ignored")
            return nil
        }
    }

    func forcedShape(_ warnings: inout [String]) -> Shape? {
        guard let text = self.environment["OLLA_LOGGING_FORMAT"], !text.isEmpty else { return nil }
        return self.shape(text, "OLLA_LOGGING_FORMAT", &warnings)
    }

    func boolean(_ name: String, default value: Bool, _ warnings: inout [String]) -> Bool {
        guard let text = self.environment[name], !text.isEmpty else { return value }
        switch text.lowercased() {
        case "1", "t", "true": return true
        case "0", "f", "false": return false
        default:
            warnings.append("\(name): \"\(text)\" is neither true nor false; \(value) is used")
            return value
        }
    }

    func count(
        _ name: String, default value: Int, range: ClosedRange<Int>, _ warnings: inout [String]
    ) -> Int {
        guard let text = self.environment[name], !text.isEmpty else { return value }
        guard let number = Int(text), range.contains(number) else {
            let bounds = "from \(range.lowerBound) to \(range.upperBound)"
            warnings.append("\(name): \"\(text)\" is no number \(bounds); \(value) is used")
            return value
        }
        return number
    }

    func isColoured(isTerminal: Bool, _ shape: Shape) -> Bool {
        if self.environment["NO_COLOR"].map({ !$0.isEmpty }) ?? false { return false }
        if let text = self.environment["FORCE_COLOR"], text != "0" { return true }
        if self.environment["OLLA_FORCE_COLORS"]?.lowercased() == "true" { return true }
        return isTerminal || shape.isPretty
    }
}
