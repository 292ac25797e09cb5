# For tests: a host with systemd and tilecompile, as config/systemd expects it.
FROM tilecompile
USER 0
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends systemd systemd-sysv dbus procps \
 && rm -rf /var/lib/apt/lists/*
HEALTHCHECK NONE
STOPSIGNAL SIGRTMIN+3
ENV container=docker
ENTRYPOINT []
CMD ["/lib/systemd/systemd"]
