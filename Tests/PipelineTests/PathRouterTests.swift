import Catalog
import Domain
import Pipeline
import SeededRandomness
import Testing

@Suite("PathRouter")
struct PathRouterTests {
    private let router = PathRouter(profiles: .builtIn)

    private func match(_ method: String, _ path: String, with router: PathRouter? = nil) -> PathMatch {
        let path = Array(path.utf8)
        let method = Array(method.utf8)
        return (router ?? self.router).match(path: path.span.bytes, method: method.span.bytes)
    }

    private func provider(_ prefix: String, prefixLength: Int) -> PathMatch.Target? {
        ProfileSet.builtIn.route(forPrefix: prefix.utf8.span)
            .map { .provider($0, prefixLength: prefixLength) }
    }

    private static let prefixes = [
        "ollama", "lmstudio", "lm-studio", "lm_studio", "openai", "openai-compatible", "vllm", "vllm-mlx",
        "sglang", "lmdeploy", "llamacpp", "litellm", "lemonade", "omlx", "dmr",
    ]

    // MARK: Local routes

    @Test(
        "Local routes answer GET and HEAD",
        arguments: [
            ("/internal/health", LocalRoute.health, RouteClass.internal),
            ("/internal/ready", .ready, .internal),
            ("/internal/metrics", .metrics, .internal),
            ("/internal/status", .status, .internal),
            ("/internal/status/endpoints", .statusEndpoints, .internal),
            ("/internal/status/models", .statusModels, .internal),
            ("/internal/requests", .requests, .internal),
            ("/internal/stats/models", .modelStatistics, .internal),
            ("/internal/stats/translators", .translatorStatistics, .internal),
            ("/internal/stats/sticky", .stickyStatistics, .internal),
            ("/internal/routing/explain", .routingExplanation, .internal), ("/internal/process", .process, .internal),
            ("/version", .version, .internal),
            ("/olla/models", .models, .models),
            ("/olla/models/llama3.2:3b", .model(idStart: 13), .models),
            ("/olla/models/org/name", .model(idStart: 13), .models),
            ("/olla/models/", .model(idStart: 13), .models),
            ("/olla/proxy/v1/models", .listing(.openAI, nil), .models),
        ])
    func localRoutes(path: String, route: LocalRoute, routeClass: RouteClass) {
        for method in ["GET", "HEAD"] {
            #expect(
                self.match(method, path) == PathMatch(target: .local(route), routeClass: routeClass))
        }
        for method in ["POST", "DELETE", "OPTIONS", "get", "PURGE"] {
            #expect(
                self.match(method, path)
                    == PathMatch(target: .methodNotAllowed(.get), routeClass: routeClass))
        }
    }

    @Test("The dashboard owns its subtree, whatever the method")
    func dashboard() {
        let expected = PathMatch(target: .local(.dashboard), routeClass: .internal)
        for path in ["/internal/ui", "/internal/ui/", "/internal/ui/assets/app.js", "/internal/ui/requests"] {
            for method in ["GET", "HEAD", "POST", "OPTIONS"] { #expect(self.match(method, path) == expected) }
        }
        #expect(self.match("GET", "/internal/uix").target == .notFound)
        #expect(self.match("GET", "/internal/UI/").target == .notFound)
        #expect(self.match("GET", "/internal/ui/../metrics").target == .redirect)
    }

    @Test(
        "Each provider's listings are answered here",
        arguments: [
            ("ollama", "/api/tags", ListingFormat.ollama), ("ollama", "/v1/models", .openAI),
            ("lmstudio", "/v1/models", .openAI), ("lmstudio", "/api/v1/models", .openAI),
            ("lmstudio", "/api/v0/models", .lmStudio), ("lm-studio", "/v1/models", .openAI),
            ("lm-studio", "/api/v0/models", .lmStudio), ("lm_studio", "/api/v1/models", .openAI),
            ("lm_studio", "/api/v0/models", .lmStudio), ("openai", "/v1/models", .openAI),
            ("openai-compatible", "/v1/models", .openAI), ("vllm", "/v1/models", .openAI),
            ("vllm-mlx", "/v1/models", .openAI), ("sglang", "/v1/models", .openAI),
            ("lmdeploy", "/v1/models", .openAI), ("llamacpp", "/v1/models", .openAI),
            ("litellm", "/v1/models", .openAI), ("omlx", "/v1/models", .openAI),
            ("lemonade", "/v1/models", .openAI), ("lemonade", "/api/v1/models", .openAI),
            ("dmr", "/v1/models", .openAI), ("dmr", "/engines/v1/models", .openAI),
        ])
    func listings(prefix: String, path: String, format: ListingFormat) {
        let full = "/olla/\(prefix)\(path)"
        let route = ProfileSet.builtIn.route(forPrefix: prefix.utf8.span)
        #expect(route != nil)
        let expected = PathMatch(target: .local(.listing(format, route)), routeClass: .models)
        #expect(self.match("GET", full) == expected)
        #expect(self.match("POST", full).target == .methodNotAllowed(.get))
    }

    @Test(
        "Every other listing path is forwarded",
        arguments: [
            ("ollama", "/api/ps"), ("ollama", "/v1/models/llama"), ("ollama", "/v1/models/"),
            ("ollama", "/api/v0/models"), ("vllm", "/api/tags"), ("openai", "/api/tags"),
            ("dmr", "/api/v1/models"), ("vllm", "/v1%2Fmodels"),
        ])
    func forwardedListings(prefix: String, path: String) {
        let match = self.match("GET", "/olla/\(prefix)\(path)")
        #expect(match.target == self.provider(prefix, prefixLength: 6 + prefix.utf8.count))
    }

    // MARK: Subtrees

    @Test("Every stock prefix owns its subtree for every method")
    func providerSubtrees() {
        for prefix in Self.prefixes {
            let expected = self.provider(prefix, prefixLength: 6 + prefix.utf8.count)
            #expect(expected != nil)
            for method in ["GET", "POST", "DELETE", "OPTIONS", "BREW"] {
                for rest in ["/v1/chat/completions", "/"] {
                    let match = self.match(method, "/olla/\(prefix)\(rest)")
                    #expect(match.target == expected)
                    #expect(match.routeClass == .provider)
                }
            }
        }
    }

    @Test("The proxy subtree takes every method and keeps the escaped rest")
    func proxySubtree() {
        let path = "/olla/proxy/v1/models%2Fa/%7Euser"
        let match = self.match("PATCH", path)
        #expect(match == PathMatch(target: .proxy(prefixLength: 11), routeClass: .proxy))
        #expect(String(path.utf8.dropFirst(11).map { Character(Unicode.Scalar($0)) }) == "/v1/models%2Fa/%7Euser")
    }

    @Test(
        "A subtree without its slash is redirected",
        arguments: ["/olla/proxy", "/olla/ollama", "/olla/lm_studio", "/olla/openai"])
    func slashlessSubtree(path: String) {
        for method in ["GET", "POST"] {
            #expect(self.match(method, path) == PathMatch(target: .redirect, routeClass: .other))
        }
        #expect(self.router.location(path: path, query: "") == path + "/")
        #expect(self.router.location(path: path, query: "a=1&b=%2F") == path + "/?a=1&b=%2F")
    }

    @Test(
        "Unclean paths are redirected to the cleaned path",
        arguments: [
            ("/olla//proxy/v1", "/olla/proxy/v1"), ("//evil.example/x", "/evil.example/x"),
            ("/olla/proxy/./v1/", "/olla/proxy/v1/"), ("/olla/proxy/../models", "/olla/models"),
            ("/../../internal/health", "/internal/health"), ("/olla/proxy/..", "/olla"),
            ("/olla/ollama/x/..", "/olla/ollama/"), ("/internal/health//", "/internal/health/"),
            ("/.", "/"), ("/..", "/"), ("/olla/proxy/.", "/olla/proxy/"), ("//", "/"),
        ])
    func uncleanPaths(path: String, location: String) {
        #expect(self.match("POST", path).target == .redirect)
        #expect(self.router.location(path: path, query: "") == location)
        #expect(self.match("POST", location).target != .redirect)
    }

    @Test(
        "Dots inside a segment and escaped dots are no reason to redirect",
        arguments: [
            "/olla/proxy/...", "/olla/proxy/.well-known", "/olla/proxy/a..b/c.", "/olla/proxy/%2e%2e/x",
            "/olla/proxy/..x/y", "/olla/proxy/.x",
        ])
    func cleanPaths(path: String) {
        #expect(self.match("GET", path).target == .proxy(prefixLength: 11))
    }

    @Test(
        "Everything else is not found",
        arguments: [
            ("/", RouteClass.other), ("/olla", .other), ("/olla/", .other), ("/v1/chat/completions", .other),
            ("/olla/docker-model-runner/v1/models", .other), ("/olla/Ollama/v1/models", .other),
            ("/OLLA/proxy/", .other), ("/olla/proxyx/", .other), ("/olla/anthropic/v1/complete", .translator),
            ("/olla/anthropic/", .translator), ("/internal/uix/", .internal), ("/internal/health/", .internal),
            ("/internal/stats/model", .internal), ("/internal/processes", .internal), ("/version/", .other),
            ("/internal", .other), ("", .other), ("olla/proxy/", .other), ("*", .other), ("/olla/model", .other),
        ])
    func notFound(path: String, routeClass: RouteClass) {
        #expect(self.match("GET", path) == PathMatch(target: .notFound, routeClass: routeClass))
    }

    @Test("Anthropic's API has its routes, and they can be switched off")
    func anthropic() {
        let send = PathMatch(target: .messages(.send, prefixLength: 15), routeClass: .translator)
        #expect(self.match("POST", "/olla/anthropic/v1/messages") == send)
        let count = PathMatch(target: .messages(.countTokens, prefixLength: 15), routeClass: .translator)
        #expect(self.match("POST", "/olla/anthropic/v1/messages/count_tokens") == count)
        let models = PathMatch(target: .local(.anthropicModels), routeClass: .models)
        #expect(self.match("GET", "/olla/anthropic/v1/models") == models)
        #expect(self.match("GET", "/olla/anthropic/v1/messages").target == .methodNotAllowed(.post))
        #expect(self.match("POST", "/olla/anthropic/v1/models").target == .methodNotAllowed(.get))
        for path in ["/v1/messages/", "/v1/messages/batches", "/v1/models/x", "/v1", "/"] {
            #expect(self.match("POST", "/olla/anthropic" + path).target == .notFound)
        }
        let off = PathRouter(profiles: .builtIn, servesAnthropic: false)
        #expect(self.match("POST", "/olla/anthropic/v1/messages", with: off).target == .notFound)
    }

    @Test("CONNECT is no route and OPTIONS * is answered")
    func serverForms() {
        #expect(self.match("CONNECT", "/olla/proxy/").target == .notFound)
        #expect(self.match("CONNECT", "host:443").target == .notFound)
        #expect(self.match("OPTIONS", "*").target == .local(.serverOptions))
    }

    // MARK: Refused management

    @Test(
        "Management calls of Ollama are refused wherever they would reach it",
        arguments: [
            ("POST", "/api/pull", ManagementCall.change), ("POST", "/api/push", .change),
            ("POST", "/api/create", .change), ("POST", "/api/copy", .change),
            ("DELETE", "/api/delete", .change), ("POST", "/api/show", .show), ("GET", "/api/list", .list),
            ("HEAD", "/api/list", .list),
        ])
    func refusedOllama(method: String, path: String, call: ManagementCall) {
        for prefix in ["ollama", "openai", "openai-compatible", "proxy"] {
            let match = self.match(method, "/olla/\(prefix)\(path)")
            #expect(match.target == .local(.refusedManagement(call)))
            #expect(match.routeClass == (prefix == "proxy" ? .proxy : .provider))
        }
        #expect(
            self.match(method, "/olla/vllm\(path)").target
                == self.provider("vllm", prefixLength: 10))
    }

    @Test("Lemonade's management calls are refused", arguments: ["pull", "load", "unload", "delete"])
    func refusedLemonade(call: String) {
        for prefix in ["lemonade", "openai", "openai-compatible", "proxy"] {
            let path = "/olla/\(prefix)/api/v1/\(call)"
            #expect(self.match("POST", path).target == .local(.refusedManagement(.change)))
            #expect(self.match("GET", path).target == .methodNotAllowed(.post))
        }
    }

    @Test(
        "Another spelling of a management call is refused too",
        arguments: [
            "/olla/ollama/api/pul%6C", "/olla/proxy/%61pi/pull", "/olla/proxy/api%2fpull",
            "/olla/openai/x/%2e%2e/api/pull", "/olla/proxy/api/pull/", "/olla/proxy/api%2F%2fpull%2f",
        ])
    func disguisedManagement(path: String) {
        #expect(self.match("POST", path).target == .local(.refusedManagement(.change)))
    }

    @Test("Neighbours of management calls are forwarded")
    func managementNeighbours() {
        for path in ["/api/pulls", "/api/pull/x", "/api", "/api/generate", "/api/%70s", "/api/pull%zz", "/api/pull%"] {
            #expect(self.match("POST", "/olla/proxy\(path)").target == .proxy(prefixLength: 11))
        }
    }

    @Test("A refused call keeps to its own method")
    func managementMethods() {
        #expect(self.match("GET", "/olla/ollama/api/pull").target == .methodNotAllowed(.post))
        #expect(self.match("POST", "/olla/ollama/api/delete").target == .methodNotAllowed(.delete))
        #expect(self.match("POST", "/olla/ollama/api/list").target == .methodNotAllowed(.get))
    }

    @Test("The operator may allow model management")
    func allowedManagement() {
        let open = PathRouter(profiles: .builtIn, allowsManagement: true)
        #expect(
            self.match("POST", "/olla/ollama/api/pull", with: open).target
                == self.provider("ollama", prefixLength: 12))
        #expect(
            self.match("POST", "/olla/proxy/api/v1/load", with: open).target
                == .proxy(prefixLength: 11))
    }

    // MARK: Custom prefixes

    @Test("A custom profile's prefix matches as registered, with its own listing path")
    func customPrefixes() {
        let profiles = ProfileSet(
            ProfileSet.builtIn.profiles + [
                Profile(name: "box", prefixes: ["My_Box"], isOpenAICompatible: false, modelsPath: "/list")
            ])
        let router = PathRouter(profiles: profiles)
        guard case .provider(let route, let length) = self.match("GET", "/olla/My_Box/x", with: router).target
        else {
            Issue.record("no provider")
            return
        }
        #expect(length == 12)
        #expect(profiles[route].displayName == "my-box")
        #expect(self.match("GET", "/olla/my_box/x", with: router).target == .notFound)
        #expect(self.match("GET", "/olla/My_Box/list", with: router).target == .local(.listing(.openAI, route)))
        #expect(
            self.match("GET", "/olla/My_Box/v1/models", with: router).target
                == .provider(route, prefixLength: 12))
    }

    @Test("No path of random segments traps or is both clean and redirected")
    func randomPaths() {
        var random = SeededGenerator(seed: 0x6C61_7373)
        let pieces = [
            "/", "olla", "proxy", "ollama", "models", "..", ".", "%2e", "internal", "status", "v1", "a", "*", "%",
            "é", "api", "pull",
        ]
        for _ in 0..<20_000 {
            var path = ""
            for _ in 0..<Int(random.next() % 9) { path += pieces[Int(random.next() % UInt64(pieces.count))] }
            guard case .redirect = self.match("GET", path).target else { continue }
            let location = self.router.location(path: path, query: "")
            #expect(location.hasPrefix("/") && !location.hasPrefix("//"))
            let after = self.match("GET", location).target
            #expect(after != .redirect, "\(path) → \(location)")
        }
    }
}

