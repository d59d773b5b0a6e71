import Synchronization

/// Two counts over the last few seconds, kept in ten time slices that all loops add to.
///
/// A slice is one word: a 24-bit slice number above two 20-bit counts, so that a slice that has expired is
/// replaced and counted into by one compare-and-exchange. The window moves by whole slices: it covers between
/// nine and ten tenths of its nominal length.
///
/// - Isolation: shared; every operation is atomic.
/// - Bounds: constant size. A slice counts at most 1,048,575 events and ignores further ones, both kinds alike, so
///   that ratios stay right.
struct SlidingCounts: ~Copyable, Sendable {
    private static let sliceCount: Int64 = 10
    private static let stampMask: UInt64 = 0xFF_FFFF
    private static let countMask: UInt64 = 0xF_FFFF

    private let cells: InlineArray<10, Atomic<UInt64>>
    private let sliceLength: Int64

    /// - Parameter window: the nominal length; at least ten nanoseconds.
    init(window: Nanoseconds) {
        self.cells = InlineArray { _ in Atomic(0) }
        self.sliceLength = max(1, window.rawValue / Self.sliceCount)
    }

    /// Adds to both counts.
    func add(_ first: UInt64, _ second: UInt64, at now: MonotonicTime) {
        let slice = max(0, now.rawValue) / self.sliceLength
        let stamp = UInt64(slice) & Self.stampMask
        let position = Int(slice % Self.sliceCount)
        var word = self.cells[position].load(ordering: .relaxed)
        while true {
            var next = stamp << 40 | first << 20 | second
            if word >> 40 == stamp {
                let firstSum = (word >> 20 & Self.countMask) + first
                let secondSum = (word & Self.countMask) + second
                guard firstSum <= Self.countMask, secondSum <= Self.countMask else { return }
                next = stamp << 40 | firstSum << 20 | secondSum
            }
            let (exchanged, original) = self.cells[position].weakCompareExchange(
                expected: word, desired: next, ordering: .relaxed)
            if exchanged { return }
            word = original
        }
    }

    /// Both counts over the window that ends now.
    func totals(at now: MonotonicTime) -> (first: Int, second: Int) {
        // Clock readings of two loops may differ by less than a slice, so the next slice counts as current.
        let newest = UInt64(max(0, now.rawValue) / self.sliceLength) + 1
        var first: UInt64 = 0
        var second: UInt64 = 0
        for position in 0..<Int(Self.sliceCount) {
            let word = self.cells[position].load(ordering: .relaxed)
            guard (newest &- (word >> 40)) & Self.stampMask <= UInt64(Self.sliceCount) else { continue }
            first += word >> 20 & Self.countMask
            second += word & Self.countMask
        }
        return (Int(first), Int(second))
    }

    /// Forgets everything.
    func clear() {
        for position in 0..<Int(Self.sliceCount) { self.cells[position].store(0, ordering: .relaxed) }
    }
}
