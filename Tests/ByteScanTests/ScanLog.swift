import ByteScan

/// Everything a scan reported, as comparable values.
struct ScanLog: Equatable {
    struct Entry: Equatable {
        var field: UInt8
        var kind: JSONValueKind
        var range: Range<Int>
        var isOpening: Bool
        var text: [UInt8] = []
        var integer: Int64?
    }

    enum Ending: Equatable {
        case complete
        case malformed
    }

    var entries: [Entry] = []
    var ending: Ending = .malformed
    var offset = 0

    /// Scans one document given in pieces, keeping the text of the fields in `captured`.
    init(_ pattern: JSONFieldPattern, _ pieces: [[UInt8]], captured: Set<UInt8> = []) {
        var scanner = JSONFieldScanner(pattern)
        scan: for piece in pieces {
            let span = piece.span.bytes
            var position = 0
            while true {
                let event = scanner.next(span, from: &position)
                guard self.take(event, scanner, captured) else { break scan }
                if event == .needMore { break }
            }
        }
        if !scanner.hasEnded, !scanner.isMalformed {
            while self.take(scanner.finish(), scanner, captured) {}
        }
        self.offset = scanner.offset
    }

    /// Notes an event; false when nothing can follow.
    private mutating func take(
        _ event: JSONScanEvent, _ scanner: borrowing JSONFieldScanner, _ captured: Set<UInt8>
    ) -> Bool {
        switch event {
        case .opened(let found):
            self.entries.append(
                Entry(field: found.field, kind: found.kind, range: found.range, isOpening: true))
        case .value(let found):
            var entry = Entry(
                field: found.field, kind: found.kind, range: found.range, isOpening: false)
            if found.kind == .string, captured.contains(found.field) {
                let text = scanner.text
                for index in 0..<text.byteCount {
                    entry.text.append(text.unsafeLoad(fromByteOffset: index, as: UInt8.self))
                }
            }
            if found.kind == .number { entry.integer = scanner.integer }
            self.entries.append(entry)
        case .needMore: break
        case .end:
            self.ending = .complete
            return false
        case .malformed:
            self.ending = .malformed
            return false
        }
        return true
    }

    func values(of field: UInt8) -> [Entry] {
        self.entries.filter { $0.field == field && !$0.isOpening }
    }
}
