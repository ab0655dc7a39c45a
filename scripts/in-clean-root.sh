#!/usr/bin/env bash
# Second half of scripts/check-package, in name spaces of its own: a Debian without network, and our packages in it.
# Arguments: the clean root, the folder with the packages of both versions, the program that plays the office.
set -euo pipefail
lower=$1 debs=$2 program=$3
project=$PWD
old="0.1.0~dev1-1" new="0.1.0~dev2-1"

say() { printf '\n== %s\n' "$*"; }
stop() {
    printf 'teilhabe: %s\n' "$*" >&2
    exit 1
}

# What is changed lies in memory and goes with this process; the clean root stays clean.
layers=$(mktemp -d)
mount --make-rprivate /
mount -t tmpfs tmpfs "$layers"
mkdir "$layers"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$layers/upper,workdir=$layers/work" "$layers/root"
root=$layers/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/debs" "$root$project/templates"
mount --bind "$debs" "$root/debs"
# The program under test is a build for development, which reads its texts and pages where it was built.
mount --bind "$project/templates" "$root$project/templates"
ip link set lo up
! ip route | grep -q . || stop "the clean root has a network: something could speak to the outside unseen"

inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$root" "$@"; }
as_service() { inside runuser -u teilhabe -- "$@"; }
# install FILE … as a person would; what was changed under /etc stays as it is.
install() { inside apt-get install -q -y --no-install-recommends --allow-downgrades -o Dpkg::Options::=--force-confold -o APT::Sandbox::User=root "$@"; }
quietly() { "$@" >"$layers/log" 2>&1 || { cat "$layers/log" && stop "failed: $*"; }; }
has() { [ -e "$root$1" ] || [ -L "$root$1" ]; }
# says PATTERN COMMAND …
says() {
    local pattern=$1
    shift
    quietly "$@"
    grep -q "$pattern" "$layers/log" || { cat "$layers/log" && stop "$pattern is not what $* says"; }
}
must_have() { for path in "$@"; do has "$path" || stop "$path is not there"; done; }
must_lack() { for path in "$@"; do ! has "$path" || stop "$path is there"; done; }

