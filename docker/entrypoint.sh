#!/bin/sh
# dialer-entrypoint <command of dialer-engine> …, run by default.
#
#   DIALER_DB_UPGRADE=yes   bring the schema up to date before `run` (one daemon on a store; else do it by hand)
#   healthz                 exit code 0 when the daemon's loop answers on its socket
#
# Every key of the configuration can be set from the environment: store.url is DIALER_STORE__URL.
set -eu

healthz() {
    exec python3 - "${DIALER_DAEMON__SOCKET:-/run/dialer/api.sock}" <<'PY'
import http.client, socket, sys

link = http.client.HTTPConnection("localhost", timeout=4)
link.sock = socket.socket(socket.AF_UNIX)
link.sock.settimeout(4)
link.sock.connect(sys.argv[1])
link.request("GET", "/healthz")
sys.exit(0 if link.getresponse().status == 200 else 1)
PY
}

case "${1:-run}" in
healthz) healthz ;;
run) [ "${DIALER_DB_UPGRADE:-no}" != yes ] || dialer-engine db upgrade ;;
esac
exec dialer-engine "$@"
