"""Starts a program as systemd would: waits for READY=1 and two signs of life, ends it with SIGTERM and expects a clean end.

Used by scripts/check-firmware. Arguments: the program and its arguments.
"""
import os, signal, socket, subprocess, sys, tempfile

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "notify")
    inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    inbox.bind(path)
    inbox.settimeout(40)
    program = subprocess.Popen(sys.argv[1:], env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "900000"}, stdout=subprocess.DEVNULL)
    try:
        told = [inbox.recv(4096).decode().strip() for _ in range(3)]
        assert told[0] == "READY=1" and told[1:] == ["WATCHDOG=1"] * 2, f"systemd would have been told {told}"
        # A stopped process gives no sign of life: this is what the watchdog sees.
        program.send_signal(signal.SIGSTOP)
        inbox.settimeout(2)
        try:
            while True:
                inbox.recv(4096)
        except TimeoutError:
            pass
        program.send_signal(signal.SIGCONT)
        program.send_signal(signal.SIGTERM)
        code = program.wait(20)
        assert code == 0, f"SIGTERM ended it with {code}"
    finally:
        program.kill()
