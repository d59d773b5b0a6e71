# Builds the gateway with everything of Swift linked in, and ships it on a slim Debian as an ordinary user.
ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
# The toolchain's image has both as a rule; an image made by hand may not.
RUN if [ ! -e /usr/include/zlib.h ] || [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then \
      apt-get update -qq && \
      apt-get install -y -qq --no-install-recommends zlib1g-dev ca-certificates && \
      rm -rf /var/lib/apt/lists/*; \
    fi
WORKDIR /build
# No tests here: the manifest leaves them out.
ENV GLASSPOT_ONLY_TESTS=none
# Dependencies change seldom: they are fetched in a layer of their own.
COPY Package.swift ./
RUN swift package resolve
# The manifest names these targets too; they are not built.
COPY Benchmarks ./Benchmarks
COPY Sources ./Sources
COPY scripts/link ./scripts/link
RUN flags=$(grep -v '^#' scripts/link/release.flags) && \
    swift build $flags --product glasspot && \
    swift build $flags --product mockllm && \
    install -D -s .build/release/glasspot /out/glasspot && \
    install -D -s .build/release/mockllm /out/mockllm

FROM ${RUNTIME_IMAGE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/ /usr/local/bin/
COPY config /config
# A volume put there belongs to the gateway.
RUN install -d -o 65532 -g 65532 /var/log/glasspot
# Inside a container the loopback interface is of no use to anyone else.
ENV OLLA_SERVER_HOST=0.0.0.0
USER 65532:65532
WORKDIR /config
EXPOSE 40114
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["glasspot", "--health-check", "http://127.0.0.1:40114/internal/health"]
ENTRYPOINT ["glasspot"]
CMD ["-c", "/config/config.yaml"]
