"""Runs a static terminal in a root that holds nothing but it, against an office outside: enrolment, exchange, page, and names.

    scripts/static_check.py PROGRAM OFFICE_PROGRAM      in a network name space of its own, as root (scripts/static)
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

program, office_program = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
PORT, PAGE = 8090, 8080
CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"


def answer_names():
    """A name server that knows one name."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    known = b"\x03amt\x07example\x00"
    while True:
        query, peer = server.recvfrom(512)
        question = query[12:query.index(b"\x00", 12) + 5]
        is_a = question[-4:-2] == b"\x00\x01"
        found = question.lower().startswith(known) and is_a
        code = b"\x81\x80" if question.lower().startswith(known) else b"\x81\x83"
        head = query[:2] + code + b"\x00\x01" + (b"\x00\x01" if found else b"\x00\x00") + b"\x00\x00\x00\x00"
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01" if found else b""
        server.sendto(head + question + record, peer)


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **more)


def must(command):
    done = run(command)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
threading.Thread(target=answer_names, daemon=True).start()
with tempfile.TemporaryDirectory() as folder:
    root, office = pathlib.Path(folder) / "root", pathlib.Path(folder) / "office"
    root.mkdir()
    shutil.copy(program, root / "teilhabe")

    def box(*arguments):
        return run([CHROOT, str(root), "/teilhabe", *arguments], env={})

    def good(*arguments):
        done = box(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    print(good("--version").strip(), "runs in a root that holds", sorted(os.listdir(root)))
    at_office = [str(office_program), "office"]
    data = ["--data", str(office), "--json"]
    must([*at_office, "init", "--id", "05562032", "--name", "Stadt", "--debtor-iban", "DE02120300000000202051", *data])
    added = json.loads(must([*at_office, "provider", "add", "--name", "Mensa", "--iban", "DE44500105175407324931",
                             "--service", "lunch:lunch:Essen:450", *data]))
    codes = [added["enrolment_code"]] + [
        json.loads(must([*at_office, "enrolment", "new", "--provider", str(added["provider"]), *data]))["enrolment_code"] for _ in range(2)]
    names = ["--host", "amt.example", "--host", "stadt.example"]
    serving = subprocess.Popen([*at_office, "serve", "--listen", f"127.0.0.1:{PORT}", *names, "--data", str(office)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as line:
                if line.connect_ex(("127.0.0.1", PORT)) == 0:
                    break
            time.sleep(0.1)
        # By address: no name is needed.
        good("terminal", "enrol", "--data", "/box", "--office", f"http://127.0.0.1:{PORT}", "--code", codes[0])
        print(good("terminal", "exchange", "--data", "/box").strip())
        # By name, where nothing says who knows names: one sentence, and no crash.
        nobody = box("terminal", "enrol", "--data", "/named", "--office", f"http://amt.example:{PORT}", "--code", codes[1])
        if "cannot be reached" in nobody.stderr:
            print("without /etc/resolv.conf:", nobody.stderr.strip())
        else:
            # musl asks 127.0.0.1 then, which knows the name here.
            assert nobody.returncode == 0, nobody.stderr
            print("without /etc/resolv.conf the name server of this computer is asked")
            codes[1] = json.loads(must([*at_office, "enrolment", "new", "--provider", str(added["provider"]), *data]))["enrolment_code"]
        (root / "etc").mkdir()
        (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        good("terminal", "enrol", "--data", "/by-dns", "--office", f"http://amt.example:{PORT}", "--code", codes[1])
        print("by name server:", good("terminal", "exchange", "--data", "/by-dns").strip())
        (root / "etc/hosts").write_text("127.0.0.1 stadt.example\n")
        good("terminal", "enrol", "--data", "/by-hosts", "--office", f"http://stadt.example:{PORT}", "--code", codes[2])
        print("by /etc/hosts:", good("terminal", "exchange", "--data", "/by-hosts").strip())
        unknown = box("terminal", "enrol", "--data", "/nobody", "--office", "http://nobody.example", "--code", codes[0])
        assert unknown.returncode == 1 and "cannot be reached" in unknown.stderr, unknown.stderr
        page = subprocess.Popen([CHROOT, str(root), "/teilhabe", "terminal", "serve", "--data", "/box", "--listen", f"127.0.0.1:{PAGE}"],
                                stdout=subprocess.DEVNULL, env={})
        try:
            for _ in range(100):
                try:
                    health = urllib.request.urlopen(f"http://127.0.0.1:{PAGE}/healthz", timeout=5).read()
                    break
                except OSError:
                    time.sleep(0.1)
            print("its page:", json.loads(health))
        finally:
            page.terminate()
            page.wait()
        print(good("journal", "verify", "--data", "/box").strip())
    finally:
        serving.terminate()
        serving.wait()
