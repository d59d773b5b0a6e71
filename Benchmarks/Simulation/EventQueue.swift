/// What is due at a moment of virtual time, earliest first: a binary heap.
struct EventQueue<Event> {
    private var entries: [(time: Double, order: Int, event: Event)] = []
    private var nextOrder = 0

    var nextTime: Double? { self.entries.first?.time }

    mutating func add(_ event: Event, at time: Double) {
        self.entries.append((time, self.nextOrder, event))
        self.nextOrder += 1
        var child = self.entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.isEarlier(child, parent) else { return }
            self.entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() -> (time: Double, event: Event)? {
        guard let first = self.entries.first else { return nil }
        let last = self.entries.removeLast()
        guard !self.entries.isEmpty else { return (first.time, first.event) }
        self.entries[0] = last
        var parent = 0
        while true {
            var earliest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.entries.count {
                if self.isEarlier(child, earliest) { earliest = child }
            }
            if earliest == parent { return (first.time, first.event) }
            self.entries.swapAt(parent, earliest)
            parent = earliest
        }
    }

    private func isEarlier(_ left: Int, _ right: Int) -> Bool {
        (self.entries[left].time, self.entries[left].order) < (self.entries[right].time, self.entries[right].order)
    }
}
