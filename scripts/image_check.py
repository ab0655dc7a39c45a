"""Boots an image of a box in QEMU (TCG), and cuts its power while children are served. Used by scripts/image check.

    image_check.py IMAGE PROGRAM [--cuts N] [--seed N] [--screen PICTURE]

PROGRAM plays the office, on this computer, over HTTPS with an authority of its own. The image is the one that is given away: what a test
needs inside comes as systemd credentials of the virtual machine (a door to the page, the authority, a look at the journal).

Cards come first as hand scanners send them: typed on an emulated USB keyboard, which the service reads by evdev, grabbed for itself, and over an
emulated USB serial line. The service hands the scan to the page on the box's own screen, which this program plays; with --screen the box's
own kiosk plays it, and PICTURE is what its screen shows. The udev rules are the shipped ones with the emulated devices' numbers. The keyboard
is pulled out and plugged in again. A stick is plugged in, gets a backup, is pulled out; the backup is opened here.

Power cuts are hard: QEMU is killed, and of what the guest had written since its last flush each piece is lost or kept by chance, as in the
cache of a real disk. Then the box starts again, proves its journal before anybody asks, and must know everything it has said yes to.
"""
import argparse, base64, csv, datetime, http.client, json, os, pathlib, random, shutil, signal, socket, sqlite3, struct, subprocess, sys, tempfile
import threading, time, urllib.error, urllib.request, zlib, zoneinfo

OFFICE_IN_GUEST = "10.0.2.100"
KEYBOARD, SERIAL_LINE = "0627:0001", "0403:6001"
BOOT = 600


