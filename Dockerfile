# Berth as an image. The binary is built outside (`make image` does both): the last stage only takes it.
#
#   make image                                   # cargo build, strip, docker build
#   docker build --tag berth .                   # with a binary that lies in target/image/berth already
#
# The binary may not need a newer glibc than Debian 12's, so build it on Debian 12 or something as old.
FROM debian:bookworm-slim

# iptables closes the network of builds; the certificates are for git hosts and GitHub.
RUN apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates iptables >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/log/apt /var/log/dpkg.log

COPY target/image/berth /usr/local/bin/berth

# Both are volumes of the installation: see docs/OPERATIONS.md for what a backup is made of.
ENV BERTH_DATA_DIR=/var/lib/berth/data \
    BERTH_DEPLOYMENTS_DIR=/var/lib/berth/deployments
VOLUME ["/var/lib/berth"]
WORKDIR /var/lib/berth

ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Berth" \
      org.opencontainers.image.description="Push to git, and the project is live" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Sites are served before the database answers, so alive is healthy: `berth health --ready` asks for more.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/usr/local/bin/berth", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/berth"]
CMD ["serve"]
