#!/bin/bash
# The tests that talk to a broker, against RabbitMQ 4 of Debian 13 instead of this system's, and the upgrade from one to
# the other. Needs root and a built program. Exit code 77: RabbitMQ 4 cannot be had here.
# Usage: scripts/test-rabbitmq4.sh [BUILD_FOLDER]      default build/ci
# The system lies in TILECOMPILE_RABBITMQ4_ROOT (default /var/tmp/tilecompile-rabbitmq4), made when it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/ci}
root=${TILECOMPILE_RABBITMQ4_ROOT:-/var/tmp/tilecompile-rabbitmq4}
skip() { echo "skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "another root needs root"
scripts/rabbitmq4-root.sh "$root" > /dev/null || skip "RabbitMQ 4 could not be installed into $root"

failed=()
check() {
  echo "== $*"
  "$@" || failed+=("$1 ${2:-}")
}
/usr/bin/python3 -B tests/upgrade/upgrade_test.py "$build/tilecompile" "$root" || failed+=(upgrade)
export RABBITMQ_ROOT=$root
check "$build/tests/test_contract" --gtest_brief=1 --gtest_filter='*Transport*:DeadLetters.*:*Amqp*:BrokerAlarm.*:*Diagnostics*'
check "$build/tests/test_system" --gtest_brief=1 \
  --gtest_filter='Roles.*:WorkerUsers.*:Distrust.*:Isolation.*:Distributed.*:HostileMessages.*:Alarm.*:LostTasks.*:Verify*:Tls*'
check /usr/bin/python3 -B tests/clients/clients_test.py "$build/tilecompile"
check /usr/bin/python3 -B tests/chaos/chaos.py "$build/tilecompile" --seeds 0 12 13 21 26
[ ${#failed[@]} -eq 0 ] || { printf 'failed with RabbitMQ 4: %s\n' "${failed[@]}"; exit 1; }
