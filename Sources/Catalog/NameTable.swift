public import Domain

/// Finds a name among many without making a `String` of it: open addressing over lower-cased bytes.
///
/// - Bounds: immutable; at most half of the slots are taken, so a look-up ends after few probes. No allocation.
@usableFromInline
struct NameTable: Sendable {
    // Position + 1 of the key, 0 for a free slot. The number of slots is a power of two.
    @usableFromInline let slots: [UInt32]
    @usableFromInline let hashes: [UInt32]
    // The i-th key is bytes[bounds[i] ..< bounds[i + 1]].
    @usableFromInline let bounds: [Int]
    @usableFromInline let bytes: [UInt8]

    /// - Parameter keys: distinct results of ``ModelName/key(_:)``.
    init(keys: [String]) {
        var slotCount = 8
        while slotCount < keys.count * 2 { slotCount *= 2 }
        var slots = [UInt32](repeating: 0, count: slotCount)
        var hashes: [UInt32] = []
        var bounds = [0]
        var bytes: [UInt8] = []
        for (position, key) in keys.enumerated() {
            bytes.append(contentsOf: key.utf8)
            let range = bounds[position]..<bytes.count
            let hash = ModelName.hash(bytes.span, in: range)
            hashes.append(hash)
            bounds.append(bytes.count)
            var slot = Int(hash) & (slotCount - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slotCount - 1) }
            slots[slot] = UInt32(position + 1)
        }
        self.slots = slots
        self.hashes = hashes
        self.bounds = bounds
        self.bytes = bytes
    }

    /// The position of the key that a name stands for, or nil.
    @inlinable
    func position(of name: Span<UInt8>) -> Int? {
        let range = ModelName.significantRange(of: name)
        guard !range.isEmpty, !self.hashes.isEmpty else { return nil }
        let hash = ModelName.hash(name, in: range)
        let mask = self.slots.count - 1
        var slot = Int(hash) & mask
        while self.slots[slot] != 0 {
            let position = Int(self.slots[slot]) - 1
            if self.hashes[position] == hash,
                ModelName.isEqual(
                    name, in: range, toKey: self.bytes.span,
                    in: self.bounds[position]..<self.bounds[position + 1])
            {
                return position
            }
            slot = (slot + 1) & mask
        }
        return nil
    }
}
