import MetricKernel
import Testing

@Suite struct SeriesKeyTests {
    @Test(arguments: [0, 1, 511, 1023] as [UInt16])
    func aKeyGivesBackItsFamilyAndItsLabels(family: UInt16) {
        let labels = LabelIndexes(4095, 0, 17, 2048)
        let key = SeriesKey(FamilyID(rawValue: family), labels)
        #expect(key.family.rawValue == family)
        #expect(key.labels == labels)
        #expect((0..<4).map { key.labels[$0] } == [4095, 0, 17, 2048])
        #expect(key.labels[4] == 0 && key.labels[-1] == 0)
    }

    @Test func labelsAreOrderedByTheirFirstDifference() {
        #expect(LabelIndexes(1, 4095) < LabelIndexes(2, 0))
        #expect(LabelIndexes(1, 1, 4095) < LabelIndexes(1, 2))
        #expect(LabelIndexes(1, 1, 1, 3) < LabelIndexes(1, 1, 1, 4))
    }

    @Test func fewerLabelsArePaddedWithPositionZero() {
        #expect(LabelIndexes(7) == LabelIndexes(7, 0, 0, 0))
        #expect(LabelIndexes(7, 8) == LabelIndexes(7, 8, 0, 0))
        #expect(LabelIndexes(7, 8, 9) == LabelIndexes(7, 8, 9, 0))
        #expect(LabelIndexes() == LabelIndexes(0))
    }
}
