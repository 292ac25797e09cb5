#!/bin/bash
# Builds the image and runs the compose files of docker/ end to end on a simulated night: local mode, while workers are
# killed and cut off, production with TLS, with a shared folder, with S3 elsewhere and with the S3 server of the compose
# file and a join file, and the units of config/systemd under a systemd of their own. Compares the pictures with those of one process. Takes a Docker engine of its own and makes its
# base images from Debian packages, so no registry is needed. Needs root; when no engine can run here it says so and
# ends with 77.
# Usage: scripts/test-docker.sh
# Environment: TEST_DOCKER_DIR  folder that is kept, with the images, to be quicker the next time
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 0 ] || { sed -n '2,9s/^# //p' "$0" >&2; exit 2; }

skip() { printf '\n*** test-docker: SKIPPED: %s\n*** Nothing about containers was tested.\n' "$*" >&2; exit 77; }
fail() { echo "test-docker: FAILED: $*" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || skip "it needs root, for a Docker engine of its own"

work=${TEST_DOCKER_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-docker.XXXXXX")}
mkdir -p "$work"
engine=$work/engine
log=$work/test.log
: > "$log"
user=10001:10001

finish() {
  local code=$?
  trap - EXIT INT TERM
  if [ "$code" -ne 0 ] && [ "$code" -ne 77 ]; then
    { echo "test-docker: the end of $log:"; tail -n 40 "$log"; } >&2
    if [ -e "$engine/docker.sock" ]; then local_mode logs --tail 20 >&2 2> /dev/null || true; fi
  fi
  if [ -d "$work/s3" ]; then scripts/private-s3.sh stop "$work/s3" || code=1; fi
  if [ -d "$engine" ]; then
    scripts/private-docker.sh stop "$engine" || code=1
    left=$(scripts/private-docker.sh trace "$engine")
    if [ -n "$left" ]; then printf 'test-docker: left behind on this machine:\n%s\n' "$left" >&2; code=1; fi
  fi
  if [ -z "${TEST_DOCKER_DIR:-}" ]; then rm -rf "$work"; fi
  if [ "$code" -eq 0 ]; then echo "all good after $SECONDS s; nothing was left behind"; fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '== %s (%d s)\n' "$*" "$SECONDS"; printf '\n== %s\n' "$*" >> "$log"; }
good() { printf '   ok: %s\n' "$*"; }
program() { docker run --rm --no-healthcheck --user "$user" --network none -v "$work/night:/night" tilecompile "$@"; }
local_mode() { docker-compose --env-file "$work/local.env" -f docker/compose.yaml "$@"; }
main_server() { docker-compose --env-file "$work/main.env" -f docker/compose.main.yaml "$@"; }
worker_host() { WORKER_ENV=$work/worker.env docker-compose --env-file "$work/worker.env" -f docker/compose.worker.yaml "$@"; }
# An environment file from its example: EXAMPLE FILE KEY=VALUE...
settings() {
  local example=$1 file=$2 pair
  shift 2
  [ "$example" = "$file" ] || cp "$example" "$file"
  for pair; do
    grep -q "^${pair%%=*}=" "$file" || fail "$example has no ${pair%%=*}"
    sed -i "s|^${pair%%=*}=.*|$pair|" "$file"
  done
}
worker() { docker ps -aq --filter "label=com.docker.compose.service=worker" \
  --filter "label=com.docker.compose.container-number=$1"; }
health() { docker inspect -f '{{.State.Health.Status}}' "$1"; }
digest() { awk -v name="$2" '$1 == name { found = 1 } found && $1 == "digest" { print $2; exit }' "$1"; }

# Are the pictures of a master, which printed to FILE, those of the one process?
same_pictures() {
  local product found
  for product in reconstruction classical; do
    found=$(digest "$1" $product)
    [ -n "$found" ] || fail "no digest of $product in $1"
    [ "$found" = "$(digest "$work/run.txt" $product)" ] || fail "$product differs from that of tilecompile run"
    good "$product $found"
  done
}

# Waits until a command prints what is expected: SECONDS EXPECTED COMMAND...
await() {
  local limit=$((SECONDS + $1)) expected=$2 found=
  shift 2
  while [ "$SECONDS" -lt "$limit" ]; do
    found=$("$@" 2>> "$log") || true
    if [ "$found" = "$expected" ]; then return 0; fi
    sleep 0.2
  done
  fail "'$*' says '$found', expected '$expected'"
}

nothing_runs() {
  local left
  left=$(docker ps -a --format 'container {{.Names}}'; docker volume ls --format 'volume {{.Name}}'
    docker network ls --filter type=custom --format 'network {{.Name}}')
  [ -z "$left" ] || fail "left in the engine: $left"
}
fresh_folders() {
  rm -rf "$work/data" "$work/out"
  mkdir -p "$work/data" "$work/out"
  chown -R "$user" "$work/data" "$work/out" "$work/secrets"/{authority,master,s3,worker}
}
has_image() { docker image inspect "$1" > /dev/null 2>&1; }
tiles_done() { wc -l 2> /dev/null < "$work/out/$run_id/journal.jsonl" || echo 0; }
enough_tiles() { if [ "$(tiles_done)" -ge "$1" ]; then echo yes; fi; }

say "starting an engine"
scripts/install-deps.sh --docker >> "$log" 2>&1 || skip "its packages cannot be installed, see $(tail -n 1 "$log")"
host=$(PRIVATE_DOCKER_OWNER=$$ scripts/private-docker.sh start "$engine" 2>> "$log") ||
  { cat "$log" >&2; skip "dockerd does not start here (above)"; }
export RABBITMQ_IMAGE=rabbitmq-of-debian:4
export DOCKER_HOST=$host DOCKER_BUILDKIT=0 DOCKER_CONFIG=$work/client COMPOSE_DOCKER_CLI_BUILD=0
{ docker network prune -f; docker volume prune -f; } >> "$log"  # of a kept folder whose last test failed
overlay=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' bridge)
good "Docker $(docker version -f '{{.Server.Version}}'), docker-compose $(docker-compose version --short)"

say "making the images"
has_image debian:bookworm-slim || scripts/docker/base-image.sh debian:bookworm-slim >> "$log" 2>&1 ||
  skip "no base image can be made: debootstrap fails, see the end of $log: $(tail -n 1 "$log")"
has_image debian:trixie-slim || scripts/docker/base-image.sh debian:trixie-slim trixie >> "$log" 2>&1 ||
  skip "no base image for the broker can be made, see the end of $log: $(tail -n 1 "$log")"
docker build -t "$RABBITMQ_IMAGE" -f scripts/docker/rabbitmq.Dockerfile scripts/docker >> "$log" 2>&1
docker build -t tilecompile-s3 docker/s3 >> "$log" 2>&1
docker build -t tilecompile -f docker/Dockerfile . >> "$log" 2>&1
megabytes=$(($(docker image inspect -f '{{.Size}}' tilecompile) / 1000000))
base=$(($(docker image inspect -f '{{.Size}}' debian:bookworm-slim) / 1000000))
[ $((megabytes - base)) -lt 120 ] || fail "the image adds $((megabytes - base)) MB to its base"
[ "$(docker image inspect -f '{{.Config.User}}' tilecompile)" = "$user" ] || fail "the image runs as root"
good "$(docker run --rm tilecompile --version), $megabytes MB on a base of $base MB"
good "$(docker image inspect -f 'user {{.Config.User}}, health check {{.Config.Healthcheck.Test}}' tilecompile)"

say "simulating a night, reconstructing it in one process"
rm -rf "$work/night" "$work/out"
mkdir -p "$work/night" "$work/out"
chown "$user" "$work/night" "$work/out"
program simulate /night --frames 60 --width 900 --height 640 --seed 7 >> "$log" 2>&1
expected_code=0
program run /night/run.yaml --output /night/out > "$work/run.txt" 2>> "$log" || expected_code=$?
[ "$expected_code" -eq 0 ] || [ "$expected_code" -eq 3 ] || fail "tilecompile run ended with $expected_code"

say "local mode: starting a broker and 3 workers"
settings docker/local.env.example "$work/local.env" FRAMES="$work/night/frames" OUT="$work/out" \
  RUN_CONFIG="$work/night/run.yaml" TILECOMPILE_USER=$user TILECOMPILE_AMQP_PASSWORD="a password"
local_mode up -d --no-build --scale worker=3 >> "$log" 2>&1
for number in 1 2 3; do await 90 healthy health "$(worker $number)"; done
good "3 workers are healthy: $(docker exec "$(worker 1)" tilecompile health /tmp/tilecompile-health)"
[ "$(docker exec "$(worker 1)" id -u)" = "${user%:*}" ] || fail "a worker runs as another user"
[ -z "$(docker ps --format '{{.Ports}}' --filter label=com.docker.compose.service=rabbitmq | grep -- '->')" ] ||
  fail "the broker is published to the host's network"

say "running a master, killing worker 1, cutting off worker 2"
run_id=$(cat /proc/sys/kernel/random/uuid)
# On a fast machine the run would be over before Docker has cut a worker off.
docker update --cpus 0.1 "$(worker 1)" "$(worker 2)" "$(worker 3)" >> "$log"
local_mode run --rm -T master --run-id "$run_id" --set parallel.batch=1 > "$work/master.txt" 2>> "$log" < /dev/null &
master=$!
await 120 yes enough_tiles 3
docker kill "$(worker 1)" >> "$log"
killed_at=$(tiles_done)
await 60 yes enough_tiles $((killed_at + 3))
network=$(docker inspect -f '{{range $name, $ignored := .NetworkSettings.Networks}}{{$name}}{{end}}' "$(worker 2)")
docker network disconnect "$network" "$(worker 2)"
cut_at=$(tiles_done)
code=0
wait "$master" || code=$?
[ "$code" -eq "$expected_code" ] || fail "the master ended with $code, tilecompile run with $expected_code"
total=$(tiles_done)
[ "$cut_at" -lt "$total" ] || fail "the run was over before worker 2 was cut off: nothing was shown"
docker update --cpus "$(nproc)" "$(worker 2)" "$(worker 3)" >> "$log"
good "worker 1 killed after $killed_at, worker 2 cut off after $cut_at of $total tiles; the run went on to its end"

say "comparing with the one process"
same_pictures "$work/master.txt"
[ -z "$(find "$work/out" ! -uid "${user%:*}")" ] || fail "files of another user: $(find "$work/out" ! -uid "${user%:*}")"

say "health of the worker that was cut off"
await 120 unhealthy health "$(worker 2)"
good "unhealthy: $(docker exec "$(worker 2)" tilecompile health /tmp/tilecompile-health || true)"
docker network connect "$network" "$(worker 2)"
await 120 healthy health "$(worker 2)"
good "healthy again: $(docker exec "$(worker 2)" tilecompile health /tmp/tilecompile-health)"
docker stop -t 60 "$(worker 3)" >> "$log"
[ "$(docker inspect -f '{{.State.ExitCode}}' "$(worker 3)")" = 143 ] || fail "worker 3 did not end in order"
good "worker 3 ended in order (143) when it was stopped"

say "taking local mode down"
local_mode down -v >> "$log" 2>&1
nothing_runs

say "production: a main server on $overlay, a worker host that knows its address and certificates"
mkdir -p "$work/data/tiles"
rm -rf "$work/secrets" "$work/out" "$work/data/frames"
mkdir "$work/out"
cp -r "$work/night/frames" "$work/data/"
sed -e '/^input:/,/^$/d' -e '/^output:/,/^$/d' "$work/night/run.yaml" | cat docker/main.run.yaml.example - > "$work/main.yaml"
docker/make-secrets.sh "$work/secrets" "$work/main.yaml" main.example.org "$overlay" >> "$log" 2>&1
chown -R "$user" "$work/data" "$work/out" "$work/secrets/master" "$work/secrets/worker"
settings docker/main.env.example "$work/main.env" OVERLAY_ADDRESS="$overlay" SECRETS="$work/secrets" \
  RUN_CONFIG="$work/main.yaml" DATA="$work/data" OUT="$work/out" TILECOMPILE_USER=$user
settings docker/worker.env.example "$work/worker.env" MAIN_SERVER="$overlay" SECRETS="$work/secrets/worker" \
  DATA="$work/data" TILECOMPILE_USER=$user
main_server up -d --no-build >> "$log" 2>&1
broker=$(docker ps -q --filter label=com.docker.compose.service=rabbitmq)
await 120 healthy health "$broker"
[ "$(docker port "$broker")" = "5671/tcp -> $overlay:5671" ] || fail "the broker listens elsewhere: $(docker port "$broker")"
good "the broker listens on $(docker port "$broker") alone"
worker_host up -d --no-build >> "$log" 2>&1
await 90 healthy health "$(worker 1)"
code=0
docker run --rm --no-healthcheck --user "$user" -v "$work/secrets/worker:/secrets:ro" -v "$work/data:/data" tilecompile \
  worker --input.dir /data/frames --storage.root /data/tiles --broker.host "$overlay" --broker.tls true \
  --broker.ca_file /secrets/ca.pem --broker.user tilecompile-worker --broker.password_file /secrets/password \
  > "$work/refused.txt" 2>&1 < /dev/null || code=$?
{ [ "$code" -ne 0 ] && grep -q "refused our certificate" "$work/refused.txt"; } ||
  { cat "$work/refused.txt" >&2; fail "a worker without a certificate ended with $code"; }
good "a worker without a certificate is refused"
main_server run --rm -T verify > "$work/verify.txt" 2>> "$log" < /dev/null ||
  { cat "$work/verify.txt" >&2; fail "verify found something"; }
grep -q barn-1 "$work/verify.txt" || fail "verify does not name the worker"
good "verify: $(grep -c '^ *ok' "$work/verify.txt") checks hold"
code=0
main_server run --rm -T master > "$work/master.txt" 2>> "$log" < /dev/null || code=$?
[ "$code" -eq "$expected_code" ] || fail "the master ended with $code, tilecompile run with $expected_code"
same_pictures "$work/master.txt"

say "S3: frames and tiles in a bucket instead of the shared folder"
in_engine() { scripts/private-docker.sh exec "$engine" "$@"; }
rm -rf "$work/s3"  # of a kept folder: its bucket is there already
in_engine env PRIVATE_S3_ADDRESS="$overlay" PRIVATE_S3_OWNER=$$ scripts/private-s3.sh start "$work/s3" > "$work/s3.ports"
read -r _ port < "$work/s3.ports"
service=https://$overlay:$port
printf 'machine %s login tc:tiles password s3secret\n' "$overlay" > "$work/s3.netrc"
s3() {  # curl's arguments
  in_engine curl -sS --fail --cacert "$work/s3/tls/cert.pem" --netrc-file "$work/s3.netrc" \
    --aws-sigv4 aws:amz:us-east-1:s3 -H x-amz-content-sha256:UNSIGNED-PAYLOAD "$@"
}
s3 -X PUT "$service/astro" >> "$log"
for frame in "$work"/night/frames/*; do s3 -T "$frame" "$service/astro/nights/m31/${frame##*/}" >> "$log"; done
for role in master worker; do
  printf '[default]\naws_access_key_id = tc:tiles\naws_secret_access_key = s3secret\n' > "$work/secrets/$role/s3-credentials"
  cp "$work/s3/tls/cert.pem" "$work/secrets/$role/s3-ca.pem"
  chmod 600 "$work/secrets/$role"/s3-*
done
worker_host down >> "$log" 2>&1
fresh_folders
sed -i 's/^# *\(TILECOMPILE_[A-Z_0-9]*=\)/\1/' "$work/worker.env"
settings "$work/worker.env" "$work/worker.env" TILECOMPILE_INPUT_DIR= TILECOMPILE_STORAGE_ROOT= \
  TILECOMPILE_STORAGE_S3_ENDPOINT="$service"
sed -e '/^input:/,/^$/d' -e '/^storage:/,/^$/d' "$work/main.yaml" > "$work/s3.yaml"
cat >> "$work/s3.yaml" << YAML

storage:
  type: s3
  s3: {endpoint: "$service", bucket: astro, prefix: tilecompile, frames_prefix: nights/m31,
       credentials_file: /secrets/s3-credentials, ca_file: /secrets/s3-ca.pem}
cache: {dir: /data/cache}
YAML
settings "$work/main.env" "$work/main.env" RUN_CONFIG="$work/s3.yaml"
worker_host up -d --no-build >> "$log" 2>&1
await 90 healthy health "$(worker 1)"
main_server run --rm -T verify > "$work/verify.txt" 2>> "$log" < /dev/null ||
  { cat "$work/verify.txt" >&2; fail "verify found something"; }
good "$(sed -n 's/^ok *storage *//p' "$work/verify.txt"); verify: $(grep -c '^ *ok' "$work/verify.txt") checks hold"
code=0
main_server run --rm -T master > "$work/master.txt" 2>> "$log" < /dev/null || code=$?
[ "$code" -eq "$expected_code" ] || fail "the master ended with $code, tilecompile run with $expected_code"
same_pictures "$work/master.txt"
[ -z "$(find "$work/data" -name 'tile_*')" ] || fail "tiles lie outside of the bucket"
s3 "$service/astro?list-type=2&prefix=tilecompile%2F" > "$work/bucket.xml"
grep -q '/tiles/tile_' "$work/bucket.xml" || fail "there are no tiles in the bucket"
good "$(grep -o '<Key>[^<]*/tiles/tile_[0-9]*.fits' "$work/bucket.xml" | sed -n 's/<Key>/in the bucket: /; 1p')"

say "the S3 server of the compose file, a worker that has its join file and nothing else"
worker_host down >> "$log" 2>&1
fresh_folders
cp -r "$work/night/frames" "$work/data/"  # the main server's alone
cp "$work/secrets/s3/s3-credentials" "$work/secrets/master/"
cp "$work/secrets/authority/ca.pem" "$work/secrets/master/s3-ca.pem"
chown -R "$user" "$work/data" "$work/secrets/master"
main_server --profile s3 up -d --no-build >> "$log" 2>&1
server=$(docker ps -q --filter label=com.docker.compose.service=s3)
await 180 healthy health "$server"
[ "$(docker port "$server")" = "8333/tcp -> $overlay:8333" ] || fail "the S3 server listens elsewhere: $(docker port "$server")"
[ "$(docker exec "$server" id -u)" = "${user%:*}" ] || fail "the S3 server runs as another user"
[ "$(stat -c %a "$work/secrets/s3/s3-credentials")" = 600 ] || fail "others may read the key of the bucket"
secret=$(sed -n 's/^aws_secret_access_key = //p' "$work/secrets/s3/s3-credentials")
if docker exec "$server" sh -c 'cat /proc/[0-9]*/cmdline' 2>> "$log" | grep -qaF "$secret"; then
  fail "the key of the bucket stands in arguments"
fi
# The status of a listing by the key with SECRET, which nobody but the server answers.
listing() {
  printf 'machine %s login tilecompile:tiles password %s\n' "$overlay" "$1" > "$work/s3.netrc"
  in_engine curl -s --cacert "$work/secrets/authority/ca.pem" --netrc-file "$work/s3.netrc" \
    --aws-sigv4 aws:amz:us-east-1:s3 -H x-amz-content-sha256:UNSIGNED-PAYLOAD -o /dev/null -w '%{http_code}' \
    "https://$overlay:8333/astro?list-type=2"
}
[ "$(listing "$secret") $(listing "another$secret")" = "200 403" ] ||
  fail "with the right and another secret the S3 server says $(listing "$secret") and $(listing "another$secret")"
good "the S3 server listens on $(docker port "$server") alone, and answers 403 to another secret"
# The comment of the example, taken at its word.
sed -e '/^input:/,/^$/d' -e '/^output:/,/^$/d' "$work/night/run.yaml" > "$work/method.yaml"
sed -e '/^  root:/d' -e "s|https://100.64.0.1:8333|https://$overlay:8333|" -e '/^storage:/,/^$/s/^  # /  /' \
  docker/main.run.yaml.example > "$work/join.yaml"
printf '\ncache: {dir: /data/cache}\n' | cat - "$work/method.yaml" >> "$work/join.yaml"
settings "$work/main.env" "$work/main.env" RUN_CONFIG="$work/join.yaml"
main_server run --rm -T join --join-file /out/barn.yaml --worker barn-2 --address "$overlay" >> "$log" 2>&1 < /dev/null
[ "$(stat -c %a "$work/out/barn.yaml")" = 600 ] || fail "others may read the join file"
main_server exec -T rabbitmq sh -c 'cat > /tmp/join && rabbitmqctl import_definitions /tmp/join && rm /tmp/join' \
  < "$work/secrets/authority/definitions.json" >> "$log" 2>&1
rm -rf "$work/barn"
install -d -o "${user%:*}" "$work/barn"
docker run -d --name barn --user "$user" --read-only --tmpfs /tmp -v "$work/out/barn.yaml:/barn.yaml:ro" \
  -v "$work/barn:/data" tilecompile worker /barn.yaml --cache.dir /data/cache >> "$log"
await 90 healthy health barn
good "joined by a file of $(wc -l < "$work/out/barn.yaml") lines: $(docker exec barn tilecompile health /tmp/tilecompile-health)"
code=0
main_server run --rm -T master > "$work/master.txt" 2>> "$log" < /dev/null || code=$?
[ "$code" -eq "$expected_code" ] || { docker logs barn >> "$log" 2>&1; fail "the master ended with $code, tilecompile run with $expected_code"; }
same_pictures "$work/master.txt"
joined=$(grep -c '"worker_id":"barn-2"' "$work/out/latest/journal.jsonl" || true)
[ "$joined" -gt 0 ] || fail "the worker that joined computed nothing"
good "$joined tiles by barn-2, $(docker exec "$server" find /srv/node/disk -name '*.data' | wc -l) objects on the disk of the server"
docker restart -t 20 "$server" >> "$log"
await 180 healthy health "$server"
[ "$(docker exec "$server" find /srv/node/disk -name '*.data' | wc -l)" -gt "$joined" ] || fail "a restart has lost objects"
good "after a restart of the server its objects are there"
docker rm -f -v barn >> "$log"

say "taking production down"
worker_host down -v >> "$log" 2>&1
main_server --profile s3 down -v >> "$log" 2>&1
nothing_runs

say "systemd: the units under a systemd of their own"
docker build -t tilecompile-systemd -f scripts/docker/systemd.Dockerfile scripts/docker >> "$log" 2>&1
docker network create hosts >> "$log"
docker run -d --name hosts-broker --network hosts -e RABBITMQ_DEFAULT_USER=tilecompile \
  -e RABBITMQ_DEFAULT_PASS="a password" "$RABBITMQ_IMAGE" >> "$log"
# What a systemd needs to be process 1 in a container; its sandboxes of services need CAP_SYS_ADMIN.
docker run -d --name hosts-main --network hosts --cgroupns private --cap-add SYS_ADMIN --cap-add NET_ADMIN \
  --security-opt seccomp=unconfined --security-opt apparmor=unconfined --tmpfs /run --tmpfs /run/lock \
  -v "$PWD/config/systemd:/units:ro" -v "$PWD/scripts/docker:/scripts:ro" -v "$work/night:/night" \
  tilecompile-systemd >> "$log"
for turn in $(seq 150); do
  state=$(docker exec hosts-main systemctl is-system-running 2>> "$log") || true
  if [ "$state" = running ]; then break; fi
  sleep 0.2
done
if [ "$state" = running ]; then
  docker exec hosts-main /scripts/systemd-host.sh hosts-broker "a password" 2> "$work/systemd.log" ||
    { cat "$work/systemd.log" >&2; fail "the units, see above"; }
  same_pictures "$work/night/systemd.txt"
else
  docker logs hosts-main >> "$log" 2>&1 || true
  printf '*** LEFT OUT: systemd does not run in a container here (after %s turns: "%s"), its units were not tried\n' "$turn" "$state"
fi
docker rm -f -v hosts-main hosts-broker >> "$log"
docker network rm hosts >> "$log"
nothing_runs
