#!/bin/bash
# Makes the Debian package, installs it in a clean root of the same release, and tries there what a newcomer does: the
# program, its manual, its completion, a run. Ends with 77 without root rights or debootstrap.
# Usage: scripts/test-package.sh [SUITE]      default: this system's release; of another the package is made in the root
# Environment: TEST_PACKAGE_BUILD  folder of a release build of this system, to be quicker
#              TEST_PACKAGE_FILE   a package of that release that is there already
set -euo pipefail
[ $# -le 1 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
skip() { echo "test-package: SKIPPED: $*" >&2; exit 77; }
[ "$(id -u)" -eq 0 ] || skip "installing in a root of its own needs root"
command -v debootstrap > /dev/null || skip "no debootstrap: apt-get install debootstrap"
source=$(cd "$(dirname "$0")/.." && pwd)
own=$(. /etc/os-release && echo "$VERSION_CODENAME")
suite=${1:-$own}
mirror=$(apt-get indextargets --format '$(SITE)' 2> /dev/null | grep -v security | head -n 1)
[ -n "$mirror" ] || skip "apt knows no mirror of Debian"

work=$(mktemp -d "${TMPDIR:-/tmp}/tilecompile-package.XXXXXX")
root=$work/root
clean() {
  if mountpoint -q "$root/proc"; then umount "$root/proc"; fi
  rm -rf "$work"
}
trap clean EXIT
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }

debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" > "$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; exit 1; }
mount -t proc proc "$root/proc"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
if [ -n "${TEST_PACKAGE_FILE:-}" ]; then
  cp "$TEST_PACKAGE_FILE" "$root/root/"
elif [ "$suite" = "$own" ]; then
  package=$("$source/scripts/package.sh" "${TEST_PACKAGE_BUILD:-$work/build}")
  cp "$package" "$root/root/"
else
  mkdir "$root/source"
  (cd "$source" && git ls-files -z --cached --others --exclude-standard | tar -c --null -T - ) | tar -x -C "$root/source"
  in_root apt-get -q update > "$work/log" 2>&1
  in_root /source/scripts/package.sh /build > "$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; exit 1; }
  cp "$root"/build/*.deb "$root/root/"
fi

step() { echo "test-package: $suite: $*"; }
in_root apt-get -q update > "$work/log" 2>&1
in_root sh -c 'apt-get -q install -y --no-install-recommends /root/*.deb' > "$work/log" 2>&1 ||
  { tail -n 30 "$work/log" >&2; exit 1; }
step "installed $(basename "$root"/root/*.deb)"
[ "$(in_root stat -c '%U:%G %a' /etc/tilecompile)" = "root:tilecompile 750" ]
in_root getent passwd tilecompile > /dev/null
step "user and folder are there: $(in_root tilecompile --version)"
for command in run worker setup explain preview; do
  in_root test -s "/usr/share/man/man1/tilecompile-$command.1"
done
in_root bash -c '. /usr/share/bash-completion/completions/tilecompile
  COMP_WORDS=(tilecompile wor); COMP_CWORD=1; _tilecompile; [ "${COMPREPLY[*]}" = worker ]'
for unit in tilecompile-worker.service tilecompile-master@.service; do in_root test -s "/usr/lib/systemd/system/$unit"; done
in_root tilecompile config /usr/share/tilecompile/deep-sky.yaml > /dev/null
step "man pages, completion, units and configurations are there"
in_root sh -ec 'cd /tmp && tilecompile simulate night --frames 30 --width 300 --height 200 --quiet
  tilecompile run night/run.yaml --quiet | tail -n 1; tilecompile preview out/latest/reconstruction.fits -o x.jpg && test -s x.jpg'
in_root apt-get -q -y remove tilecompile > "$work/log" 2>&1
[ ! -e "$root/usr/bin/tilecompile" ]
step "a run gave a picture; removed again"
