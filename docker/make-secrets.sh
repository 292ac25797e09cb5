#!/bin/bash
# Makes what a broker with TLS, an S3 server, the master and its workers need, from nothing: an authority, certificates,
# passwords, the key that signs messages, the key of the bucket, and the definitions file with users and queues. Again with
# the same DIR it renews the certificates and keeps authority, passwords and keys.
#
# Usage: docker/make-secrets.sh DIR RUN.yaml NAME...
#   NAME   each name and address by which workers may call the main server, for example main.example.org 100.64.0.1
#
#   DIR/authority   the authority's key: keep it away from workers, or off line
#   DIR/broker      for docker/compose.main.yaml
#   DIR/s3          for docker/compose.main.yaml with the profile s3
#   DIR/master      for docker/compose.main.yaml
#   DIR/worker      copy it to each worker host (SECRETS in worker.env)
#   DIR/monitor     password of the user tilecompile-monitor
# Environment: TILECOMPILE  how to call the program; default: a container of the image tilecompile
set -euo pipefail
[ $# -ge 3 ] || { sed -n '2,16p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
config=$(realpath "$2")
[ -r "$config" ] || { echo "make-secrets: cannot read $2" >&2; exit 2; }
umask 077
mkdir -p "$1"/{authority,broker,s3,master,worker,monitor}
chmod 700 "$1"
cd "$1"
shift 2

alternatives=
for name; do
  case $name in
    *:*) alternatives+=",IP:$name" ;;
    *[!0-9.]*) alternatives+=",DNS:$name" ;;
    *) alternatives+=",IP:$name" ;;
  esac
done

if [ ! -e authority/ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=tilecompile authority" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout authority/ca.key -out authority/ca.pem 2> /dev/null
fi

certificate() {  # FOLDER COMMON_NAME EXTENSION...
  local folder=$1 common=$2
  shift 2
  printf '%s\n' basicConstraints=CA:FALSE "$@" > "$folder/extensions"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$common" \
    -keyout "$folder/key.pem" -out "$folder/request" 2> /dev/null
  openssl x509 -req -in "$folder/request" -CA authority/ca.pem -CAkey authority/ca.key -CAcreateserial -days 825 \
    -extfile "$folder/extensions" -out "$folder/cert.pem" 2> /dev/null
  rm "$folder/request" "$folder/extensions"
  cp authority/ca.pem "$folder/ca.pem"
}
# The host names by which containers of compose.main.yaml call the servers are always among the names.
certificate broker tilecompile-broker "subjectAltName=DNS:rabbitmq$alternatives" extendedKeyUsage=serverAuth
certificate s3 tilecompile-s3 "subjectAltName=DNS:s3$alternatives" extendedKeyUsage=serverAuth
certificate master tilecompile-master extendedKeyUsage=clientAuth
certificate worker tilecompile-worker extendedKeyUsage=clientAuth

[ -e master/message-key ] || openssl rand -hex 32 > master/message-key
# Without the keys of those that joined by a file of their own.
grep -v ' = ' master/message-key > worker/message-key

# Keys of a bucket elsewhere, put there by hand, stay.
[ -e s3/s3-credentials ] || printf '[default]\naws_access_key_id = tilecompile:tiles\naws_secret_access_key = %s\n' \
  "$(openssl rand -hex 24)" > s3/s3-credentials
for role in master worker; do
  [ -e $role/s3-credentials ] || cp s3/s3-credentials $role/
  [ -e $role/s3-ca.pem ] || cp authority/ca.pem $role/s3-ca.pem
done

mkdir -p passwords
for role in master worker monitor; do
  if [ -e $role/password ]; then cp $role/password passwords/$role.password; fi
done
if [ -n "${TILECOMPILE:-}" ]; then
  $TILECOMPILE setup "$config" --print-definitions --passwords passwords > broker/definitions.json
else
  docker run --rm --no-healthcheck --network none --user "$(id -u):$(id -g)" -v "$config:/config/run.yaml:ro" \
    -v "$PWD/passwords:/passwords" "${TILECOMPILE_IMAGE:-tilecompile}" \
    setup /config/run.yaml --print-definitions --passwords /passwords > broker/definitions.json
fi
for role in master worker monitor; do mv passwords/$role.password $role/password; done
rmdir passwords
# RabbitMQ runs as a user of its own in its container; on the host nobody else gets past DIR.
chmod 755 broker
chmod 644 broker/*
echo "made for: DNS:rabbitmq$alternatives; valid until $(openssl x509 -noout -enddate -in broker/cert.pem | cut -d= -f2)"
