"""A host full of servers that mean harm, as a program: it writes down who connects, what is said.

usage: python recorder.py LOG UNIX-SOCKET...
"""

import json
import selectors
import socket
import sys
import threading
import time

SCANNED = range(1, 1281)
OTHERS = (2049, 2379, 3260, 6443, 8080, 8443, 10809, 16509, 16514, 24007, 49152, 49215, 49216)
SECONDS = 8
GOOD = b"HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: 1000\r\n\r\n"


def main():
    log_path, *unix_paths = sys.argv[1:]
    waiting = selectors.DefaultSelector()
    for port in (*SCANNED, *OTHERS):
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        waiting.register(listener, selectors.EVENT_READ)
    for path in unix_paths:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        waiting.register(listener, selectors.EVENT_READ)
    with open(log_path, "a", buffering=1) as log:  # noqa: PTH123
        log.write('{"ready": true}\n')
        while True:
            for key, _ in waiting.select():
                connection, _ = key.fileobj.accept()
                threading.Thread(target=meet, args=(connection, log), daemon=True).start()


def meet(connection, log):
    name = connection.getsockname()
    address, port = (name, 0) if isinstance(name, str) else name[:2]
    log.write(json.dumps({"to": address.removeprefix("::ffff:"), "port": port}) + "\n")
    connection.settimeout(SECONDS)
    try:
        with connection:
            got = b"" if port == 10809 else connection.recv(4096)
            said = {"port": port, "got": got.decode("latin-1")}
            log.write(json.dumps(said) + "\n")
            answer(connection, port, got)
    except OSError:
        pass


def answer(connection, port, got):
    talk = got.decode("latin-1")
    if "/to-" in talk:
        status, place = talk.split("/to-", 1)[1].split(" ")[0].split("-", 1)
        place = place.replace("~", "/")
        connection.sendall(
            f"HTTP/1.1 {status} Moved\r\nLocation: http://{place}/inner?a=b\r\n\r\n".encode()
        )
    elif "/dribble" in talk or port in (21, 3260):
        dribble(connection, GOOD * 50)
    elif "/garbage" in talk:
        connection.sendall(bytes(range(256)) * 200)
    elif "/flood" in talk:
        connection.sendall(b"HTTP/1.1 200 OK\r\na: ")
        while True:
            connection.sendall(b"b" * 65536)
    elif port == 10809:
        dribble(connection, b"NBDMAGIC" + b"\xff" * 500)
    else:
        connection.sendall(GOOD)


def dribble(connection, text):
    for byte in text:
        connection.sendall(bytes((byte,)))
        time.sleep(0.1)


if __name__ == "__main__":
    main()
