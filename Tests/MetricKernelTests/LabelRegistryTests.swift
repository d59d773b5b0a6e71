import MetricKernel
import Testing

@Suite struct LabelRegistryTests {
    @Test func aValueKeepsItsPosition() {
        let registry = LabelRegistry(reserved: ["none", "other"], liveLimit: 8)
        #expect(registry.add("a") == 2)
        #expect(registry.add("b") == 3)
        #expect(registry.add("a") == 2)
        #expect(registry.position(of: "b") == 3)
        #expect(registry.position(of: "c") == nil)
        #expect(registry.add("other") == 1)
    }

    @Test func aFullRegistryRefusesUntilAValueIsRemoved() {
        let registry = LabelRegistry(reserved: ["other"], liveLimit: 2)
        #expect(registry.add("a") == 1)
        #expect(registry.add("b") == 2)
        #expect(registry.add("c") == nil)
        #expect(registry.remove("a"))
        #expect(registry.add("c") == 3)
    }

    @Test func aValueAddedAnewGetsANewPosition() {
        let registry = LabelRegistry(reserved: [], liveLimit: 2)
        #expect(registry.add("a") == 0)
        #expect(registry.remove("a"))
        #expect(!registry.remove("a"))
        #expect(registry.add("a") == 1)
    }

    @Test func reservedValuesCannotBeRemoved() {
        let registry = LabelRegistry(reserved: ["other"], liveLimit: 1)
        #expect(!registry.remove("other"))
        #expect(registry.position(of: "other") == 0)
    }

    @Test func emptyAndOverlongValuesAreRefused() {
        let registry = LabelRegistry(reserved: [], liveLimit: 8)
        #expect(registry.add("") == nil)
        #expect(registry.add(String(repeating: "x", count: LabelRegistry.lengthLimit)) == 0)
        #expect(registry.add(String(repeating: "x", count: LabelRegistry.lengthLimit + 1)) == nil)
    }

    @Test func positionsRunOutAfterTheDomainLimit() {
        let registry = LabelRegistry(reserved: [], liveLimit: 1)
        for round in 0..<LabelIndexes.valueLimit {
            #expect(registry.add("v\(round)") == UInt16(round))
            registry.remove("v\(round)")
        }
        #expect(registry.add("one more") == nil)
    }
}
