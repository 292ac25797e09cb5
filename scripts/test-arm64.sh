#!/bin/bash
# Builds the image for arm64 from docker/Dockerfile on a machine that is none, under qemu, and reconstructs a small
# simulated night in it: the pictures must be, bit for bit, those of a program of this machine. Takes a Docker engine of
# its own and makes its base images from Debian packages, so no registry is needed. The compiler is this machine's own
# for arm64, put into the base image of the first stage, because an emulated one takes hours; all else is emulated. Needs
# root, qemu-user-static and g++-aarch64-linux-gnu; when arm64 programs cannot be run here it says so and ends with 77.
# Usage: scripts/test-arm64.sh PROGRAM      the program of this machine, as build/release/tilecompile
# Environment: TEST_ARM64_DIR       folder that is kept, with the images, to be quicker the next time
#              TEST_ARM64_EMULATED  not empty: with the emulated compiler after all
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] || { sed -n '2,10s/^# //p' "$0" >&2; exit 2; }
program=$1

skip() { printf '\n*** test-arm64: SKIPPED: %s\n*** Nothing about arm64 was tested.\n' "$*" >&2; exit 77; }
fail() { echo "test-arm64: FAILED: $*" >&2; exit 1; }
say() { printf '== %s (%d s)\n' "$*" "$SECONDS"; printf '\n== %s\n' "$*" >> "$log"; }
good() { printf '   ok: %s\n' "$*"; }
[ "$(id -u)" -eq 0 ] || skip "it needs root, for a Docker engine of its own"