@Suite("LocalResponse")
struct LocalResponseTests {
    @Test("A text error carries its type, nosniff and a newline")
    func textError() {
        let response = LocalResponse.notFound
        #expect(response.status == 404)
        #expect(String(decoding: response.body, as: UTF8.self) == "404 page not found\n")
        #expect(response.fields.map(\.name) == ["Content-Type", "X-Content-Type-Options"])
        #expect(response.fields.map(\.value) == ["text/plain; charset=utf-8", "nosniff"])
    }

    @Test("A 405 names the methods that are allowed")
    func methodNotAllowed() {
        let response = LocalResponse.methodNotAllowed(.get)
        #expect(response.status == 405)
        #expect(response.fields.contains { $0 == ("Allow", "GET, HEAD") })
    }

    @Test("A redirect keeps the method and has an anchor for those who read it")
    func redirect() {
        let forGet = LocalResponse.redirect(to: "/olla/proxy/?a=\"<b>'&c", method: "GET")
        #expect(forGet.status == 307)
        #expect(
            String(decoding: forGet.body, as: UTF8.self)
                == "<a href=\"/olla/proxy/?a=&#34;&lt;b&gt;&#39;&amp;c\">Temporary Redirect</a>.\n")
        #expect(LocalResponse.redirect(to: "/x/", method: "POST").body.isEmpty)
    }

    @Test("Repeated fields are joined and names compared without case")
    func fieldValues() {
        let request = LocalRequest(
            route: .health, method: "GET", path: "/internal/health",
            fields: [("accept", "a"), ("X", "y"), ("Accept", "b")])
        #expect(request.value(of: "Accept") == "a, b")
        #expect(request.value(of: "If-None-Match") == nil)
    }
}
