import Synchronization

/// The values of an open-ended label, bounded and indexed.
///
/// A value keeps its position for life. A removed value shows in one more snapshot and then never
/// again; added anew it gets a new position, and with it series that start at zero.
///
/// - Isolation: any thread; meant for the control plane, since every call takes a lock.
/// - Bounds: `liveLimit` values at a time, ``LabelIndexes/valueLimit`` ever, ``lengthLimit`` bytes
///   each; past any of these ``add(_:)`` returns nil and the caller folds into an overflow value.
public final class LabelRegistry: Sendable {
    /// The most UTF-8 bytes of a value.
    public static let lengthLimit = 256

    enum Life: UInt8, Sendable {
        case live
        case retiring
        case gone
    }

    struct Contents: Sendable {
        var values: [String]
        var lives: [Life]
        /// The snapshot before a value was there, nil until the first one that shows it.
        var births: [Int64?]
        /// When the newest snapshot was made.
        var lastRead: Int64 = 0
        var positions: [String: UInt16]
        var liveCount: Int
    }

    private let reservedCount: Int
    private let liveLimit: Int
    private let contents: Mutex<Contents>

    /// Makes a registry whose first values are reserved: always there, never removed, not limited.
    public init(reserved: [String], liveLimit: Int) {
        self.reservedCount = reserved.count
        self.liveLimit = liveLimit
        var positions: [String: UInt16] = [:]
        for (position, value) in reserved.enumerated() where positions[value] == nil {
            positions[value] = UInt16(clamping: position)
        }
        self.contents = Mutex(
            Contents(
                values: reserved, lives: Array(repeating: .live, count: reserved.count),
                births: Array(repeating: 0, count: reserved.count), positions: positions,
                liveCount: 0))
    }

    /// The position of a value, added if it is new; nil when it is empty, too long or no room is
    /// left.
    public func add(_ value: String) -> UInt16? {
        self.contents.withLock { contents in
            if let position = contents.positions[value] { return position }
            guard
                !value.isEmpty, value.utf8.count <= Self.lengthLimit,
                contents.liveCount < self.liveLimit,
                contents.values.count < LabelIndexes.valueLimit
            else { return nil }
            // The old series of a value that comes back before they were shown for the last time
            // are not shown: a page has no two series of one name.
            for old in contents.values.indices
            where contents.lives[old] == .retiring && contents.values[old] == value {
                contents.lives[old] = .gone
            }
            let position = UInt16(contents.values.count)
            contents.values.append(value)
            contents.lives.append(.live)
            contents.births.append(nil)
            contents.positions[value] = position
            contents.liveCount += 1
            return position
        }
    }

    /// The position of a value that is live, or nil.
    public func position(of value: String) -> UInt16? {
        self.contents.withLock { $0.positions[value] }
    }

    /// Removes a value; its series appear in one more snapshot.
    ///
    /// Returns whether the value was live; reserved values stay.
    @discardableResult
    public func remove(_ value: String) -> Bool {
        self.contents.withLock { contents in
            guard
                let position = contents.positions[value], Int(position) >= self.reservedCount
            else { return false }
            contents.positions[value] = nil
            contents.lives[Int(position)] = .retiring
            contents.liveCount -= 1
            return true
        }
    }

    /// The values as they stand, for one snapshot made at `wallTime`, or at an unknown time (0).
    func read(at wallTime: Int64) -> LabelValues {
        self.contents.withLock { contents in
            for position in contents.births.indices where contents.births[position] == nil {
                contents.births[position] = contents.lastRead
            }
            contents.lastRead = max(contents.lastRead, wallTime)
            return LabelValues(
                values: contents.values, lives: contents.lives,
                births: contents.births.map { $0 ?? 0 })
        }
    }

    /// Ends the life of the values that were retiring in `seen`: their last snapshot was made.
    func bury(_ seen: LabelValues) {
        self.contents.withLock { contents in
            for position in seen.lives.indices where seen.lives[position] == .retiring {
                contents.lives[position] = .gone
            }
        }
    }
}

/// The values of one label at the time of a snapshot.
public struct LabelValues: Sendable {
    /// The values by position, removed ones included.
    public let values: [String]
    let lives: [LabelRegistry.Life]
    /// A moment at which a value was not there yet, in nanoseconds since the Unix epoch, or 0.
    private let births: [Int64]

    init(closed values: [String]) {
        self.values = values
        self.lives = []
        self.births = []
    }

    init(values: [String], lives: [LabelRegistry.Life], births: [Int64]) {
        self.values = values
        self.lives = lives
        self.births = births
    }

    func birth(at position: Int) -> Int64 {
        position < self.births.count ? self.births[position] : 0
    }

    func life(at position: Int) -> LabelRegistry.Life {
        guard position < self.values.count else { return .gone }
        return self.lives.isEmpty ? .live : self.lives[position]
    }
}
