public import Synchronization

// MARK: - Native buckets and exemplars, by the owner

extension MetricShard {
    /// Counts a value in a histogram and offers it as its bucket's exemplar.
    ///
    /// Returns whether the exemplar was kept: the bucket had none, one more than ten seconds older,
    /// or one of a smaller value.
    @inlinable
    @discardableResult
    public func observe(
        _ value: Int64, in cell: HistogramCell, exemplar: borrowing ExemplarContext
    ) -> Bool {
        let value = max(value, 0)
        let bucket = self.record(value, count: 1, in: cell)
        return self.keep(value, bucket, cell, exemplar)
    }

    /// Adds to the native bucket of a value.
    @inlinable
    func bumpNative(_ value: Int64, count: UInt64, in cell: HistogramCell) {
        // Without a key the cell is the spare one, whose words mean nothing.
        guard self.word(cell.offset &- 1) != 0 else { return }
        let first = cell.offset &+ Int(cell.boundsCount) &+ 2
        guard value > 0 else { return self.bump(first, by: count) }
        let index =
            NativeScale.index(of: Double(value) / Double(cell.nativeDivisor))
            &+ Int(cell.nativeShift)
        let place = first &+ 1 &+ index / NativeScale.runLength
        var run = Int(truncatingIfNeeded: self.word(place))
        if run == 0 { run = self.createRun(place, of: cell, index / NativeScale.runLength) }
        if run > 0 { self.bump(run &+ index % NativeScale.runLength, by: count) }
    }

    @inlinable
    func word(_ offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset < self.wordLimit)
        return unsafe self.words[offset].load(ordering: .relaxed)
    }

    func setWord(_ offset: Int, _ value: UInt64) {
        precondition(offset >= 0 && offset < self.wordLimit)
        unsafe self.words[offset].store(value, ordering: .relaxed)
    }

    /// Gives a series a run of native buckets and notes where; 0 when there is no room.
    @usableFromInline
    func createRun(_ place: Int, of cell: HistogramCell, _ run: Int) -> Int {
        let key = SeriesKey(rawValue: self.word(cell.offset - 1))
        let part = SeriesKey.Part.firstRun + UInt64(run)
        guard let start = self.append(key.part(part), cells: NativeScale.runLength) else { return 0 }
        self.setWord(place, UInt64(start))
        return start
    }

    @usableFromInline
    func keep(
        _ value: Int64, _ bucket: Int, _ cell: HistogramCell, _ exemplar: borrowing ExemplarContext
    ) -> Bool {
        let series = SeriesKey(rawValue: self.word(cell.offset - 1))
        guard series.rawValue != 0 else { return false }
        let key = series.part(SeriesKey.Part.firstExemplar + UInt64(bucket))
        if let start = self.index.offset(of: key) {
            let old = (
                value: Int64(bitPattern: self.word(start + ExemplarRecord.value)),
                wallTime: Int64(bitPattern: self.word(start + ExemplarRecord.wallTime))
            )
            guard
                ExemplarRecord.replaces(value: value, wallTime: exemplar.wallTime, old: old)
            else { return false }
            self.write(value, exemplar, at: start)
            return true
        }
        guard let start = self.append(key, cells: ExemplarRecord.wordCount) else { return false }
        self.index.insert(key, offset: start)
        self.write(value, exemplar, at: start)
        return true
    }

    private func write(_ value: Int64, _ exemplar: borrowing ExemplarContext, at start: Int) {
        self.setWord(start + ExemplarRecord.value, UInt64(bitPattern: value))
        self.setWord(start + ExemplarRecord.wallTime, UInt64(bitPattern: exemplar.wallTime))
        self.setWord(start + ExemplarRecord.traceHigh, exemplar.traceID.high)
        self.setWord(start + ExemplarRecord.traceLow, exemplar.traceID.low)
        self.setWord(start + ExemplarRecord.spanID, exemplar.spanID)
        self.setWord(start + ExemplarRecord.requestIDCount, exemplar.requestIDCount)
        for word in 0..<Int(truncatingIfNeeded: (exemplar.requestIDCount + 7) / 8) {
            self.setWord(start + ExemplarRecord.requestID + word, exemplar.requestID[word])
        }
    }
}
