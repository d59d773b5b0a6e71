public import Domain

/// One record being written: fields are appended as bytes into the writer's scratch memory.
///
/// Ends with ``commit()``; a line that goes out of scope without it leaves no trace. No allocation, no
/// `String`. Each key may be written once; the line does not check it.
///
/// - Isolation: the thread that owns the ``LineWriter``; one line at a time.
/// - Bounds: ``LineWriter/lineBytesMax`` bytes for the line, ``fieldBytesMax`` for a text. A longer text is cut
///   at a character and ends in `…`; a longer line is dropped as `too_large`.
public struct LogLine: ~Copyable {
    /// The most bytes of one text field, before escaping.
    public static let fieldBytesMax = 4_096

    let writer: LineWriter
    let level: LogLevel
    /// False when the level is off: every call is then a no-op.
    let isEnabled: Bool
    var bytes: ByteAppender

    init(writer: LineWriter, level: LogLevel) {
        self.writer = writer
        self.level = level
        self.isEnabled = true
        self.bytes = ByteAppender(writer.scratch)
    }

    init(disabled writer: LineWriter, level: LogLevel) {
        self.writer = writer
        self.level = level
        self.isEnabled = false
        self.bytes = ByteAppender(UnsafeMutableRawBufferPointer(rebasing: writer.scratch[0..<0]))
    }

    mutating func begin(_ message: StaticString, timestamp: UnsafeRawBufferPointer) {
        self.beginHead(timestamp)
        self.bytes.append(message)
        self.bytes.append("\"")
    }

    mutating func begin(_ message: String, timestamp: UnsafeRawBufferPointer) {
        self.beginHead(timestamp)
        var message = message
        message.withUTF8 { self.bytes.appendEscaped(UnsafeRawBufferPointer($0), limit: Self.fieldBytesMax) }
        self.bytes.append("\"")
    }

    private mutating func beginHead(_ timestamp: UnsafeRawBufferPointer) {
        self.bytes.append("{\"timestamp\":\"")
        self.bytes.append(timestamp)
        self.bytes.append("\",\"level\":\"")
        self.bytes.append(self.level.text)
        self.bytes.append("\",\"msg\":\"")
    }

    /// Appends a text field from bytes; ill-formed UTF-8 becomes U+FFFD.
    public mutating func string(_ key: LogKey, _ value: RawSpan) {
        value.withUnsafeBytes { self.string(key, $0) }
    }

