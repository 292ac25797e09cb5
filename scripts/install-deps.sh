#!/bin/bash
# Installs what building and running tilecompile needs on Debian 12 or Ubuntu; does nothing when all is there.
# Usage: scripts/install-deps.sh [--program | --package | --tests | --docker]
#   --program: only what compiling the program needs; --package: and what a Debian package of it needs; --tests: also what
#   only tests, checks and measurements need; --docker: only what scripts/test-docker.sh needs
set -euo pipefail

program=(g++ cmake ninja-build pkg-config
  librabbitmq-dev libyaml-cpp-dev nlohmann-json3-dev libssl-dev libcfitsio-dev libcli11-dev libspdlog-dev
  libcurl4-openssl-dev libpugixml-dev libsep-dev libpng-dev libjpeg-dev libtiff-dev libraw-dev libcpp-httplib-dev
  prometheus-cpp-dev)
package=(file dpkg-dev)  # cpack asks them which libraries the program is linked to
build=(ccache libgtest-dev libgmock-dev rabbitmq-server procps)
tests=(git libbenchmark-dev python3-numpy python3-astropy python3-sep fitsverify clang clang-format clang-tidy siril time
  swift swift-proxy swift-account swift-container swift-object openssl
  python3-pika iproute2 iptables util-linux docker-compose systemd debootstrap chromium
  curl python3-prometheus-client prometheus)
docker=(docker.io docker-compose debootstrap iptables iproute2 util-linux openssl curl
  swift swift-proxy swift-account swift-container swift-object)

die() { echo "install-deps: $*" >&2; exit 1; }

wanted=("${program[@]}" "${build[@]}")
case ${1:-} in
  '') ;;
  --program) wanted=("${program[@]}") ;;
  --package) wanted=("${program[@]}" "${package[@]}") ;;
  --tests) wanted+=("${tests[@]}") ;;
  --docker) wanted=("${docker[@]}") ;;
  *) sed -n '2,5s/^# //p' "$0" >&2; exit 2 ;;
esac
[ $# -le 1 ] || die "one option at most"

command -v dpkg-query > /dev/null ||
  die "this is no Debian or Ubuntu (no dpkg-query); install by hand what these packages hold: ${wanted[*]}"

present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2> /dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package installed" <<< "$present" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo > /dev/null || die "neither root nor sudo; as root, run: apt-get install ${missing[*]}"
  as_root=(sudo)
fi

# The tests run brokers of their own, so installing RabbitMQ must not start one for the whole machine. Debian
# asks this file before it starts a service; one that is there already is the owner's business.
policy=/usr/sbin/policy-rc.d
keep_services_down() {
  if [ -e "$policy" ]; then return; fi
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" > /dev/null
  "${as_root[@]}" chmod 755 "$policy"
}

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" < /dev/null >&2
}

echo "install-deps: installing ${missing[*]}" >&2
keep_services_down
apt update || die "apt-get update failed (above); is there a network?"
apt install -y --no-install-recommends "${missing[@]}" ||
  die "apt-get install failed (above); by hand: apt-get install ${missing[*]}"