work=${TEST_ARM64_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-arm64.XXXXXX")}
mkdir -p "$work"
engine=$work/engine
log=$work/test.log
: > "$log"
user=10001:10001
binfmt=/proc/sys/fs/binfmt_misc
entry=tilecompile-arm64

finish() {
  local code=$? left
  trap - EXIT INT TERM
  if [ "$code" -ne 0 ] && [ "$code" -ne 77 ]; then tail -n 40 "$log" >&2; fi
  if [ -d "$engine" ]; then
    scripts/private-docker.sh stop "$engine" || code=1
    left=$(scripts/private-docker.sh trace "$engine")
    if [ -n "$left" ]; then printf 'test-arm64: left behind on this machine:\n%s\n' "$left" >&2; code=1; fi
  fi
  if [ -e "$binfmt/$entry" ]; then echo -1 > "$binfmt/$entry"; fi
  if [ -z "${TEST_ARM64_DIR:-}" ]; then rm -rf "$work"; fi
  if [ "$code" -eq 0 ]; then echo "all good after $SECONDS s; nothing was left behind"; fi
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Lets the kernel run arm64 programs by qemu. "F" opens qemu now, so that it need not be there in a container.
register() {
  local qemu magic mask
  qemu=$(command -v qemu-aarch64-static) || skip "no qemu-aarch64-static: apt-get install qemu-user-static"
  [ -e "$binfmt/register" ] || mount -t binfmt_misc binfmt_misc "$binfmt" 2>> "$log" || skip "this kernel has no binfmt_misc"
  if grep -qsx 'enabled' "$binfmt/qemu-aarch64" && grep -q '^flags:.*F' "$binfmt/qemu-aarch64"; then return; fi
  [ ! -e "$binfmt/$entry" ] || return 0
  # An ELF file of 64 bits, little endian, executable or shared object, of machine 183.
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":$entry:M::$magic:$mask:$qemu:F" > "$binfmt/register" || skip "the kernel refuses qemu"
}

# An image for building from image $1: with this machine's compiler for arm64, which then runs at its full speed. Only
# cmake and what it starts find it, under the names that come first on the path.
add_compiler() {
  local files=$work/compiler root=$work/compiler/root cross=usr/lib/gcc-cross/aarch64-linux-gnu tools=usr/aarch64-linux-gnu
  local file pair
  command -v aarch64-linux-gnu-g++-12 > /dev/null || skip "no compiler for arm64: apt-get install g++-aarch64-linux-gnu"
  rm -rf "$files"
  mkdir -p "$root/usr"/{lib64,lib/x86_64-linux-gnu,local/bin,cross/bin}
  tar -C / -c --exclude "$tools/bin" $cross $tools | tar -x -C "$root"
  mkdir "$root/$tools/bin"
  for file in as ld ld.bfd; do cp -L "/usr/bin/aarch64-linux-gnu-$file" "$root/$tools/bin/$file"; done
  cp -L /usr/bin/aarch64-linux-gnu-{g++,gcc}-12 "$root/usr/cross/bin/"
  ln -s ../lib ../aarch64-linux-gnu "$root/usr/cross/"  # where they look for their parts
  ldd "$root"/usr/cross/bin/* "$root/$tools"/bin/* "$root/$cross"/12/{cc1,cc1plus,collect2,lto1} |
    grep -o '/[^ ]*\.so[^ ]*' | sort -u | xargs -I{} cp -L {} "$root/usr/lib/x86_64-linux-gnu/"
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/usr/lib64/"
  for pair in c++:g++ cc:gcc; do
    file=$root/usr/local/bin/${pair%:*}
    printf '#!/bin/sh\nexec /usr/cross/bin/aarch64-linux-gnu-%s-12 "$@"\n' "${pair#*:}" > "$file"
    chmod 755 "$file"
  done
  tar -C "$root" -cf "$files/root.tar" .
  rm -r "$root"
  printf 'FROM %s\nADD root.tar /\nRUN [ -e /lib64 ] || ln -s usr/lib64 /lib64\n' "$1" > "$files/Dockerfile"
  printf 'RUN echo "#include <string>\\nint main() { return std::string().size(); }" > /tmp/a.cpp && c++ -o /tmp/a /tmp/a.cpp && /tmp/a\n' \
    >> "$files/Dockerfile"
  docker build --platform linux/arm64 -t "$build_base" "$files" >> "$log" 2>&1
}

digests() { awk '$1 == "reconstruction" || $1 == "classical" || $1 == "stack" { name = $1 } $1 == "digest" { print name, $2 }' "$1"; }
# The night of one program, called as the arguments say, below DIR as it and as we see it: OURS THEIRS COMMAND...
night() {
  local ours=$1 theirs=$2 code=0
  shift 2
  rm -rf "$ours"
  install -d -o "${user%:*}" "$ours"
  "$@" simulate "$theirs" --frames 12 --width 320 --height 240 --seed 7 >> "$log" 2>&1
  "$@" run "$theirs/run.yaml" --output "$theirs/out" > "$ours.txt" 2>> "$log" || code=$?
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || fail "'$* run' ended with $code"
}

say "starting an engine, letting the kernel run arm64 programs"
scripts/install-deps.sh --docker >> "$log" 2>&1 || skip "its packages cannot be installed, see $(tail -n 1 "$log")"
register
host=$(PRIVATE_DOCKER_OWNER=$$ scripts/private-docker.sh start "$engine" 2>> "$log") ||
  { cat "$log" >&2; skip "dockerd does not start here (above)"; }
export DOCKER_HOST=$host DOCKER_BUILDKIT=0 DOCKER_CONFIG=$work/client

say "making the base image"
base=debian-arm64:bookworm-slim
docker image inspect -f . $base >> "$log" 2>&1 || scripts/docker/base-image.sh $base bookworm arm64 >> "$log" 2>&1 ||
  skip "no base image can be made: debootstrap fails, see the end of $log: $(tail -n 1 "$log")"
good "$base: $(docker run --rm --platform linux/arm64 $base uname -m), gives its programs as $(docker image inspect -f '{{.Os}}/{{.Architecture}}' $base)"

build_base=$base
if [ -z "${TEST_ARM64_EMULATED:-}" ]; then
  build_base=debian-arm64:compiler
  add_compiler $base
  good "compiler: $(docker run --rm --platform linux/arm64 $build_base c++ --version | head -n 1)"
fi

say "building docker/Dockerfile for arm64; this takes its time"
docker build --platform linux/arm64 --build-arg BASE=$base --build-arg BUILD_BASE=$build_base -t tilecompile-arm64 -f docker/Dockerfile . >> "$log" 2>&1
[ "$(docker image inspect -f '{{.Architecture}}' tilecompile-arm64)" = arm64 ] || fail "the image is for another architecture"
[ "$(docker image inspect -f '{{.Config.User}}' tilecompile-arm64)" = "$user" ] || fail "the image runs as root"
good "$(docker run --rm --platform linux/arm64 --no-healthcheck tilecompile-arm64 --version), \
$(($(docker image inspect -f '{{.Size}}' tilecompile-arm64) / 1000000)) MB, \
machine of the program: $(docker run --rm --platform linux/arm64 --no-healthcheck --entrypoint od tilecompile-arm64 -An -tu2 -j18 -N2 /usr/local/bin/tilecompile)"

say "a night in the container"
mkdir -p "$work/nights"
night "$work/nights/arm64" /nights/arm64 docker run --rm --platform linux/arm64 --no-healthcheck --user "$user" --network none \
  -v "$work/nights:/nights" tilecompile-arm64
good "$(digests "$work/nights/arm64.txt" | paste -sd ' ')"

say "the same night by $program"
night "$work/nights/here" "$work/nights/here" "$program"
good "$(digests "$work/nights/here.txt" | paste -sd ' ')"
[ "$(digests "$work/nights/here.txt" | wc -l)" -ge 1 ] || fail "no digest in $work/nights/here.txt"
[ "$(digests "$work/nights/arm64.txt")" = "$(digests "$work/nights/here.txt")" ] || fail "the pictures differ"
for frame in "$work"/nights/here/frames/*; do
  cmp -s "$frame" "$work/nights/arm64/frames/${frame##*/}" || fail "the simulated frames differ: ${frame##*/}"
done
good "frames and pictures are the same bits on $(uname -m) and arm64"
