extension ResponseHead {
    /// Parses as much of a head as the buffer holds.
    ///
    /// Call it as ``RequestHead/parse(_:limits:)``. An interim response completes like any other;
    /// the caller skips it and calls again with the bytes behind it.
    ///
    /// - Parameters:
    ///   - bytes: The buffer; offsets count from its first byte.
    ///   - limits: What a head may cost; the limit of the target has no meaning here.
    ///   - method: The method of the request that is answered; HEAD makes a response without a
    ///     body.
    /// - Returns: Whether the head is complete, and how long it is.
    public mutating func parse(
        _ bytes: RawSpan, limits: HeadLimits, method: RequestMethod
    ) -> HeadProgress {
        switch self.phase {
        case .complete: self.reset()
        case .refused(let refusal): return .refused(refusal)
        default: break
        }
        let end = min(bytes.byteCount, limits.headBytesMax)
        switch self.scan(bytes, to: end, limits: limits) {
        case .done:
            if let refusal = self.conclude(bytes, method: method) { return self.refuse(refusal) }
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
            case .version: step = self.scanVersion(bytes, to: end)
            case .spaceBeforeStatus: step = self.scanSpaceBeforeStatus(bytes)
            case .status: step = self.scanStatus(bytes)
            case .spaceBeforeReason: step = self.scanSpaceBeforeReason(bytes)
            case .reason: step = self.scanReason(bytes, to: end)
            case .lineFeed: step = self.scanLineFeed(bytes)
            case .fields, .complete, .refused:
                return self.section.scan(
                    bytes, to: end, cursor: &self.cursor, side: .response,
                    fieldsMax: limits.fieldsMax)
            }
            if step != .done { return step }
        }
        return .starved
    }

    private mutating func scanVersion(_ bytes: RawSpan, to end: Int) -> ScanStep {
        switch VersionSyntax.read(bytes, from: 0, to: end) {
        case .version(let version):
            self.version = version
            self.cursor = VersionSyntax.count
            self.phase = .spaceBeforeStatus
            return .done
        case .starved:
            self.cursor = end
            return .starved
        case .refused(let refusal):
            return .refused(refusal)
        }
    }

    private mutating func scanSpaceBeforeStatus(_ bytes: RawSpan) -> ScanStep {
        guard bytes.byte(self.cursor) == ASCII.space else {
            return .refused(bytes.byte(self.cursor) == ASCII.lineFeed ? .bareLineFeed : .invalidStatus)
        }
        self.cursor += 1
        self.statusEnd = self.cursor + 3
        self.phase = .status
        return .done
    }

    private mutating func scanStatus(_ bytes: RawSpan) -> ScanStep {
        let byte = bytes.byte(self.cursor)
        guard ASCII.isDigit(byte) else {
            return .refused(byte == ASCII.lineFeed ? .bareLineFeed : .invalidStatus)
        }
        let digit = UInt16(byte - ASCII.zero)
        if self.status == 0, digit == 0 { return .refused(.invalidStatus) }
        self.status = self.status * 10 + digit
        self.cursor += 1
        if self.cursor == self.statusEnd { self.phase = .spaceBeforeReason }
        return .done
    }

    private mutating func scanSpaceBeforeReason(_ bytes: RawSpan) -> ScanStep {
        switch bytes.byte(self.cursor) {
        case ASCII.space:
            self.cursor += 1
            self.reasonStart = self.cursor
            self.phase = .reason
        case ASCII.carriageReturn:
            self.reasonStart = self.cursor
            self.reasonEnd = self.cursor
            self.cursor += 1
            self.phase = .lineFeed
        case ASCII.lineFeed: return .refused(.bareLineFeed)
        default: return .refused(.invalidStatus)
        }
        return .done
    }

    private mutating func scanReason(_ bytes: RawSpan, to end: Int) -> ScanStep {
        self.cursor = bytes.skipFieldContent(from: self.cursor, to: end)
        guard self.cursor < end else { return .starved }
        switch bytes.byte(self.cursor) {
        case ASCII.carriageReturn:
            self.reasonEnd = self.cursor
            self.cursor += 1
            self.phase = .lineFeed
            return .done
        case ASCII.lineFeed: return .refused(.bareLineFeed)
        default: return .refused(.invalidStatus)
        }
    }

    private mutating func scanLineFeed(_ bytes: RawSpan) -> ScanStep {
        guard bytes.byte(self.cursor) == ASCII.lineFeed else { return .refused(.bareCarriageReturn) }
        self.cursor += 1
        self.phase = .fields
        return .done
    }
}

extension ResponseHead {
    /// Draws the conclusions that need the whole head.
    private mutating func conclude(_ bytes: RawSpan, method: RequestMethod) -> HeadRefusal? {
        // The gateway forwards no Upgrade, so no backend may switch.
        if self.status == 101 { return .unexpectedSwitch }
        switch self.section.declaredFraming(bytes, version: self.version) {
        case .nothing:
            self.framing = .untilClose
        case .length(let length):
            self.declaredLength = length
            self.framing = .length(length)
        case .chunked:
            self.framing = .chunked
        case .refused(let refusal):
            return refusal
        }
        // RFC 9112 section 6.3, rule 1: these end with the head whatever the fields say.
        if method == .head || self.status < 200 || self.status == 204 || self.status == 304 {
            self.framing = .none
        }
        var options = FieldSection.ConnectionOptions()
        if let refusal = self.section.readConnection(bytes, &options) { return refusal }
        self.keepsAlive =
            self.framing != .untilClose && !options.closes
            && (self.version == .one || options.keepsAlive)
        return nil
    }
}