    /// Appends a text field from bytes; ill-formed UTF-8 becomes U+FFFD.
    public mutating func string(_ key: LogKey, _ value: UnsafeRawBufferPointer) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append("\"")
        self.bytes.appendEscaped(value, limit: Self.fieldBytesMax)
        self.bytes.append("\"")
    }

    /// Appends a text field; native strings are read in place.
    public mutating func string(_ key: LogKey, _ value: String) {
        var value = value
        value.withUTF8 { self.string(key, UnsafeRawBufferPointer($0)) }
    }

    /// Appends a text field from a literal that needs no escaping.
    public mutating func string(_ key: LogKey, _ value: StaticString) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append("\"")
        self.bytes.append(value)
        self.bytes.append("\"")
    }

    /// Appends a query string in which the values of secrets read `[REDACTED]`.
    public mutating func query(_ key: LogKey, _ value: RawSpan) {
        value.withUnsafeBytes { self.query(key, $0) }
    }

    /// Appends a query string in which the values of secrets read `[REDACTED]`.
    public mutating func query(_ key: LogKey, _ value: UnsafeRawBufferPointer) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append("\"")
        self.bytes.appendRedacted(query: value, limit: Self.fieldBytesMax)
        self.bytes.append("\"")
    }

    /// Appends a URL in whose query the values of secrets read `[REDACTED]`.
    public mutating func url(_ key: LogKey, _ value: RawSpan) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append("\"")
        value.withUnsafeBytes { self.bytes.appendRedacted(url: $0, limit: Self.fieldBytesMax) }
        self.bytes.append("\"")
    }

    /// Appends a trace's id as 32 hexadecimal digits.
    public mutating func identifier(_ key: LogKey, _ value: TraceID) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append("\"")
        self.bytes.append(hexadecimal: value.high)
        self.bytes.append(hexadecimal: value.low)
        self.bytes.append("\"")
    }

    /// Appends a span's id as 16 hexadecimal digits.
    public mutating func identifier(_ key: LogKey, _ value: SpanID) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append("\"")
        self.bytes.append(hexadecimal: value.rawValue)
        self.bytes.append("\"")
    }

    /// Appends a whole number.
    public mutating func integer(_ key: LogKey, _ value: Int64) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append(decimal: value)
    }

    /// Appends a number; JSON has no word for an infinity or a NaN, so these become `null`.
    ///
    /// For the control plane: it allocates.
    public mutating func double(_ key: LogKey, _ value: Double) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append(double: value)
    }

    /// Appends a truth value.
    public mutating func boolean(_ key: LogKey, _ value: Bool) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append(value ? "true" : "false")
    }

    /// Appends a time in milliseconds with three decimals, cut (not rounded) to microseconds.
    public mutating func milliseconds(_ key: LogKey, _ value: Nanoseconds) {
        guard self.isEnabled else { return }
        self.key(key)
        self.bytes.append(thousandths: value.rawValue / 1_000)
    }

    /// Appends the object `stages_us`: each stage that took time, in microseconds with three decimals.
    ///
    /// The decimals are exact, so the stages of a line add up to its duration. `upstream` holds what
    /// ``Domain/Timeline/takeUpstream()`` took out, summed over the attempts.
    public mutating func stages(
        _ timeline: borrowing Timeline,
        upstream: UpstreamTimes = UpstreamTimes(acquire: .zero, send: .zero, wait: .zero, stream: .zero)
    ) {
        guard self.isEnabled else { return }
        self.key(.stages)
        self.bytes.append("{")
        var isFirst = true
        for index in 0..<UInt8(Stage.count) {
            guard let stage = Stage(rawValue: index) else { continue }
            var time = timeline[stage]
            switch stage {
            case .acquire: time += upstream.acquire
            case .send: time += upstream.send
            case .wait: time += upstream.wait
            case .stream: time += upstream.stream
            default: break
            }
            guard time > .zero else { continue }
            self.bytes.append(isFirst ? "\"" : ",\"")
            self.bytes.append(stage.label)
            self.bytes.append("\":")
            self.bytes.append(thousandths: time.rawValue)
            isFirst = false
        }
        self.bytes.append("}")
    }

    /// Appends a field whose name is only known at run time.
    ///
    /// For the control plane: the name is escaped.
    public mutating func field(_ name: String, _ value: LogValue) {
        guard self.isEnabled else { return }
        var name = name
        self.bytes.append(",\"")
        name.withUTF8 { self.bytes.appendEscaped(UnsafeRawBufferPointer($0), limit: Self.fieldBytesMax) }
        self.bytes.append("\":")
        self.bytes.append(value: value)
    }

    /// Hands the line to the queue.
    ///
    /// - Returns: queued, or why not; every drop is already counted in the writer's ``LogCounters``.
    @discardableResult
    public consuming func commit() -> LineOutcome {
        guard self.isEnabled else { return .disabled }
        self.bytes.append("}\n")
        return self.writer.enqueue(self.bytes.written, level: self.level)
    }

    private mutating func key(_ key: LogKey) { self.bytes.append(key: key.name) }
}

/// The value of a field whose type is only known at run time.
public enum LogValue: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    /// Text of any content.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A number.
    case double(Double)
    /// A truth value.
    case boolean(Bool)
    /// A time, written in milliseconds with three decimals.
    case milliseconds(Nanoseconds)

    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }

    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }

    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
