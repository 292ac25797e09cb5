# For tests: stands in for the official rabbitmq image, made of Debian's package.
ARG BASE=debian:trixie-slim
FROM $BASE
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rabbitmq-server \
 && rm -rf /var/lib/apt/lists/* \
 && echo '[rabbitmq_management,rabbitmq_auth_mechanism_ssl].' > /etc/rabbitmq/enabled_plugins \
 && mkdir -p /etc/rabbitmq/conf.d \
 && chown -R rabbitmq:rabbitmq /etc/rabbitmq /var/lib/rabbitmq /var/log/rabbitmq
ENV HOME=/var/lib/rabbitmq LANG=C.UTF-8 RABBITMQ_LOGS=- PATH=/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY rabbitmq-entrypoint.sh /usr/local/bin/
USER rabbitmq
VOLUME /var/lib/rabbitmq
EXPOSE 5671 5672
ENTRYPOINT ["/usr/local/bin/rabbitmq-entrypoint.sh"]
CMD ["rabbitmq-server"]
