import Testing

@testable import Transport

private final class Link {}

@Suite("IdleConnections")
struct IdleConnectionsTests {
    @Test("the connection used last is reused first")
    func lastInFirstOut() {
        var idle = IdleConnections<Link>(endpoints: 2, limits: .init(perEndpoint: 4, total: 8))
        let links = (0..<3).map { _ in Link() }
        for link in links { _ = idle.put(link, for: 1) }
        let (none, last, middle) = (idle.take(0), idle.take(1), idle.take(1))
        #expect(none == nil)
        #expect(last === links[2])
        #expect(middle === links[1])
        #expect(idle.count == 1)
    }

    @Test("beyond the endpoint's bound the oldest makes room, beyond the total the newcomer goes")
    func bounds() {
        var idle = IdleConnections<Link>(endpoints: 2, limits: .init(perEndpoint: 2, total: 3))
        let links = (0..<5).map { _ in Link() }
        var displaced: [Link?] = []
        for (link, endpoint) in zip(links, [0, 0, 0, 1, 1]) { displaced.append(idle.put(link, for: endpoint)) }
        #expect(displaced[0] == nil && displaced[1] == nil && displaced[3] == nil)
        #expect(displaced[2] === links[0])
        #expect(displaced[4] === links[4])
        #expect(idle.count == 3)
        let unknown = idle.put(links[4], for: 9)
        #expect(unknown === links[4])
    }

    @Test("a connection closed while idle is never handed out")
    func closedWhileIdle() {
        var idle = IdleConnections<Link>(endpoints: 1, limits: .init(perEndpoint: 4, total: 4))
        let (open, closed) = (Link(), Link())
        _ = idle.put(open, for: 0)
        _ = idle.put(closed, for: 0)
        let (first, second) = (idle.remove(closed, for: 0), idle.remove(closed, for: 0))
        #expect(first)
        #expect(!second)
        let (taken, none) = (idle.take(0), idle.take(0))
        #expect(taken === open)
        #expect(none == nil)
    }

    @Test("a bound of zero keeps nothing")
    func zero() {
        var idle = IdleConnections<Link>(endpoints: 1, limits: .init(perEndpoint: 0, total: 0))
        let link = Link()
        let refused = idle.put(link, for: 0)
        #expect(refused === link)
        #expect(idle.count == 0)
    }
}
