#!/bin/bash
# A second host joins by one file and shares no folder: main server and worker in network namespaces of their own, the
# worker's without sight of the main server's files; frames and tiles go through a private S3 service, over TLS to a
# private RabbitMQ. Does what docs/getting-started.md says in its order and prints when each step was done.
# Usage: scripts/test-join.sh [PROGRAM]     default build/release/tilecompile; needs root
set -euo pipefail
[ $# -le 1 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${1:-$source/build/release/tilecompile}")
skip() { echo "test-join: SKIPPED: $*" >&2; exit 77; }
[ "$(id -u)" = 0 ] || skip "not root"
for needed in swift-proxy-server rabbitmqctl ip unshare; do command -v $needed > /dev/null || skip "no $needed"; done

work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-join.XXXXXX")
main=tc-main-$$ barn=tc-barn-$$ net=10.$((RANDOM % 200 + 20)).$((RANDOM % 250))
address=$net.1 worker=
mkdir "$work/main" "$work/barn"
on_main() { ip netns exec "$main" "$@"; }
clean_up() {
  set +e
  [ -z "$worker" ] || { kill "$worker"; wait "$worker"; } 2> /dev/null
  on_main "$source/scripts/private-broker.sh" stop "$work/main/broker"
  on_main "$source/scripts/private-s3.sh" stop "$work/main/s3"
  ip netns del "$barn"
  ip netns del "$main"
  rm -rf "$work"
} > /dev/null 2>&1
trap clean_up EXIT

ip netns add "$main" 2> /dev/null || skip "no network namespaces here"
ip netns add "$barn"
ip link add "tcm$$" netns "$main" type veth peer name "tcb$$" netns "$barn"
ip -n "$main" addr add "$address/24" dev "tcm$$"
ip -n "$barn" addr add "$net.2/24" dev "tcb$$"
for end in "$main tcm$$" "$main lo" "$barn tcb$$" "$barn lo"; do ip -n "${end% *}" link set "${end#* }" up; done
ip -n "$main" link show lo > /dev/null

cd "$work/main"
"$program" simulate night --frames 24 --width 420 --height 300 --stars 200 --seed 5 --quiet
read -r s3_port _ < <(PRIVATE_S3_ADDRESS=$address PRIVATE_S3_OWNER=$$ on_main "$source/scripts/private-s3.sh" start "$work/main/s3")
printf '[default]\naws_access_key_id = tc:tiles\naws_secret_access_key = s3secret\n' > credentials
chmod 600 credentials
on_main /usr/bin/python3 "$source/scripts/make-bucket.py" "$address:$s3_port" tiles
cat > run.yaml <<END
input: {dir: night/frames}
storage: {type: s3, upload_frames: true, s3: {endpoint: "http://$address:$s3_port", bucket: tiles, prefix: runs, credentials_file: "$work/main/credentials"}}
END
reference=$("$program" run run.yaml --output ref --set storage.type=file --set storage.upload_frames=false --quiet |
  sed -n 's/^  digest *//p' | tail -n 1)

began=$(date +%s%N)
done_at() { printf 'test-join: %6.1f s  %s\n' "$(($(date +%s%N) - began))e-9" "$*"; }
"$program" setup run.yaml --join-file barn.yaml --worker barn-1 --address "$address" > /dev/null
[ "$(stat -c %a barn.yaml)" = 600 ]
done_at "setup wrote barn.yaml and tilecompile-secrets"
cat tilecompile-secrets/broker.yaml >> run.yaml
# The port of the test's broker, and its own way in for rabbitmqctl's friends.
sed -e 's/^listeners.ssl.default = .*/listeners.ssl.1 = 0.0.0.0:@TLS_PORT@/' -e '/^listeners.tcp = none/d' \
  tilecompile-secrets/rabbitmq.conf > broker.conf
PRIVATE_BROKER_OWNER=$$ PRIVATE_BROKER_CONF=$work/main/broker.conf on_main "$source/scripts/private-broker.sh" start "$work/main/broker" > /dev/null
tls_port=$(cat broker/tls_port)
done_at "the broker listens with its certificate"
on_main "$source/scripts/private-broker.sh" ctl "$work/main/broker" import_definitions "$work/main/tilecompile-secrets/definitions.json" > /dev/null
done_at "users and queues are there"
cp barn.yaml "$work/barn/"
(cd "$work/barn" && HOME=$work/barn exec ip netns exec "$barn" unshare -m sh -c \
  'mount -t tmpfs none "$1" && exec "$2" worker barn.yaml --broker.port "$3" > worker.log 2>&1' sh "$work/main" "$program" "$tls_port") &
worker=$!
for _ in $(seq 600); do
  if grep -q "worker is ready" "$work/barn/worker.log" 2> /dev/null; then break; fi
  kill -0 "$worker" 2> /dev/null || break
  sleep 0.1
done
grep -q "worker is ready" "$work/barn/worker.log" || { cat "$work/barn/worker.log" >&2; exit 1; }
done_at "the other host is ready: $(sed -n 's/.*  input=\(.*\)  numerics.*/\1/p' "$work/barn/worker.log" | head -n 1)"
on_main "$program" verify run.yaml --set broker.port="$tls_port" > verify.txt || { cat verify.txt "$work/barn/worker.log" >&2; exit 1; }
done_at "verify: $(grep -c '^ok' verify.txt) checks hold"
on_main "$program" master run.yaml --set broker.port="$tls_port" > master.txt 2> master.log || [ $? -eq 3 ] || { tail -n 20 master.log "$work/barn/worker.log" >&2; exit 1; }
done_at "$(grep -h '"frames_uploaded"' out/latest/events.jsonl | sed 's/.*"brought":"\([0-9]*\)".*/\1 frames were brought into the bucket/')"
/usr/bin/python3 - "$began" out/latest/events.jsonl <<'END'
import datetime, json, pathlib, sys
began = int(sys.argv[1]) / 1e9
for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    event = json.loads(line)
    if event["event"] in ("run_started", "frames_uploaded", "round_began", "run_done", "run_failed_validation"):
        time = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
        print(f"test-join: {time - began:6.1f} s  {event['event']}")
END
done_at "$(tail -n 1 master.txt)"
workers=$(grep -o '"worker_id":"[^"]*"' out/latest/journal.jsonl | sort | uniq -c)
done_at "tiles by:$workers"
[ "$(sed -n 's/^  digest *//p' master.txt | tail -n 1)" = "$reference" ] || { echo "test-join: FAILED: other pixels than in one process" >&2; exit 1; }
done_at "the picture is that of one process, to the bit"
