#!/bin/bash
# An S3 server on port 8333, TLS only, for one key; everything else of it listens on loopback. Runs as any user, with
# its root read-only and /tmp writable. One that ends takes the others along.
#
#   s3-server serve    makes the bucket when it is not there
#   s3-server check    0: the bucket answers, asked over TLS with the key
#
#   /secrets/s3-credentials       of the usual form; the key is ACCOUNT:USER, of letters and digits
#   /secrets/{cert,key,ca}.pem    certificate of the server, for the name s3 among others, its key, its authority
#   /srv/node                     the objects; its file system must have extended attributes
# Environment: S3_BUCKET (astro)
set -euo pipefail
umask 077
state=/tmp/s3
bucket=${S3_BUCKET:-astro}
die() { echo "s3-server: $*" >&2; exit 1; }

# One signed request for the bucket, over TLS: METHOD. The status on stdout.
ask() {
  curl -s -o /dev/null -w '%{http_code}' -X "$1" "${@:2}" --max-time 8 --noproxy '*' --cacert /secrets/ca.pem \
    --resolve s3:8333:127.0.0.1 --netrc-file "$state/netrc" --aws-sigv4 aws:amz:us-east-1:s3 \
    -H x-amz-content-sha256:UNSIGNED-PAYLOAD "https://s3:8333/$bucket" || true
}

value() { sed -n "s/^ *$1 *= *//p" /secrets/s3-credentials | head -n 1 | tr -d '[:space:]'; }

# Swift wants a name for whom it runs as, also where the container's user has none.
name_the_user() {
  echo "s3:x:$(id -u):$(id -g)::/tmp:/bin/false" > "$state/passwd"
  echo "s3:x:$(id -g):" > "$state/group"
  export NSS_WRAPPER_PASSWD=$state/passwd NSS_WRAPPER_GROUP=$state/group LD_PRELOAD=libnss_wrapper.so
}

common() {  # PORT WORKERS
  printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nworkers = %s\nuser = s3\nswift_dir = %s\n' "$1" "$2" "$state/etc"
  printf 'devices = /srv/node\nmount_check = false\nlog_level = WARNING\n'
}

write_backend() {  # NAME PORT WORKERS SERVICE...
  {
    common "$2" "$3"
    printf '[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' "$1" "$1" "$1"
    printf "[%s]\nrecon_cache_path = $state/cache\n" "${@:4}"
  } > "$state/etc/$1-server.conf"
}

write_proxy() {  # ACCESS_KEY SECRET
  {
    common 8080 2
    cat << END
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_${1%:*}_${1#*:} = $2 .admin
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
auth_pipeline_check = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:11211
END
    printf '[filter:%s]\nuse = egg:swift#%s\n' catch_errors catch_errors gatekeeper gatekeeper healthcheck healthcheck \
      copy copy slo slo dlo dlo
  } > "$state/etc/proxy-server.conf"
}

write_tls() {
  cat /secrets/cert.pem /secrets/key.pem > "$state/tls.pem"
  cat > "$state/haproxy.cfg" << END
global
  maxconn 1000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  timeout connect 10s
  timeout client 5m
  timeout server 5m
listen s3
  bind :::8333 v4v6 ssl crt $state/tls.pem
  server swift 127.0.0.1:8080
END
}

write_settings() {
  local key secret file
  for file in s3-credentials cert.pem key.pem ca.pem; do
    [ -r "/secrets/$file" ] || die "cannot read /secrets/$file as user $(id -u): docker/make-secrets.sh makes it"
  done
  key=$(value aws_access_key_id) secret=$(value aws_secret_access_key)
  [[ $key =~ ^[A-Za-z0-9]+:[A-Za-z0-9]+$ ]] || die "the key in s3-credentials is not ACCOUNT:USER"
  [[ $secret =~ ^[A-Za-z0-9+/=_-]{16,}$ ]] || die "the secret in s3-credentials is not 16 letters and digits or more"
  mkdir -p /srv/node/disk || die "user $(id -u) may not write to the volume /srv/node"
  python3 -c 'import os; os.setxattr("/srv/node/disk", "user.swift.test", b"1")' 2> /dev/null ||
    die "the file system of /srv/node has no extended attributes: put the volume on ext4, xfs or btrfs"
  # Names of objects on the disk hang on it, so it stays with them.
  [ -s /srv/node/hash ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' > /srv/node/hash
  rm -rf "$state"
  mkdir -p "$state/etc" "$state/cache"
  cp /etc/swift/*.ring.gz "$state/etc/"
  printf '[swift-hash]\nswift_hash_path_suffix = %s\nswift_hash_path_prefix =\n' "$(cat /srv/node/hash)" > "$state/etc/swift.conf"
  printf 'machine s3 login %s password %s\n' "$key" "$secret" > "$state/netrc"
  write_backend account 6202 1 account-replicator account-auditor account-reaper
  write_backend container 6201 1 container-replicator container-auditor container-updater container-sync
  write_backend object 6200 2 object-replicator object-auditor object-updater
  write_proxy "$key" "$secret"
  write_tls
}

# Once all answer; while so many parts run: COUNT
make_bucket() {
  local answer
  for _ in $(seq 300); do
    [ "$(jobs -rp | wc -l)" -eq "$1" ] || die "a part of the server has ended: its words are above"
    answer=$(ask HEAD --head)
    case $answer in
      200) return 0 ;;
      404) answer=$(ask PUT) ;;
      403) die "the server knows another key than s3-credentials" ;;
    esac
    sleep 0.5
  done
  die "no bucket '$bucket' after 300 turns; the last answer: $answer"
}

serve() {
  local part
  write_settings
  name_the_user
  memcached -l 127.0.0.1 -p 11211 -m 64 &
  trap 'trap - TERM INT; kill $(jobs -p) 2> /dev/null; exit 143' TERM INT
  for part in account container object proxy; do
    "swift-$part-server" "$state/etc/$part-server.conf" -v &
  done
  # What brings listings up to date after a busy moment, and frees what was deleted a week ago.
  swift-object-updater "$state/etc/object-server.conf" -v &
  swift-container-updater "$state/etc/container-server.conf" -v &
  swift-object-replicator "$state/etc/object-server.conf" -v &
  LD_PRELOAD='' haproxy -db -q -f "$state/haproxy.cfg" &
  make_bucket "$(jobs -p | wc -l)"
  echo "s3-server: bucket '$bucket' is there"
  part=0
  wait -n || part=$?
  kill $(jobs -p) 2> /dev/null
  die "a part of the server ended with $part"
}

case ${1:-serve} in
  serve) serve ;;
  check) [ "$(ask HEAD --head)" = 200 ] || die "bucket '$bucket' does not answer" ;;
  *) sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
