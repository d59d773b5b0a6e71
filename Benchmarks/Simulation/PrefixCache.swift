/// The conversations whose prefix an endpoint still holds; the one used longest ago goes first.
struct PrefixCache {
    private let capacity: Int
    private var lastUse: [Int: Int] = [:]
    private var uses: [(conversation: Int, number: Int)] = []
    private var first = 0
    private var number = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Uses a conversation's prefix; true when it was still there.
    mutating func use(_ conversation: Int) -> Bool {
        self.number += 1
        let isHit = self.lastUse.updateValue(self.number, forKey: conversation) != nil
        self.uses.append((conversation, self.number))
        while self.lastUse.count > self.capacity { self.dropOldest() }
        if self.first > 4_096, self.first * 2 > self.uses.count {
            self.uses.removeFirst(self.first)
            self.first = 0
        }
        return isHit
    }

    /// Forgets everything, as a server does that starts.
    mutating func clear() {
        self.lastUse.removeAll()
        self.uses.removeAll()
        self.first = 0
    }

    private mutating func dropOldest() {
        let oldest = self.uses[self.first]
        self.first += 1
        if self.lastUse[oldest.conversation] == oldest.number { self.lastUse[oldest.conversation] = nil }
    }
}
