import Domain
import SeededRandomness
import Testing

@Suite("Endpoint sets")
struct EndpointSetTests {
    private func index(_ value: Int) -> EndpointIndex { EndpointIndex(rawValue: UInt16(value)) }

    private func elements(of set: EndpointSet) -> [Int] {
        set.map { Int($0.rawValue) }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `behave like sets of numbers`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var sets = [EndpointSet(), EndpointSet()]
        var models: [Set<Int>] = [[], []]
        for _ in 0..<400 {
            let side = Int(random.next() % 2)
            let value = Int(random.next() % UInt64(EndpointSet.capacity))
            if random.next() % 3 == 0 {
                sets[side].remove(self.index(value))
                models[side].remove(value)
            } else {
                sets[side].insert(self.index(value))
                models[side].insert(value)
            }
            #expect(sets[side].contains(self.index(value)) == models[side].contains(value))
        }
        for (set, model) in zip(sets, models) {
            #expect(self.elements(of: set) == model.sorted())
            #expect(set.count == model.count)
            #expect(set.isEmpty == model.isEmpty)
            for (position, value) in model.sorted().enumerated() {
                #expect(set.element(at: position) == self.index(value))
            }
            #expect(set.element(at: model.count) == nil)
        }
        #expect(self.elements(of: sets[0].union(sets[1])) == models[0].union(models[1]).sorted())
        #expect(self.elements(of: sets[0].intersection(sets[1])) == models[0].intersection(models[1]).sorted())
        #expect(self.elements(of: sets[0].subtracting(sets[1])) == models[0].subtracting(models[1]).sorted())
        #expect((sets[0] == sets[1]) == (models[0] == models[1]))
    }

    @Test func `that differ in one endpoint have different fingerprints`() {
        var seen: Set<UInt64> = [EndpointSet().fingerprint]
        for first in 0..<EndpointSet.capacity {
            var single = EndpointSet()
            single.insert(self.index(first))
            #expect(seen.insert(single.fingerprint).inserted)
            for second in 0..<first {
                var pair = single
                pair.insert(self.index(second))
                #expect(seen.insert(pair.fingerprint).inserted)
            }
        }
    }
}

@Suite("Model names")
struct ModelNameTests {
    @Test(
        arguments: [
            ("llama3", "llama3"), ("  Llama3\t", "llama3"), ("LLAMA3:Latest", "llama3"), ("llama3:8b", "llama3:8b"),
            (":latest", ":latest"), ("x:latest:latest", "x:latest"), ("", ""), ("  ", ""),
            ("Org/Model-É", "org/model-É"), ("latest", "latest"),
        ])
    func `are compared without case, white space and the tag latest`(name: String, key: String) {
        #expect(ModelName.key(name) == key)
        let bytes = Array(name.utf8)
        let range = ModelName.significantRange(of: bytes.span)
        let keyBytes = Array(key.utf8)
        let isEqual = ModelName.isEqual(bytes.span, in: range, toKey: keyBytes.span, in: 0..<keyBytes.count)
        #expect(isEqual)
        let hash = ModelName.hash(bytes.span, in: range)
        let keyHash = ModelName.hash(keyBytes.span, in: 0..<keyBytes.count)
        #expect(hash == keyHash)
    }
}
