#!/usr/bin/env bash
# pretix' check-in API and our redemption, in turn on this machine: `scripts/postgres scripts/peers/pretix.sh VENV BARS`.
#
# pretix runs as its manual says: gunicorn with two workers over PostgreSQL, one event with 2,000 paid tickets, redeemed through its REST API
# over connections that are kept. Ours is the terminal's server, durable as always. Prints rows of docs/PERFORMANCE.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$(realpath "$1") bars=$(realpath "$2")
work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

# The address that scripts/postgres gives: a folder with the socket, and a port.
socket=${TEILHABE_TEST_DATABASE_URL#*@} && port=${socket#*:} && port=${port%/*} && socket=${socket%%:*} && socket=${socket//%2F//}
listen=127.0.0.1:$((32000 + RANDOM % 8000))
cat >"$work/pretix.cfg" <<CFG
[pretix]
instance_name=bench
url=http://$listen
datadir=$work/data
trust_x_forwarded_for=off
[database]
backend=postgresql
name=teilhabe
user=teilhabe
host=$socket
port=$port
[django]
secret=$(head -c 24 /dev/urandom | base64)
CFG
export PRETIX_CONFIG_FILE=$work/pretix.cfg PRETIX_TOWN=$work/town.json PRETIX_TICKETS=2000
export DJANGO_SETTINGS_MODULE=pretix.settings
mkdir -p "$work/data"
cd "$work"
"$venv/bin/python" -m pretix migrate --verbosity 0 >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; echo "pretix could not make its database" >&2; exit 1; }
"$venv/bin/python" -m pretix shell <"$here/pretix_town.py" >>"$work/log" 2>&1 || { tail -5 "$work/log" >&2; exit 1; }
[ -s "$PRETIX_TOWN" ] || { tail -15 "$work/log" >&2; echo "pretix' event was not made" >&2; exit 1; }
"$venv/bin/gunicorn" pretix.wsgi --workers 2 --bind "$listen" --log-level warning >>"$work/log" 2>&1 &
server=$!
for _ in $(seq 120); do
    curl -s -o /dev/null "http://$listen/healthcheck/" && break
    sleep 0.5
done
python3 "$here/race.py" pretix "$bars" "$listen" "$PRETIX_TOWN" "$server" "$here/pretix_scan.py" || { tail -15 "$work/log" >&2; exit 1; }
