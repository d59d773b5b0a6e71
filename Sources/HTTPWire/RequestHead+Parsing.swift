extension RequestHead {
    /// Parses as much of a head as the buffer holds.
    ///
    /// Call it with the unread bytes of the connection. After ``HeadProgress/incomplete`` call it
    /// again with the same bytes at the same offsets and more behind them; the scan goes on where
    /// it stopped. After ``HeadProgress/complete(length:)`` the next call begins a new request. A
    /// refusal is final until ``reset()``.
    ///
    /// - Parameters:
    ///   - bytes: The buffer; offsets count from its first byte.
    ///   - limits: What a head may cost.
    /// - Returns: Whether the head is complete, and how long it is.
    public mutating func parse(_ bytes: RawSpan, limits: HeadLimits) -> HeadProgress {
        switch self.phase {
        case .complete: self.reset()
        case .refused(let refusal): return .refused(refusal)
        default: break
        }
        let end = min(bytes.byteCount, limits.headBytesMax)
        switch self.scan(bytes, to: end, limits: limits) {
        case .done:
            if let refusal = self.conclude(bytes) { return self.refuse(refusal) }
            self.phase = .complete
            return .complete(length: self.cursor)
        case .starved:
            if end == limits.headBytesMax { return self.refuse(.headTooLarge) }
            return .incomplete
        case .refused(let refusal):
            return self.refuse(refusal)
        }
    }

    private mutating func refuse(_ refusal: HeadRefusal) -> HeadProgress {
        self.phase = .refused(refusal)
        return .refused(refusal)
    }

    private mutating func scan(_ bytes: RawSpan, to end: Int, limits: HeadLimits) -> ScanStep {
        while self.cursor < end {
            let step: ScanStep
            switch self.phase {
            case .start: step = self.scanStart(bytes)
            case .emptyLine: step = self.scanEmptyLine(bytes)
            case .method: step = self.scanMethod(bytes, to: end)
            case .target: step = self.scanTarget(bytes, to: end, limits: limits)
            case .version: step = self.scanVersion(bytes, to: end)
            case .lineEnd: step = self.scanLineEnd(bytes)
            case .lineFeed: step = self.scanLineFeed(bytes)
            case .fields, .complete, .refused:
                return self.section.scan(
                    bytes, to: end, cursor: &self.cursor, side: .request, fieldsMax: limits.fieldsMax)
            }
            if step != .done { return step }
        }
        return .starved
    }

    private mutating func scanStart(_ bytes: RawSpan) -> ScanStep {
        switch bytes.byte(self.cursor) {
        case ASCII.carriageReturn:
            self.emptyLines += 1
            if self.emptyLines > HeadLimits.emptyLinesMax { return .refused(.tooManyEmptyLines) }
            self.cursor += 1
            self.phase = .emptyLine
        case ASCII.lineFeed:
            return .refused(.bareLineFeed)
        default:
            self.methodStart = self.cursor
            self.phase = .method
        }
        return .done
    }

    private mutating func scanEmptyLine(_ bytes: RawSpan) -> ScanStep {
        guard bytes.byte(self.cursor) == ASCII.lineFeed else { return .refused(.bareCarriageReturn) }
        self.cursor += 1
        self.phase = .start
        return .done
    }

    private mutating func scanMethod(_ bytes: RawSpan, to end: Int) -> ScanStep {
        // The scan may stop a little beyond the limit; the verdict is that of the first byte beyond
        // it.
        let stop = min(end, self.methodStart + HeadLimits.methodBytesMax + 1)
        self.cursor = bytes.skipToken(from: self.cursor, to: stop)
        if self.cursor - self.methodStart > HeadLimits.methodBytesMax {
            return .refused(.methodTooLong)
        }
        guard self.cursor < end else { return .starved }
        switch bytes.byte(self.cursor) {
        case ASCII.space where self.cursor > self.methodStart:
            self.methodEnd = self.cursor
            self.method = RequestMethod.recognised(
                bytes, start: self.methodStart, end: self.methodEnd)
            self.cursor += 1
            self.targetStart = self.cursor
            self.phase = .target
            return .done
        case ASCII.lineFeed: return .refused(.bareLineFeed)
        case ASCII.carriageReturn: return .refused(.invalidRequestLine)
        default: return .refused(.invalidMethod)
        }
    }

    private mutating func scanTarget(
        _ bytes: RawSpan, to end: Int, limits: HeadLimits
    ) -> ScanStep {
        let stop = min(end, self.targetStart + limits.targetBytesMax + 1)
        self.cursor = bytes.skipTarget(from: self.cursor, to: stop)
        if self.cursor - self.targetStart > limits.targetBytesMax { return .refused(.targetTooLong) }
        guard self.cursor < end else { return .starved }
        switch bytes.byte(self.cursor) {
        case ASCII.space where self.cursor > self.targetStart:
            self.targetEnd = self.cursor
            self.cursor += 1
            self.versionStart = self.cursor
            self.phase = .version
            return .done
        case ASCII.space, ASCII.carriageReturn: return .refused(.invalidRequestLine)
        case ASCII.lineFeed: return .refused(.bareLineFeed)
        default: return .refused(.invalidTarget)
        }
    }

    private mutating func scanVersion(_ bytes: RawSpan, to end: Int) -> ScanStep {
        switch VersionSyntax.read(bytes, from: self.versionStart, to: end) {
        case .version(let version):
            self.version = version
            self.cursor = self.versionStart + VersionSyntax.count
            self.phase = .lineEnd
            return .done
        case .starved:
            self.cursor = end
            return .starved
        case .refused(let refusal):
            return .refused(refusal)
        }
    }

    private mutating func scanLineEnd(_ bytes: RawSpan) -> ScanStep {
        switch bytes.byte(self.cursor) {
        case ASCII.carriageReturn:
            self.cursor += 1
            self.phase = .lineFeed
            return .done
        case ASCII.lineFeed: return .refused(.bareLineFeed)
        case ASCII.space, ASCII.tab: return .refused(.invalidRequestLine)
        default: return .refused(.invalidVersion)
        }
    }

    private mutating func scanLineFeed(_ bytes: RawSpan) -> ScanStep {
        guard bytes.byte(self.cursor) == ASCII.lineFeed else { return .refused(.bareCarriageReturn) }
        self.cursor += 1
        self.phase = .fields
        return .done
    }
}

