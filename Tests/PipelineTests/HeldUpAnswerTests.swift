import Domain
import Testing

@testable import Pipeline

@Suite("An answer that is complete before the client took it")
struct HeldUpAnswerTests {
    @Test("waits for the client, not for the gateway", arguments: [RequestMachine.Phase.finishing, .answering])
    func heldUp(phase: RequestMachine.Phase) {
        let script = MachineScript()
        script.reach(phase)
        let start = script.tick()
        script.machine.answerHeldUp(at: start)
        let end = start + .seconds(3)
        script.machine.responseFlushed(at: end)
        let timeline = script.machine.timeline
        #expect(timeline[.writeResponse] >= .seconds(3))
        #expect(timeline[.finish] < .seconds(1))
        let isFinished = script.machine.isFinished
        #expect(isFinished)
    }

    @Test(
        "and a client that leaves then leaves in that stage", arguments: [RequestMachine.Phase.finishing, .answering])
    func left(phase: RequestMachine.Phase) {
        let script = MachineScript()
        script.reach(phase)
        script.machine.answerHeldUp(at: script.tick())
        let ended = script.machine.clientClosed(at: script.tick())
        #expect(ended)
        let (stage, outcome) = (script.machine.cancelledIn, script.machine.outcome)
        #expect(stage == .writeResponse)
        #expect(outcome == .clientCancelled)
    }

    @Test("and in no other phase anything changes", arguments: [RequestMachine.Phase.waiting, .relaying, .finished])
    func elsewhere(phase: RequestMachine.Phase) {
        let script = MachineScript()
        script.reach(phase)
        let before = script.machine.timeline.stage
        script.machine.answerHeldUp(at: script.tick())
        let after = script.machine.timeline.stage
        #expect(after == before)
    }
}