def note(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Office:
    """The office on this computer, with one canteen and cards for its children."""

    def __init__(self, program, folder, children):
        self.program, self.data, self.port = program, folder / "office", free_port()
        self.certificates(folder)
        self.run("init", "--id", "05562032", "--name", "Stadt Recklinghausen", "--debtor-iban", "DE02120300000000202051")
        canteen = self.run("provider", "add", "--name", "Mensa", "--iban", "DE44500105175407324931", "--service", "lunch:lunch:Mittagessen:450")
        self.code = canteen["enrolment_code"]
        rows = "".join(f"A{n:04};lunch;{time.strftime('%Y')}-01;{time.strftime('%Y')}-12;day;units;1\n" for n in range(children))
        (folder / "children.csv").write_text(f"reference;benefit;from;to;period;measure;amount\n{rows}")
        self.run("issue", "--csv", str(folder / "children.csv"), "--out", str(folder / "cards"))
        table = csv.DictReader((folder / "cards/tokens.csv").read_text(encoding="utf-8-sig").splitlines(), delimiter=";")
        self.cards = [row["code"] for row in table]
        key = subprocess.run([program, "recovery-key", "--out", folder / "recovery.key", "--json"], capture_output=True, text=True, check=True)
        self.recipient = json.loads(key.stdout)["recipient"]
        self.process = subprocess.Popen(
            [program, "office", "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", "--host", OFFICE_IN_GUEST,
             "--tls-cert", folder / "office.pem", "--tls-key", folder / "office.key"], stdout=subprocess.DEVNULL)

    def certificates(self, folder):
        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
        (folder / "names").write_text(f"subjectAltName=IP:{OFFICE_IN_GUEST}\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                "-days", "30", "-subj", "/CN=Test authority")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "office.key", "-out", "office.csr",
                "-subj", f"/CN={OFFICE_IN_GUEST}")
        openssl("x509", "-req", "-in", "office.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                "-extfile", "names", "-out", "office.pem")
        os.chmod(folder / "office.key", 0o600)
        self.authority = (folder / "ca.pem").read_bytes()

    def run(self, *words):
        done = subprocess.run([self.program, "office", *words, "--json", "--data", self.data], capture_output=True, text=True)
        assert done.returncode == 0, f"office {words[0]}: {done.stderr}"
        return json.loads(done.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def credentials(office):
    """What the test needs inside the guest. None of it is in the image."""
    door = "[Socket]\nListenStream=0.0.0.0:8081\n"
    # The firewall is the image's own; the test's door is let through it, and nothing else.
    through = ("[Unit]\nRequires=teilhabe-test-door.socket\nAfter=teilhabe-test-door.socket teilhabe-firewall.service\n"
               "[Service]\nExecStartPre=/usr/sbin/nft add rule inet teilhabe in tcp dport 8081 accept\n"
               "ExecStart=/usr/lib/systemd/systemd-socket-proxyd 127.0.0.1:8080\n")
    look = ("[Unit]\nAfter=var-lib-teilhabe.mount\nBefore=teilhabe-terminal.service\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '"
            "{ printf \"proof \"; runuser -u teilhabe -- teilhabe journal verify --json --data /var/lib/teilhabe/terminal; } >/dev/ttyS1 2>&1 || true'\n")
    key = ("[Unit]\nAfter=teilhabe-terminal.service\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '"
           "{ printf \"key \"; cat /var/lib/teilhabe/terminal/api-token; echo; printf \"failed \"; systemctl --failed --plain --no-legend | tr \"\\\\n\" \";\"; echo; } >/dev/ttyS1'\n")
    rules = pathlib.Path("firmware-config/udev/71-teilhabe-scanner.rules").read_text()
    for product, emulated in (("0b61", KEYBOARD), ("0b6a", SERIAL_LINE)):
        numbers = 'ATTRS{{idVendor}}=="{}", ATTRS{{idProduct}}=="{}"'
        assert numbers.format("0c2e", product) in rules, "the shipped rules have changed"
        rules = rules.replace(numbers.format("0c2e", product), numbers.format(*emulated.split(":")))
    serve = "/usr/bin/teilhabe terminal serve --data /var/lib/teilhabe/terminal --listen 127.0.0.1:8080"
    return {
        "udev.rules.71-teilhabe-scanner": rules,
        "systemd.extra-unit.teilhabe-test-door.socket": door,
        "systemd.extra-unit.teilhabe-test-door.service": through,
        "systemd.extra-unit.teilhabe-test-look.service": look,
        "systemd.extra-unit.teilhabe-test-key.service": key,
        "systemd.unit-dropin.multi-user.target~test": "[Unit]\nWants=teilhabe-test-door.service teilhabe-test-look.service teilhabe-test-key.service\n",
        "systemd.unit-dropin.teilhabe-terminal.service~test":
            f"[Service]\nLoadCredential=office-ca\nEnvironment=TEILHABE_OFFICE_CA=%d/office-ca\nExecStart=\nExecStart={serve} --scanner {KEYBOARD} "
            f"--scanner serial:/dev/ttyUSB0 --backup-to /run/teilhabe-stick/teilhabe --backup-recipient {office.recipient}\n",
        "office-ca": office.authority,
    }


class Box:
    """The virtual machine. `disk` holds what survived; while it runs, every write and flush is logged."""

    def __init__(self, disk, folder, office, seed, screen):
        self.disk, self.folder, self.office, self.screen, self.chance = disk, folder, office, screen, random.Random(seed)
        self.log, self.test = folder / "writes.log", folder / "test.out"
        self.vars, self.monitor, self.serial_line = folder / "vars.fd", folder / "qmp", folder / "line"
        shutil.copy("/usr/share/OVMF/OVMF_VARS_4M.fd", self.vars)
        self.process = self.key = None

    def start(self):
        began = time.monotonic()
        for file in (self.log, self.test):
            file.unlink(missing_ok=True)
        self.log.touch()
        self.port = free_port()
        masked = "" if self.screen else " systemd.mask=teilhabe-kiosk.service"
        strings = [f"io.systemd.boot.kernel-cmdline-extra=console=ttyS0 systemd.journald.forward_to_console=1{masked}"]
        for name, value in credentials(self.office).items():
            value = value.encode() if isinstance(value, str) else value
            strings.append(f"io.systemd.credential.binary:{name}={base64.b64encode(value).decode()}")
        smbios = []
        for number, text in enumerate(strings):
            file = self.folder / f"smbios.{number}"
            file.write_text(text)
            smbios += ["-smbios", f"type=11,path={file}"]
        relay = f"socat - TCP:127.0.0.1:{self.office.port}"
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048" if self.screen else "1024",
             "-display", "none", "-no-reboot", "-nodefaults", "-vga", "std", "-device", "qemu-xhci", "-device", "usb-kbd,id=scanner",
             "-chardev", f"socket,id=line,path={self.serial_line},server=on,wait=off", "-device", "usb-serial,chardev=line,always-plugged=on",
             "-qmp", f"unix:{self.monitor},server=on,wait=off",
             "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
             "-drive", f"if=pflash,format=raw,file={self.vars}",
             "-blockdev", f"driver=blklogwrites,node-name=disk,log-super-update-interval=1,file.driver=file,file.filename={self.disk},"
                          f"log.driver=file,log.filename={self.log}",
             "-device", "virtio-blk-pci,drive=disk",
             "-serial", f"file:{self.folder}/console.out", "-serial", f"file:{self.test}",
             # Shut off from everything but the office here (guestfwd) and the door for this test (hostfwd).
             "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:8081,guestfwd=tcp:{OFFICE_IN_GUEST}:8443-cmd:{relay}",
             "-device", "virtio-net-pci,netdev=net", *smbios], stdin=subprocess.DEVNULL)
        while not self.answers():
            assert self.process.poll() is None, f"QEMU ended: see {self.folder}/console.out"
            assert time.monotonic() - began < BOOT, f"no answer within {BOOT} s: see {self.folder}/console.out"
            time.sleep(1)
        self.key = self.told("key")
        return time.monotonic() - began

    def answers(self):
        try:
            return self.ask("GET", "/healthz", key=False)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def told(self, word):
        """The last line of the guest's test units that begins with `word`."""
        for _ in range(120):
            lines = self.test.read_text(errors="replace").splitlines() if self.test.exists() else []
            found = [line[len(word) + 1:].strip() for line in lines if line.startswith(word + " ")]
            if found and found[-1]:
                return found[-1]
            time.sleep(1)
        raise AssertionError(f"the guest never told its {word}: {self.test.read_text(errors='replace')}")

    def ask(self, method, path, body=None, key=True):
        headers = {"Host": "127.0.0.1:8080", "Content-Type": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as problem:
            text, status = problem.read(), problem.code
        return status, json.loads(text) if text.startswith((b"{", b"[")) else text.decode(errors="replace")

    def told_qemu(self, *commands):
        """Gives QEMU commands, each a name and its arguments; the last answer."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.monitor))
            talk = monitor.makefile("rw")
            talk.readline()
            for command, arguments in (("qmp_capabilities", {}), *commands):
                if command == "pause":
                    time.sleep(arguments)
                    continue
                talk.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
                talk.flush()
                while "return" not in (answer := json.loads(talk.readline())):
                    assert "error" not in answer, f"{command}: {answer}"
            return answer["return"]

    def type(self, text, pause=0.012):
        """Types a text and Enter on the emulated keyboard, as a hand scanner does; slowly enough for a guest without KVM: it holds 16 keys, and drops what comes while they wait."""
        def key(name, down):
            return ("input-send-event", {"events": [{"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": name}}}]}), ("pause", pause)
        commands = []
        for char in text:
            held = ["shift"] if char.isupper() else []
            for name in [*held, char.lower()]:
                commands += key(name, True)
            for name in [char.lower(), *held]:
                commands += key(name, False)
        self.told_qemu(*commands, *key("ret", True), *key("ret", False))

    def send(self, text):
        """Sends a text over the emulated serial line, as a scanner in CDC mode does."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.serial_line))
            line.sendall(text.encode() + b"\r")
            # The guest reads what it has not read yet only as long as somebody holds the other end.
            time.sleep(3)

    def standing(self):
        return [reader["standing"] for reader in self.ask("GET", "/api/v1/readers")[1]["readers"]]

    def wait_until(self, what, seconds, true):
        """Waits until `true()` holds."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s; the readers: {self.ask('GET', '/api/v1/readers')}"
            time.sleep(1)
        return time.monotonic() - began

    def scanned(self, card, scanner):
        """Plays the page on the box's own screen: listens, has a card scanned, and asks for what the box's own scanner read."""
        host = {"Host": "127.0.0.1:8080"}
        page = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        page.request("GET", "/", headers={**host, "Accept": "text/html"})
        answer = page.getresponse()
        answer.read()
        host["Cookie"] = "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")
        page.request("GET", "/api/v1/scans", headers=host)
        events = page.getresponse()
        assert events.status == 200, f"the page gets no scans: {events.status} {events.read()}"
        threading.Thread(target=scanner, args=(card,), daemon=True).start()
        kind = None
        while line := events.readline().decode().rstrip("\n"):
            kind = line[7:] if line.startswith("event: ") else kind
            if line.startswith("data: "):
                told = json.loads(line[6:])
                break
        else:
            raise AssertionError("the line to the page ended without a scan")
        assert kind == "scan" and told["text"] == card, f"scanned {card}, read {kind} {told}"
        taking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        taking.request("POST", f"/api/v1/scans/{told['id']}/taking", "{}", {**host, "Content-Type": "application/json"})
        answer = taking.getresponse()
        assert answer.status == 200, f"the scan is not taken: {answer.status} {answer.read()}"
        taking.close()
        page.close()
        status, answer = self.ask("POST", "/api/v1/redemptions", {"code": told["text"], "service": "lunch", "ask": told["id"]})
        assert status == 201 and answer["verdict"] == "accepted", f"{status} {answer}"

    def scan(self, card, name):
        """Shows a card at the counter, over HTTP, faster than anybody types. None where the box gave no answer."""
        try:
            status, answer = self.ask("POST", "/api/v1/redemptions", {"code": card, "service": "lunch", "ask": name})
        except (OSError, http.client.HTTPException, ValueError):
            return None
        assert status in (200, 201), f"{name}: {status} {answer}"
        return answer

    def cut(self):
        """Takes the power away. Returns how many writes were not flushed, and how many of them are lost."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return self.replay()

    def off(self):
        """Ends QEMU without a word to the guest, but lets the disk keep everything: the end of the test."""
        self.process.kill()
        self.process.wait()

    def replay(self):
        """Puts onto the disk what a real one would hold: all that was flushed, and of the rest what chance says."""
        pristine = self.folder / "before.img"
        durable, volatile = [], []
        with self.log.open("rb") as log:
            magic, _, _, sector = struct.unpack("<QQQI", log.read(28))
            assert magic == 0x6A736677736872, "this is no log of writes"
            at = sector
            end = os.fstat(log.fileno()).st_size
            while at + sector <= end:
                log.seek(at)
                where, count, flags, _ = struct.unpack("<QQQQ", log.read(32))
                discard, flush, fua = flags & 4, flags & 1, flags & 2
                if flush:
                    durable += volatile
                    volatile = []
                if count == 0 and not flags:
                    break
                entry = (where * sector, at + sector, count * sector, discard)
                if count:
                    (durable if fua else volatile).append(entry)
                at += sector + (0 if discard else count * sector)
            kept = [entry for entry in volatile if self.chance.random() < 0.5]
            with pristine.open("r+b") as disk:
                for place, source, length, discard in durable + kept:
                    log.seek(source)
                    disk.seek(place)
                    disk.write(bytes(length) if discard else log.read(length))
        copy(pristine, self.disk)
        return len(volatile), len(volatile) - len(kept)


def copy(source, target):
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)


def serve_until_cut(box, cards, first, seconds):
    """Children come one after another until the power goes. Returns what each was told: None where no answer came."""
    told = {}
    timer = threading.Timer(seconds, lambda: told.setdefault("cut", box.cut()))
    timer.start()
    for number in range(first, len(cards)):
        if "cut" in told or box.process.poll() is not None:
            break
        told[number] = box.scan(cards[number], f"ask-{number}")
        if told[number] is None:
            break
    timer.join()
    return told


def by_scanners(box, cards):
    """Three cards: by keyboard, by a keyboard that was pulled out and plugged in again, by the serial line."""
    box.wait_until("both scanners are connected", 60, lambda: box.standing() == ["connected"] * 2)
    box.scanned(cards[0], box.type)
    note("typed on the USB keyboard, read by evdev, handed to the page, green")
    box.told_qemu(("device_del", {"id": "scanner"}))
    seconds = box.wait_until("the keyboard is missed", 30, lambda: sorted(box.standing()) != ["connected"] * 2)
    gone = sorted(box.standing())
    box.told_qemu(("device_add", {"driver": "usb-kbd", "id": "scanner"}))
    back = box.wait_until("the keyboard is back", 30, lambda: box.standing() == ["connected"] * 2)
    box.scanned(cards[1], box.type)
    note(f"keyboard pulled out, missed after {seconds:.0f} s ({', '.join(gone)}), plugged in, connected after {back:.0f} s, typed again, green")
    box.scanned(cards[2], box.send)
    note("sent over the USB serial line, handed to the page, green")


def by_stick(box, office, folder, meals):
    """A stick is plugged in, gets a backup by itself and the claims by a button, is pulled out and brings the office's answer; the backup is opened and proved here."""
    stick, restored = folder / "stick.fat", folder / "restored"
    with stick.open("wb") as image:
        image.truncate(64 << 20)
    subprocess.run(["mkfs.vfat", "-n", "TEILHABE", stick], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["mmd", "-i", stick, "::/teilhabe"], check=True)
    box.told_qemu(("blockdev-add", {"driver": "raw", "node-name": "stick", "file": {"driver": "file", "filename": str(stick)}}))

    def plug():
        box.told_qemu(("device_add", {"driver": "usb-storage", "drive": "stick", "id": "stick"}))

    def pull():
        box.told_qemu(("device_del", {"id": "stick"}), ("pause", 5))

    def backups():
        listed = subprocess.run(["mdir", "-b", "-i", stick, "::/teilhabe"], capture_output=True, text=True).stdout
        return [line for line in listed.splitlines() if line.endswith(".age") and "/terminal-" in line]

    def by_button():
        status, answer = box.ask("POST", "/api/v1/exchange/stick")
        return answer if status == 200 else None
    plug()
    seconds = box.wait_until("a backup is on the stick", 150, backups)
    sent = by_button()
    assert sent and sent["written"] == ["claims-05562032.age"] and not sent["taken"], f"nothing for the office on the stick: {sent}"
    pull()
    subprocess.run(["mcopy", "-n", "-i", stick, backups()[-1], folder / "backup.age"], check=True)
    subprocess.run(["mcopy", "-n", "-i", stick, "::/teilhabe/claims-05562032.age", folder / "question.age"], check=True)
    told = json.loads(subprocess.run([office.program, "terminal", "restore", "--json", "--data", restored, "--in", folder / "backup.age",
                                      "--passphrase-file", folder / "recovery.key"], capture_output=True, text=True, check=True).stdout)
    proof = json.loads(subprocess.run([office.program, "journal", "verify", "--json", "--data", restored], capture_output=True, text=True, check=True).stdout)
    assert proof["whole"] is True and told["entries"] >= meals, f"the backup: {told}, {proof}"
    assert box.answers(), "the box does not answer without its stick"
    note(f"stick plugged in, backup on it after {seconds:.0f} s, pulled out; restored here: the {told['entries']} entries are kept, the journal is whole")
    office.run("exchange", "--in", str(folder / "question.age"), "--out", str(folder / "answer.age"))
    subprocess.run(["mcopy", "-n", "-i", stick, folder / "answer.age", "::/teilhabe/answer.age"], check=True)
    plug()
    box.wait_until("the office's answer comes by stick", 120, lambda: (by_button() or {}).get("taken"))
    pull()
    note("claims laid on the stick by the button, answered at the office's command, the answer taken from the stick by the button")


def on_the_screen(box, card, picture):
    """The box starts anew, its kiosk opens the counter's page, a card is typed, and the page asks for it by itself."""
    box.cut()
    note(f"started again after {box.start():.0f} s; units that failed: {failed(box)}")
    shot = box.folder / "screen.ppm"

    def painted():
        """More than the cursor on a window that is still white."""
        box.told_qemu(("screendump", {"filename": str(shot)}))
        pixels = shot.read_bytes()[15:]
        return len({pixels[at:at + 3] for at in range(0, len(pixels) - 3, 333)}) > 8

    def keep():
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(png(shot.read_bytes()))
    note(f"the kiosk shows the page {box.wait_until('the kiosk shows the page', 900, painted):.0f} s later")
    time.sleep(30)
    painted()
    before = shot.read_bytes()
    today = f"/api/v1/days/{datetime.datetime.now(zoneinfo.ZoneInfo('Europe/Berlin')).date()}"

    def recorded():
        return box.ask("GET", today)[1]["count"] == 1
    try:
        # What arrives with a key missing is shown as unreadable, and a person scans again.
        for scan, pause in enumerate((0.012, 0.03, 0.06), 1):
            box.type(card, pause)
            began = time.monotonic()
            while not recorded() and time.monotonic() - began < 60:
                time.sleep(1)
            if recorded():
                break
        box.wait_until("the kiosk's page asks for the card", 10, recorded)
        box.wait_until("the screen shows it", 60, lambda: painted() and shot.read_bytes() != before)
    finally:
        painted()
        keep()
    note(f"typed on the USB keyboard, taken by the kiosk's page and recorded at scan {scan}; the screen: {picture}")


def png(ppm):
    """A portable pixmap as PNG."""
    _, size, _, pixels = ppm.split(b"\n", 3)
    width, height = map(int, size.split())
    rows = b"".join(b"\0" + pixels[row * width * 3:(row + 1) * width * 3] for row in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--cuts", type=int, default=2)
    parser.add_argument("--screen", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    note(f"seed {chosen.seed}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="teilhabe-guest-"))
    office = Office(chosen.program.resolve(), folder, 1000)
    disk = folder / "disk.img"
    box = Box(disk, folder, office, chosen.seed, chosen.screen)
    try:
        for file in (disk, folder / "before.img"):
            copy(chosen.image, file)
        note(f"first start: it answers after {box.start():.0f} s; units that failed: {failed(box)}")
        status, answer = box.ask("POST", "/api/v1/offices", {"url": f"https://{OFFICE_IN_GUEST}:8443", "code": office.code})
        assert status == 201, f"not admitted: {status} {answer}"
        note("enrolled at the office on this computer, over TLS, through the box's firewall")
        if chosen.screen:
            on_the_screen(box, office.cards[0], chosen.screen)
        else:
            by_scanners(box, office.cards[:3])
        first = 1 if chosen.screen else 3
        by_stick(box, office, folder, first)
        greens, nexts = {}, first
        for cut in range(chosen.cuts):
            told = serve_until_cut(box, office.cards, nexts, 6 + 4 * box.chance.random())
            unflushed, lost = told.pop("cut")
            yes = {number: answer["seq"] for number, answer in told.items() if answer and answer.get("verdict") == "accepted"}
            assert yes, f"nobody was served before the cut: {told}"
            greens.update(yes)
            nexts = max(told) + 1
            note(f"power cut {cut + 1}: {len(yes)} served, {sum(answer is None for answer in told.values())} without an answer; "
                 f"of {unflushed} writes in the disk's cache {lost} are lost")
            seconds = box.start()
            proof = json.loads(box.told("proof"))
            assert proof.get("whole") is True, f"the journal is not whole: {proof}"
            entries = proof["proof"]["head"]["seq"]
            assert entries >= max(greens.values()), f"told entry {max(greens.values())}, and the journal ends at {entries}"
            note(f"started again after {seconds:.0f} s, journal whole with {entries} entries, proved before anybody asked")
            for number, seq in greens.items():
                again = box.scan(office.cards[number], f"ask-{number}")
                assert again and again.get("seq") == seq, f"card {number} was entry {seq}, and is now {again}"
            for number in (n for n, answer in told.items() if answer is None):
                again = box.scan(office.cards[number], f"ask-{number}")
                assert again and again["verdict"] == "accepted", f"asked again, card {number} is {again}"
                greens[number] = again["seq"]
            assert len(set(greens.values())) == len(greens), "two cards share an entry"
            note(f"all {len(greens)} answers stand")
        status, answer = box.ask("POST", "/api/v1/exchange", {})
        assert status == 200, f"no exchange: {status} {answer}"
        office.run("reconcile")
        lines = sqlite3.connect(office.data / "office.db").execute("SELECT count(*) FROM line").fetchone()[0]
        served = len(greens) + first
        assert lines == served, f"the office has {lines} lines of {served} meals"
        note(f"exchanged: the office has each of the {lines} meals")
        print("The box went through its power cuts: journal and answers agree.")
    finally:
        if box.process and box.process.poll() is None:
            box.off()
        office.stop()
        for file in [*folder.glob("*.img"), *folder.glob("*.log")]:
            file.unlink()
        if sys.exc_info()[0]:
            print(f"What the guest said is in {folder}")
        else:
            shutil.rmtree(folder)


def failed(box):
    lines = box.test.read_text(errors="replace").splitlines()
    return next((line[7:].strip() for line in lines if line.startswith("failed ")), "?") or "none"


if __name__ == "__main__":
    main()
