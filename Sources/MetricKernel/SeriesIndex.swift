/// Finds a series' cells by its key: open addressing, linear probing, a power-of-two table.
///
/// - Isolation: owned by one shard, used by its owner only.
/// - Bounds: never more than half full; allocates only when it grows.
@usableFromInline
struct SeriesIndex {
    @usableFromInline
    struct Slot {
        @usableFromInline var key: UInt64
        @usableFromInline var offset: UInt64

        @inlinable
        init(key: UInt64, offset: UInt64) {
            self.key = key
            self.offset = offset
        }
    }

    @usableFromInline var slots: [Slot]
    @usableFromInline var shift: UInt64
    private var count = 0

    init() {
        self.slots = Array(repeating: Slot(key: 0, offset: 0), count: 1 << 10)
        self.shift = 64 - 10
    }

    /// Where the probing for a key begins: the top bits of a Fibonacci hash.
    @inlinable
    func home(of key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> self.shift)
    }

    /// The cell offset of a key, or nil at first sight.
    @inlinable
    func offset(of key: SeriesKey) -> Int? {
        let mask = self.slots.count &- 1
        var place = self.home(of: key.rawValue)
        while true {
            let slot = self.slots[place]
            if slot.key == key.rawValue { return Int(truncatingIfNeeded: slot.offset) }
            if slot.key == 0 { return nil }
            place = (place &+ 1) & mask
        }
    }

    /// Adds a key that is not in the table.
    mutating func insert(_ key: SeriesKey, offset: Int) {
        if (self.count + 1) * 2 > self.slots.count { self.grow() }
        self.place(Slot(key: key.rawValue, offset: UInt64(offset)))
        self.count += 1
    }

    private mutating func place(_ slot: Slot) {
        let mask = self.slots.count - 1
        var place = self.home(of: slot.key)
        while self.slots[place].key != 0 { place = (place + 1) & mask }
        self.slots[place] = slot
    }

    private mutating func grow() {
        let old = self.slots
        self.slots = Array(repeating: Slot(key: 0, offset: 0), count: old.count * 2)
        self.shift -= 1
        for slot in old where slot.key != 0 { self.place(slot) }
    }
}
