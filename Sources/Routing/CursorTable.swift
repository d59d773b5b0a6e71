import Domain
import Synchronization

/// A counter that every loop advances, alone on its cache lines.
struct Cursor: ~Copyable, Sendable {
    private let paddingBefore: InlineArray<15, UInt64>
    private let position: Atomic<UInt64>
    private let paddingAfter: InlineArray<15, UInt64>

    init() {
        self.paddingBefore = .init(repeating: 0)
        self.position = Atomic(0)
        self.paddingAfter = .init(repeating: 0)
    }

    /// Moves on and returns where the cursor stood.
    func advance() -> UInt64 { self.position.wrappingAdd(1, ordering: .relaxed).oldValue }

    /// Where the cursor stands.
    func peek() -> UInt64 { self.position.load(ordering: .relaxed) }
}

/// One round-robin cursor per distinct candidate set, shared by all loops.
///
/// A set claims the first free cell at or after the one its fingerprint names; a look-up is one load and one add.
///
/// - Isolation: shared; every operation is atomic.
/// - Bounds: 128 cells of 128 bytes. A set that finds neither its own nor a free cell within eight shares the cursor of
///   the first: the rotation stays fair as a whole, the two sets only disturb each other.
struct CursorTable: ~Copyable, Sendable {
    private struct Cell: ~Copyable, Sendable {
        // 0 is free.
        let owner: Atomic<UInt64>
        let position: Atomic<UInt64>
        let padding: InlineArray<14, UInt64>

        init() {
            self.owner = Atomic(0)
            self.position = Atomic(0)
            self.padding = .init(repeating: 0)
        }
    }

    private static let probeMax = 8
    private let cells: InlineArray<128, Cell>

    init() { self.cells = InlineArray { _ in Cell() } }

    /// Advances the cursor of a candidate set and returns where it stood.
    func advance(_ set: EndpointSet) -> UInt64 {
        let tag = max(1, set.fingerprint)
        let first = Int(tag >> 57)
        for probe in 0..<Self.probeMax {
            let cell = (first + probe) & 127
            var owner = self.cells[cell].owner.load(ordering: .relaxed)
            if owner == 0 {
                let claim = self.cells[cell].owner.compareExchange(
                    expected: 0, desired: tag, ordering: .relaxed)
                owner = claim.exchanged ? tag : claim.original
            }
            if owner == tag { return self.step(cell) }
        }
        return self.step(first)
    }

    /// Where the cursor of a candidate set stands; claims no cell.
    func peek(_ set: EndpointSet) -> UInt64 {
        let tag = max(1, set.fingerprint)
        let first = Int(tag >> 57)
        for probe in 0..<Self.probeMax {
            let cell = (first + probe) & 127
            let owner = self.cells[cell].owner.load(ordering: .relaxed)
            if owner == tag { return self.cells[cell].position.load(ordering: .relaxed) }
            if owner == 0 { return 0 }
        }
        return self.cells[first].position.load(ordering: .relaxed)
    }

    private func step(_ cell: Int) -> UInt64 {
        self.cells[cell].position.wrappingAdd(1, ordering: .relaxed).oldValue
    }
}