extension RequestHead {
    /// Draws the conclusions that need the whole head.
    private mutating func conclude(_ bytes: RawSpan) -> HeadRefusal? {
        if let refusal = self.readTarget(bytes) { return refusal }
        if let refusal = self.checkHost(bytes) { return refusal }
        switch self.section.declaredFraming(bytes, version: self.version) {
        case .nothing: self.framing = .none
        case .length(let length): self.framing = .length(length)
        case .chunked: self.framing = .chunked
        case .refused(let refusal): return refusal
        }
        var options = FieldSection.ConnectionOptions()
        if let refusal = self.section.readConnection(bytes, &options) { return refusal }
        self.asksForWebSocket =
            options.upgrades && self.version == .one && self.section.upgrades(to: "websocket", bytes)
        self.keepsAlive = !options.closes && (self.version == .one || options.keepsAlive)
        guard let expectsContinue = self.section.expectsContinue(bytes) else {
            return .unknownExpectation
        }
        self.expectsContinue = expectsContinue && self.version == .one
        return nil
    }

    private func checkHost(_ bytes: RawSpan) -> HeadRefusal? {
        guard let host = self.section.first(.host) else {
            return self.version == .one ? .missingHost : nil
        }
        if self.section.repeated.contains(.host) { return .repeatedHost }
        // The grammar lets the value be empty, and health checkers send it so.
        return HostSyntax.isValid(bytes, host.value, allowsEmpty: true) ? nil : .invalidHost
    }

    /// Finds the form of the target and its parts (RFC 9112 section 3.2).
    private mutating func readTarget(_ bytes: RawSpan) -> HeadRefusal? {
        if self.method == .connect { return self.readAuthorityForm(bytes) }
        let first = bytes.byte(self.targetStart)
        if first == ASCII.slash {
            self.targetForm = .origin
            self.setPath(bytes, from: self.targetStart)
            return nil
        }
        if first == ASCII.asterisk, self.targetEnd - self.targetStart == 1 {
            self.targetForm = .asterisk
            self.pathStart = self.targetEnd
            self.pathEnd = self.targetEnd
            return self.method == .options ? nil : .targetFormMismatch
        }
        return self.readAbsoluteForm(bytes)
    }

    private mutating func readAuthorityForm(_ bytes: RawSpan) -> HeadRefusal? {
        self.targetForm = .authority
        self.authorityStart = self.targetStart
        self.authorityEnd = self.targetEnd
        self.pathStart = self.targetEnd
        self.pathEnd = self.targetEnd
        guard HostSyntax.isValid(bytes, self.target, allowsEmpty: false) else {
            return .targetFormMismatch
        }
        return HostSyntax.hasPort(bytes, self.target) ? nil : .targetFormMismatch
    }

    private mutating func readAbsoluteForm(_ bytes: RawSpan) -> HeadRefusal? {
        self.targetForm = .absolute
        let colon = bytes.firstOffset(of: ASCII.colon, from: self.targetStart, to: self.targetEnd)
        let scheme = colon - self.targetStart
        let isKnown =
            bytes.equals("http", at: self.targetStart, count: scheme)
            || bytes.equals("https", at: self.targetStart, count: scheme)
        guard isKnown, colon + 2 < self.targetEnd, bytes.byte(colon + 1) == ASCII.slash,
            bytes.byte(colon + 2) == ASCII.slash
        else { return .targetFormMismatch }
        self.authorityStart = colon + 3
        var end = self.authorityStart
        while end < self.targetEnd, bytes.byte(end) != ASCII.slash, bytes.byte(end) != ASCII.question {
            end += 1
        }
        self.authorityEnd = end
        self.setPath(bytes, from: end)
        let authority = self.authorityStart..<self.authorityEnd
        return HostSyntax.isValid(bytes, authority, allowsEmpty: false) ? nil : .invalidHost
    }

    private mutating func setPath(_ bytes: RawSpan, from start: Int) {
        self.pathStart = start
        self.pathEnd = bytes.firstOffset(of: ASCII.question, from: start, to: self.targetEnd)
    }
}