# serve ROLE starts what the installed unit says, as its user, until it answers; done ends it.
serve() {
    local role=$1 port=$2 unit options start
    unit=$root/usr/lib/systemd/system/teilhabe-$role.service
    options=$(sed -n 's/^TEILHABE_OPTIONS=//p' "$root/etc/teilhabe/$role.env")
    start=$(sed -n 's/^ExecStart=//p' "$unit")
    (exec env -i PATH=/usr/sbin:/usr/bin TEILHABE_OPTIONS="$options" chroot "$root" setpriv --reuid teilhabe --regid teilhabe --init-groups sh -c "exec $start") \
        >"$layers/$role.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        ! curl --silent --fail --output /dev/null "http://127.0.0.1:$port/healthz" || return 0
        sleep 0.1
    done
    cat "$layers/$role.log"
    stop "the $role does not answer"
}
end() {
    kill "$server"
    wait "$server" || stop "the service did not end cleanly when told to"
}
field() { python3 -c "import json, sys; print(json.load(sys.stdin)$1)"; }
sql() { python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(db.executescript(sys.argv[2]).fetchone() if ";" in sys.argv[2] else db.execute(sys.argv[2]).fetchone()[0]); db.close()' "$@"; }
api() {
    curl --silent --fail-with-body --header "Authorization: Bearer $(cat "$root/var/lib/teilhabe/terminal/api-token")" \
        --header 'Content-Type: application/json' "$@"
}

# The terminal's database as the first version wrote it: its tables, with what stands in them today.
as_of_version_1() {
    python3 - "$root/var/lib/teilhabe/terminal/terminal.db" "$project/src/shell/store/terminal/0001.sql" <<'PYTHON'
import os, pathlib, sqlite3, sys
new, old = sys.argv[1], sys.argv[1] + ".old"
db = sqlite3.connect(old)
db.executescript(pathlib.Path(sys.argv[2]).read_text())
db.execute("ATTACH ? AS new", [new])
for (table,) in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall():
    columns = ", ".join(row[0] for row in db.execute("SELECT name FROM pragma_table_info(?, 'main')", [table]))
    db.execute(f"INSERT INTO main.{table}({columns}) SELECT {columns} FROM new.{table}")
db.commit()
db.execute("PRAGMA user_version = 1")
db.close()
owner = os.stat(new)
for end in ["", "-wal", "-shm"]:
    pathlib.Path(new + end).unlink(missing_ok=True)
os.rename(old, new)
os.chown(new, owner.st_uid, owner.st_gid)
os.chmod(new, 0o600)
PYTHON
}

say "installing the terminal"
quietly install "/debs/$old/teilhabe-terminal_${old}_amd64.deb"
must_have /etc/systemd/system/multi-user.target.wants/teilhabe-terminal.service /usr/share/doc/teilhabe-terminal/copyright /usr/share/man/man1/teilhabe.1.gz
[ "$(inside stat -c '%U:%G %a' /var/lib/teilhabe/terminal)" = "teilhabe:teilhabe 700" ] || stop "the data folder is not the service's own"
inside teilhabe --version
echo '# a line of our own' >>"$root/etc/teilhabe/terminal.env"
sed -i 's/^TEILHABE_OPTIONS=.*/TEILHABE_OPTIONS=--no-exchange/' "$root/etc/teilhabe/terminal.env"

say "a meal is recorded"
office=$layers/office
"$program" office init --data "$office" --id 05562032 --name "Stadt Recklinghausen" --debtor-iban "DE02 1203 0000 0000 2020 51" >/dev/null
code=$("$program" office provider add --json --data "$office" --name Mensa --iban DE44500105175407324931 --service lunch:lunch:Mittagessen:450 | field "['enrolment_code']")
printf 'reference;benefit;from;to;period;measure;amount\n0815;lunch;%s-01;%s-12;day;units;1\n' "$(date +%Y)" "$(date +%Y)" >"$layers/children.csv"
"$program" office issue --data "$office" --csv "$layers/children.csv" --out "$layers/cards" >/dev/null
"$program" office serve --data "$office" --listen 127.0.0.1:8090 >"$layers/office.log" 2>&1 &
town=$!
serve terminal 8080
api --data "$(printf '{"url":"http://127.0.0.1:8090","code":"%s"}' "$code")" http://127.0.0.1:8080/api/v1/offices >"$layers/answer" || { cat "$layers/answer"; stop "the terminal was not admitted"; }
token=$(python3 -c 'import csv, sys; print(next(csv.DictReader(open(sys.argv[1], encoding="utf-8-sig"), delimiter=";"))["code"])' "$layers/cards/tokens.csv")
verdict=$(api --data "$(printf '{"code":"%s","service":"lunch","ask":"first"}' "$token")" http://127.0.0.1:8080/api/v1/redemptions | field "['verdict']")
[ "$verdict" = accepted ] || stop "the card is not accepted: $verdict"
end
kill "$town"
proof() { as_service teilhabe journal verify --json --data /var/lib/teilhabe/terminal | field "['proof']['head']"; }
head=$(proof)

say "an upgrade brings the database of version 1 up to date, and keeps what was there"
as_of_version_1
quietly install "/debs/$new/teilhabe-terminal_${new}_amd64.deb"
must_have /var/lib/teilhabe/terminal/terminal.version-1.db
[ "$(sql "$root/var/lib/teilhabe/terminal/terminal.version-1.db" 'PRAGMA user_version')" = 1 ] || stop "the copy is not of version 1"
[ "$(sql "$root/var/lib/teilhabe/terminal/terminal.db" 'PRAGMA user_version')" -gt 1 ] || stop "the database was not updated"
[ "$(proof)" = "$head" ] || stop "the journal is another one after the upgrade"
grep -q 'a line of our own' "$root/etc/teilhabe/terminal.env" || stop "the upgrade has overwritten /etc/teilhabe/terminal.env"
serve terminal 8080
verdict=$(api --data "$(printf '{"code":"%s","service":"lunch","ask":"second"}' "$token")" http://127.0.0.1:8080/api/v1/redemptions | field "['verdict']")
[ "$verdict" != accepted ] || stop "after the upgrade the same card was taken twice on one day"
end

say "an upgrade that cannot bring the database up to date changes nothing and says so"
as_of_version_1
sql "$root/var/lib/teilhabe/terminal/terminal.db" "CREATE TABLE setting(name TEXT);" >/dev/null
if install --reinstall "/debs/$new/teilhabe-terminal_${new}_amd64.deb" >"$layers/log" 2>&1; then stop "the failed update went unnoticed"; fi
for said in 'nothing was changed' 'dpkg --configure teilhabe-terminal'; do grep -q "$said" "$layers/log" || { cat "$layers/log" && stop "nobody is told: $said"; }; done
[ "$(sql "$root/var/lib/teilhabe/terminal/terminal.db" 'PRAGMA user_version')" = 1 ] || stop "a failed update has changed the database"
sql "$root/var/lib/teilhabe/terminal/terminal.db" "DROP TABLE setting;" >/dev/null
quietly inside dpkg --configure teilhabe-terminal
[ "$(proof)" = "$head" ] || stop "the journal is another one after the mended upgrade"

say "removing keeps the data, purging without an answer too"
quietly inside apt-get remove -q -y teilhabe-terminal
must_have /var/lib/teilhabe/terminal/terminal.db /etc/teilhabe/terminal.env
must_lack /usr/bin/teilhabe
grep -q '1 entries are not confirmed' "$root/var/lib/teilhabe/terminal/removed.txt" || { cat "$root/var/lib/teilhabe/terminal/removed.txt"; stop "nobody would learn of the unsent claim"; }
quietly inside dpkg --purge teilhabe-terminal
grep -q 'were kept' "$layers/log" || stop "nobody is told that the data are still there"
must_have /var/lib/teilhabe/terminal/terminal.db /var/lib/teilhabe/terminal/signing.key
must_lack /etc/teilhabe /etc/systemd/system/multi-user.target.wants/teilhabe-terminal.service

say "installed again it goes on; purged with the answer no, then yes"
for answer in false true; do
    quietly install "/debs/$new/teilhabe-terminal_${new}_amd64.deb"
    [ "$(proof)" = "$head" ] || stop "a new installation does not go on with the data"
    printf 'teilhabe-terminal teilhabe-terminal/delete-data boolean %s\n' "$answer" | inside debconf-set-selections
    quietly inside apt-get purge -q -y teilhabe-terminal
    if [ "$answer" = true ]; then must_lack /var/lib/teilhabe/terminal; else must_have /var/lib/teilhabe/terminal/terminal.db /var/lib/teilhabe/terminal/signing.key; fi
done

say "the office"
quietly install "/debs/$old/teilhabe-office_${old}_amd64.deb"
must_have /etc/systemd/system/multi-user.target.wants/teilhabe-office.service
as_service teilhabe office init --data /var/lib/teilhabe/office --id 05562032 --name "Stadt Recklinghausen" --debtor-iban "DE02 1203 0000 0000 2020 51"
serve office 8090
curl --silent --fail --output /dev/null --location http://127.0.0.1:8090/ || stop "the office shows no page"
end
quietly install "/debs/$new/teilhabe-office_${new}_amd64.deb"
as_service teilhabe office provider list --data /var/lib/teilhabe/office >/dev/null
serve office 8090
end
if inside dpkg -i "/debs/$new/teilhabe-terminal_${new}_amd64.deb" >"$layers/log" 2>&1; then stop "terminal and office were installed over each other"; fi
quietly inside dpkg --purge teilhabe-office
must_have /var/lib/teilhabe/office/office.db /var/lib/teilhabe/office/keys/root.key
quietly install "/debs/$new/teilhabe-office_${new}_amd64.deb"
printf 'teilhabe-office teilhabe-office/delete-data boolean true\n' | inside debconf-set-selections
quietly inside dpkg --purge teilhabe-office
must_lack /var/lib/teilhabe /usr/bin/teilhabe

say "the box"
quietly install "/debs/$new/teilhabe-terminal_${new}_amd64.deb" "/debs/$new/teilhabe-box_${new}_amd64.deb"
must_have /etc/systemd/system/sysinit.target.wants/teilhabe-firewall.service /etc/systemd/system/graphical.target.wants/teilhabe-kiosk.service /run/teilhabe-stick
inside id teilhabe-kiosk
inside nft -f /etc/teilhabe/firewall.nft
says skuid inside nft list chain inet teilhabe out
quietly inside nft delete table inet teilhabe
says '^makestep 1 3' inside chronyd -p
[ "$(grep -c '^makestep 1 3' "$layers/log")" -eq 2 ] || stop "chrony reads its own file and not /etc/chrony/conf.d/teilhabe.conf"
says '^Unattended-Upgrade::Automatic-Reboot-Time "02:30"' inside apt-config dump
says '^SystemMaxUse=200M' inside systemd-analyze cat-config systemd/journald.conf
for unit in teilhabe-terminal teilhabe-firewall; do
    quietly inside systemd-analyze verify --man=no --recursive-errors=no "$unit.service"
done
inside udevadm verify --resolve-names=never /usr/lib/udev/rules.d/70-teilhabe-stick.rules
quietly inside dpkg --purge teilhabe-box teilhabe-terminal

say "first start of a Raspberry Pi"
cp -r "$project/firmware-config/image/raspberry" "$root/first-start"
quietly inside cloud-init schema --config-file /first-start/user-data
quietly inside cloud-init schema --config-file /first-start/network-config --schema-type network-config
quietly inside python3 -c 'import yaml; assert yaml.safe_load(open("/first-start/meta-data"))["instance-id"]'

say "nothing of ours is left"
left=$(cd "$layers/upper" && find . -iname '*teilhabe*' ! -type c ! -path ".$project*" ! -path './debs*' ! -path './var/log/*' ! -path './var/cache/debconf/*' ! -path './var/cache/apt/*' ! -path './run/*' | sort)
[ -z "$left" ] || { printf '%s\n' "$left"; stop "the packages have left something behind"; }
echo "installed, upgraded, removed and purged"
