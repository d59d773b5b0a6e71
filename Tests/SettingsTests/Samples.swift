@testable import Settings

/// Configuration texts that several suites read.
enum Samples {
    /// Every key of every table with a value that is not its default, and the keys without meaning that
    /// shipped files hold.
    static let everyKey = """
        server:
          host: 127.0.0.1
          port: 8080
          read_timeout: 31s
          read_header_timeout: 11s
          write_timeout: 1h
          idle_timeout: 75s
          shutdown_timeout: 12s
          request_logging: no
          event_loops: 2
          watch_config: yes
          drain_delay: 3s
          product_name: Pot
          allow_model_management: on
          tls: {cert_file: a.crt, key_file: a.key, client_ca_file: ca.crt}
          admin: {host: 127.0.0.1, port: 8081}
          auth:
            header: X-Team
            keys:
              - {name: a, key: k1, requests_per_minute: 5, tokens_per_minute: 6}
              - {name: b, key_file: secrets/key}
              - name: c
                sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
          cors:
            enabled: true
            allowed_origins: ["https://a.example", "http://*.b.example"]
            allowed_methods: [GET]
            allowed_headers: [X-A]
            exposed_headers: [X-B]
            allow_credentials: true
            max_age: 60
          request_limits: {max_body_size: 1e6, max_header_size: 8192}
          rate_limits:
            global_requests_per_minute: 10
            per_ip_requests_per_minute: 11
            health_requests_per_minute: 12
            burst_size: 13
            cleanup_interval: 14s
            trust_proxy_headers: true
            trusted_proxy_cidrs: [192.0.2.0/24, "2001:db8::/32"]
            limit_health: true
            per_endpoint: {requests_per_minute: 5, burst_size: 1}
        proxy:
          engine: sherpa
          profile: streaming
          load_balancer: p2c
          connection_timeout: 1s
          connection_keep_alive: 2s
          response_timeout: 3m
          read_timeout: 4s
          response_header_timeout: 5s
          tls_handshake_timeout: 6s
          stream_buffer_size: 4096
          max_retries: 4
          retry_backoff: 7ms
          enforce_profile_paths: true
          replay_buffer: 2048
          profile_filter: {include: ["*"], exclude: ["*old*"]}
          sticky_sessions:
            enabled: true
            idle_ttl_seconds: 5
            max_sessions: 6
            key_sources: [ip, session_header]
            prefix_hash_bytes: 7
          retry:
            enabled: false
            on_connection_failure: true
            max_attempts: 2
            on_status: [503]
            on_header_timeout: true
            budget_percent: 30
            budget_floor: 31
          queue: {length: 9, timeout: 8s}
          breaker:
            consecutive_failures: 3
            failure_ratio: 0.75
            min_attempts: 4
            window: 5s
            open: 6s
        discovery:
          type: static
          refresh_interval: 1m
          health_check: {initial_delay: 1s}
          static:
            endpoints:
              - url: https://host.example:8443/base
                name: first
                type: vllm
                priority: 0
                health_check_url: /up
                model_url: https://other.example/models?all=1
                check_interval: 10s
                check_timeout: 9s
                preserve_path: true
                model_filter: {include: ["llama*"], exclude: ["*test*"]}
                headers: {X-Team: "${TEAM:-research}", X-Number: 7}
                auth: {type: bearer, token: "${TOKEN}"}
                max_concurrent_requests: 8
                tls: {ca_file: ca.pem, insecure_skip_verify: true}
                allow_foreign_credentials: true
              - {url: "http://b", name: b, auth: {type: bearer, token_file: secrets/key}}
              - {url: "http://c", name: c, auth: {type: api_key, key: k, header: X-Key}}
              - {url: "http://d", name: d, auth: {type: api_key, key_file: secrets/key}}
              - {url: "http://e", name: e, auth: {type: basic, username: u, password: p}}
              - url: http://f
                name: f
                auth: {type: basic, username_file: secrets/key, password_file: secrets/key}
          model_discovery:
            enabled: false
            interval: 1m
            timeout: 2s
            concurrent_workers: 3
            retry_attempts: 4
            retry_backoff: 5s
          engine_poll_interval: 20s
        model_registry:
          type: memory
          enable_unifier: false
          routing_strategy:
            type: optimistic
            options:
              fallback_behavior: all
              discovery_timeout: 3s
              discovery_refresh_on_miss: true
          unification:
            enabled: true
            stale_threshold: 1h
            cleanup_interval: 1m
            cache_ttl: 10m
            custom_rules: []
        model_aliases: {small: [a, b]}
        translators:
          anthropic:
            enabled: false
            passthrough_enabled: false
            max_message_size: 1000
            ping_interval: 3s
            inspector: {enabled: true, output_dir: logs/x, session_header: X-Sid}
        logging: {level: debug, format: text, output: file}
        engineering: {show_nerdstats: true}
        dashboard:
          enabled: false
          access_policy: {allowed_cidrs: [10.0.0.0/8], allowed_hosts: [a.example]}
          gate_internal_api: true
        metrics:
          views: [olla, otel]
          max_models: 5
          model_endpoint_pairs: false
          native_histograms: [ttft]
          openmetrics_2: true
        tracing:
          otlp: {endpoint: "http://collector:4318/v1/traces", sample_ratio: 0.25, timeout: 1s, queue: 64}
        """

    /// The path of every key of every table, list elements as `[]`.
    static let allPaths: [String] =
        KeyCatalog.configuration.keys.map(\.path)
        + KeyCatalog.endpoint.keys.map { key in "discovery.static.endpoints[].\(key.path)" }
        + KeyCatalog.authentication.keys.map { key in "discovery.static.endpoints[].auth.\(key.path)" }
        + KeyCatalog.clientKey.keys.map { key in "server.auth.keys[].\(key.path)" }

    /// The paths of all keys in a text, list elements as `[]`.
    static func paths(in text: String) -> Set<String> {
        var findings = Findings()
        guard let root = YAMLDocument.read(text, file: "sample", findings: &findings) else { return [] }
        var paths: Set<String> = []
        Self.collect(root, at: "", into: &paths)
        return paths
    }

    private static func collect(_ node: YAMLNode, at path: String, into paths: inout Set<String>) {
        switch node.content {
        case .scalar: break
        case .sequence(let nodes):
            for element in nodes { Self.collect(element, at: path + "[]", into: &paths) }
        case .mapping(let entries):
            for entry in entries {
                let place = path.isEmpty ? entry.key : "\(path).\(entry.key)"
                paths.insert(place)
                Self.collect(entry.value, at: place, into: &paths)
            }
        }
    }
}
