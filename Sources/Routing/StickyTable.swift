import Domain

/// Session keys and what they are pinned to, in order of last use.
///
/// - Isolation: its owner's lock.
/// - Bounds: room for the expected number is made at the first insertion; removed sessions leave their place to new ones.
struct StickyTable {
    private struct Session {
        var key: SessionKey
        var identity: UInt64
        var lastUse: MonotonicTime
        // Neighbours in order of use, towards the newest and towards the oldest; -1 at the ends.
        var newer: Int32
        var older: Int32
    }

    private static let nobody: Int32 = -1

    private var places: [SessionKey: Int32] = [:]
    private var sessions: [Session] = []
    private var free: [Int32] = []
    private var newest = StickyTable.nobody
    private var oldest = StickyTable.nobody

    var count: Int { self.places.count }

    /// What a session is pinned to, and that it was used now.
    mutating func touch(_ key: SessionKey, at now: MonotonicTime) -> UInt64? {
        guard let place = self.places[key] else { return nil }
        self.unlink(place)
        self.sessions[Int(place)].lastUse = now
        self.linkAsNewest(place)
        return self.sessions[Int(place)].identity
    }

    /// What a session is pinned to.
    func pin(of key: SessionKey, idleTime: Nanoseconds, at now: MonotonicTime) -> UInt64? {
        guard let place = self.places[key] else { return nil }
        let session = self.sessions[Int(place)]
        return Self.isExpired(session, idleTime: idleTime, at: now) ? nil : session.identity
    }

    /// Pins a session; true when it is a new one.
    mutating func pin(_ key: SessionKey, to identity: UInt64, at now: MonotonicTime, capacity: Int) -> Bool {
        if let place = self.places[key] {
            self.sessions[Int(place)].identity = identity
            return false
        }
        if self.sessions.isEmpty, capacity > 0 {
            self.places.reserveCapacity(capacity)
            self.sessions.reserveCapacity(capacity)
            self.free.reserveCapacity(capacity)
        }
        let session = Session(
            key: key, identity: identity, lastUse: now, newer: Self.nobody, older: Self.nobody)
        let place: Int32
        if let reused = self.free.popLast() {
            place = reused
            self.sessions[Int(place)] = session
        } else {
            place = Int32(self.sessions.count)
            self.sessions.append(session)
        }
        self.places[key] = place
        self.linkAsNewest(place)
        return true
    }

    /// Drops a session unless it has been pinned to something else meanwhile; true when it was dropped.
    mutating func remove(_ key: SessionKey, pinnedTo identity: UInt64) -> Bool {
        guard let place = self.places[key], self.sessions[Int(place)].identity == identity else { return false }
        self.remove(place)
        return true
    }

    /// Drops the session used longest ago; false when there is none but the one to keep.
    mutating func dropOldest(but kept: SessionKey) -> Bool {
        guard self.oldest != Self.nobody, self.sessions[Int(self.oldest)].key != kept else { return false }
        self.remove(self.oldest)
        return true
    }

    /// Drops what has idled too long and returns how many.
    mutating func dropExpired(idleTime: Nanoseconds, at now: MonotonicTime) -> Int {
        var count = 0
        while self.oldest != Self.nobody,
            Self.isExpired(self.sessions[Int(self.oldest)], idleTime: idleTime, at: now)
        {
            self.remove(self.oldest)
            count += 1
        }
        return count
    }

    /// Drops what is pinned to certain endpoints and returns how many.
    mutating func dropAll(where isGone: (UInt64) -> Bool) -> Int {
        var count = 0
        var place = self.oldest
        while place != Self.nobody {
            let next = self.sessions[Int(place)].newer
            if isGone(self.sessions[Int(place)].identity) {
                self.remove(place)
                count += 1
            }
            place = next
        }
        return count
    }

    private static func isExpired(_ session: Session, idleTime: Nanoseconds, at now: MonotonicTime) -> Bool {
        idleTime > .zero && now - session.lastUse > idleTime
    }

    private mutating func remove(_ place: Int32) {
        self.places[self.sessions[Int(place)].key] = nil
        self.unlink(place)
        self.free.append(place)
    }

    private mutating func unlink(_ place: Int32) {
        let session = self.sessions[Int(place)]
        if session.newer == Self.nobody {
            self.newest = session.older
        } else {
            self.sessions[Int(session.newer)].older = session.older
        }
        if session.older == Self.nobody {
            self.oldest = session.newer
        } else {
            self.sessions[Int(session.older)].newer = session.newer
        }
    }

    private mutating func linkAsNewest(_ place: Int32) {
        self.sessions[Int(place)].newer = Self.nobody
        self.sessions[Int(place)].older = self.newest
        if self.newest == Self.nobody {
            self.oldest = place
        } else {
            self.sessions[Int(self.newest)].newer = place
        }
        self.newest = place
    }
}
