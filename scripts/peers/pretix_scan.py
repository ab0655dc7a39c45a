#!/usr/bin/env python3
"""Redeems tickets at pretix' check-in API as a till does: `pretix_scan.py ADDRESS TOWN_FILE FIRST COUNT CLIENTS`.

Prints JSON: requests a second, and milliseconds at the median and the 95th percentile. Every ticket must be new and accepted.
"""

import http.client
import json
import sys
import threading
import time


def main() -> None:
    host, town_file, first, count, clients = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    with open(town_file) as file:
        town = json.load(file)
    codes = town["codes"][first : first + count]
    times: list[float] = []
    wrong: list[str] = []

    def till(mine: list[str]) -> None:
        connection = http.client.HTTPConnection(host, timeout=60)
        headers = {"Authorization": f"Token {town['token']}", "Content-Type": "application/json"}
        for code in mine:
            body = json.dumps({"secret": code, "source_type": "barcode", "lists": [town["list"]], "force": False, "questions_supported": False})
            began = time.perf_counter()
            connection.request("POST", "/api/v1/organizers/mensa/checkinrpc/redeem/", body, headers)
            answer = connection.getresponse()
            said = answer.read()
            times.append(time.perf_counter() - began)
            if answer.status != 201 or json.loads(said).get("status") != "ok":
                wrong.append(f"{answer.status}: {said[:200]!r}")

    threads = [threading.Thread(target=till, args=(codes[place::clients],)) for place in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if wrong:
        raise SystemExit(f"{len(wrong)} of {count} were not accepted, the first: {wrong[0]}")
    times.sort()
    print(json.dumps({"per_second": count / took, "p50": times[len(times) // 2] * 1e3, "p95": times[len(times) * 95 // 100] * 1e3}))


main()
