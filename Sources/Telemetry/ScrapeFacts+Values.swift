import Domain
import MetricKernel

extension ScrapeFacts {
    /// The facts as values of their families.
    func computedValues(loops: Int) -> [ComputedValue] {
        var values: [ComputedValue] = []
        for age in AgeClass.allCases {
            values.append(
                .init(
                    Metric.requestsInFlightByAge.family, .init(age.position),
                    value: self.inFlightByAge[Int(age.rawValue)]))
        }
        values.append(
            .init(
                Metric.oldestRequestStartTimestampSeconds.family,
                value: (self.oldestStart ?? .zero).rawValue))
        values.append(
            .init(
                Metric.rateLimitTrackedClients.family, value: Int64(self.rateLimitTrackedClients)))
        values.append(.init(Metric.stickySessions.family, value: Int64(self.stickySessions)))
        values.append(.init(Metric.swiftEventLoopThreads.family, value: Int64(loops)))
        for (loop, time) in self.eventLoopCPU.prefix(loops).enumerated() {
            values.append(
                .init(
                    Metric.swiftEventLoopCPUSecondsTotal.family, .init(UInt16(loop)),
                    value: time.rawValue))
        }
        if let endpoints = self.endpoints {
            values.append(
                .init(
                    Metric.endpoints.family, .init(EndpointHealthLabel.healthy.position),
                    value: Int64(endpoints.healthy)))
            values.append(
                .init(
                    Metric.endpoints.family, .init(EndpointHealthLabel.unhealthy.position),
                    value: Int64(endpoints.unhealthy)))
        }
        values += self.logValues()
        values += self.processValues()
        return values
    }

    private func logValues() -> [ComputedValue] {
        guard let log = self.log else { return [] }
        var values: [ComputedValue] = [
            .init(Metric.logQueueRecords.family, value: Int64(log.queuedRecords)),
            .init(Metric.logWrittenBytesTotal.family, value: Int64(log.writtenBytes)),
        ]
        for (level, count) in log.records {
            values.append(
                .init(Metric.logRecordsTotal.family, .init(level.position), value: Int64(count)))
        }
        for (reason, count) in log.dropped {
            values.append(
                .init(Metric.logDroppedTotal.family, .init(reason.position), value: Int64(count)))
        }
        return values
    }

    private func processValues() -> [ComputedValue] {
        guard let process = self.process else { return [] }
        var values: [ComputedValue] = [
            .init(Metric.processCPUSecondsTotal.family, value: process.cpuTime.rawValue),
            .init(Metric.processResidentMemoryBytes.family, value: Int64(process.residentBytes)),
            .init(Metric.processVirtualMemoryBytes.family, value: Int64(process.virtualBytes)),
            .init(Metric.processOpenFDs.family, value: Int64(process.openDescriptors)),
            .init(Metric.processMaxFDs.family, value: Int64(process.maxDescriptors)),
            .init(Metric.processStartTimeSeconds.family, value: process.startTime.rawValue),
        ]
        if let bytes = process.networkReceivedBytes {
            values.append(
                .init(Metric.processNetworkReceiveBytesTotal.family, value: Int64(bytes)))
        }
        if let bytes = process.networkSentBytes {
            values.append(
                .init(Metric.processNetworkTransmitBytesTotal.family, value: Int64(bytes)))
        }
        if let bytes = process.allocatedBytes {
            values.append(.init(Metric.swiftAllocatedBytes.family, value: Int64(bytes)))
        }
        return values
    }
}
