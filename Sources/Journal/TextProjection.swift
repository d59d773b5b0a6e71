/// Turns one of our own JSON lines into `time=… level=… msg=… key=value` for people.
///
/// Loops always write JSON; text is made here, on the writer thread, so the hot path knows one form only. A
/// value stands bare when it can, and keeps its JSON quotes and escapes when it holds a space, an equals sign
/// or anything escaped: text can't be forged with a line feed. Nested fields are joined with a dot.
///
/// - Bounds: output at most three times the line.
struct TextProjection: Sendable {
    /// Whether the level is coloured.
    var isColoured: Bool
    /// Whether access records are shown; on a terminal they aren't.
    var showsAccessLog: Bool

    /// Appends the text of a line (given without its line feed); returns false when it is hidden.
    func append(_ line: UnsafeRawBufferPointer, to output: inout [UInt8]) -> Bool {
        let start = output.count
        var reader = LineReader(line)
        var prefix = UnsafeRawBufferPointer(start: nil, count: 0)
        while let token = reader.next() {
            switch token {
            case .objectBegan(let key): prefix = key
            case .objectEnded: prefix = UnsafeRawBufferPointer(start: nil, count: 0)
            case .field(let key, let value):
                if Self.isEqual(key, "msg"), !self.showsAccessLog, Self.isEqual(value, AccessRecord.message) {
                    output.removeSubrange(start...)
                    return false
                }
                if output.count > start { output.append(UInt8(ascii: " ")) }
                self.append(key: key, prefix: prefix, to: &output)
                output.append(UInt8(ascii: "="))
                self.append(value: value, key: key, to: &output)
            }
        }
        output.append(UInt8(ascii: "\n"))
        return true
    }

    private func append(
        key: UnsafeRawBufferPointer, prefix: UnsafeRawBufferPointer, to output: inout [UInt8]
    ) {
        if !prefix.isEmpty {
            output.append(contentsOf: prefix)
            output.append(UInt8(ascii: "."))
        }
        if Self.isEqual(key, "timestamp") {
            output.append(contentsOf: "time".utf8)
        } else {
            output.append(contentsOf: key)
        }
    }

    private func append(value: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        if self.isColoured, Self.isEqual(key, "level") {
            output.append(contentsOf: "\u{1B}[\(Self.colour(of: value))m".utf8)
            output.append(contentsOf: value)
            output.append(contentsOf: "\u{1B}[0m".utf8)
        } else if value.isEmpty || value.contains(where: Self.needsQuotes) {
            output.append(UInt8(ascii: "\""))
            output.append(contentsOf: value)
            output.append(UInt8(ascii: "\""))
        } else {
            output.append(contentsOf: value)
        }
    }

    private static func needsQuotes(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == UInt8(ascii: "=") || byte == UInt8(ascii: "\\") || byte == 0x7F
    }

    private static func colour(of level: UnsafeRawBufferPointer) -> Int {
        switch level.first {
        case UInt8(ascii: "D"): 90
        case UInt8(ascii: "W"): 33
        case UInt8(ascii: "E"): 31
        default: 32
        }
    }

    private static func isEqual(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        bytes.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
}

/// Reads the lines that ``LogLine`` writes: one object whose values are scalars or one flat object.
///
/// It ends at the first byte that such a line can't have.
private struct LineReader {
    enum Token {
        case field(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)
        case objectBegan(key: UnsafeRawBufferPointer)
        case objectEnded
    }

    private let line: UnsafeRawBufferPointer
    private var position = 1

    init(_ line: UnsafeRawBufferPointer) { self.line = line }

    mutating func next() -> Token? {
        self.skip(UInt8(ascii: ","))
        if self.skip(UInt8(ascii: "}")) { return self.position < self.line.count ? .objectEnded : nil }
        guard let key = self.string(), self.skip(UInt8(ascii: ":")) else { return nil }
        if self.skip(UInt8(ascii: "{")) { return .objectBegan(key: key) }
        if self.position < self.line.count, self.line[self.position] == UInt8(ascii: "\"") {
            guard let value = self.string() else { return nil }
            return .field(key: key, value: value)
        }
        let start = self.position
        while self.position < self.line.count, self.line[self.position] != UInt8(ascii: ","),
            self.line[self.position] != UInt8(ascii: "}")
        {
            self.position += 1
        }
        return .field(key: key, value: self.slice(start, self.position))
    }

    /// The raw content of the string that begins here.
    private mutating func string() -> UnsafeRawBufferPointer? {
        guard self.skip(UInt8(ascii: "\"")) else { return nil }
        let start = self.position
        while self.position < self.line.count {
            switch self.line[self.position] {
            case UInt8(ascii: "\\"): self.position += 2
            case UInt8(ascii: "\""):
                self.position += 1
                return self.slice(start, self.position - 1)
            default: self.position += 1
            }
        }
        return nil
    }

    @discardableResult
    private mutating func skip(_ byte: UInt8) -> Bool {
        guard self.position < self.line.count, self.line[self.position] == byte else { return false }
        self.position += 1
        return true
    }

    private func slice(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self.line[start..<end])
    }
}
