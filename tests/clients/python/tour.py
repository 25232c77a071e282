# SPDX-License-Identifier: MIT
"""What a script in Python does with python3-socketio: tour.py URL TRANSPORT[,TRANSPORT] STORAGE

Prints one JSON object: what each step answered. 09-python.mjs judges it.
"""
import json
import queue
import sys

import socketio

DEADLINE = 30  # seconds, of every step


def next_change(changes, value):
    """The next change to that value, as [id, state]."""
    while True:
        state_id, state = changes.get(timeout=DEADLINE)
        if state["val"] == value:
            return [state_id, state]


def main(url, transports, storage):
    client = socketio.Client(reconnection=False)
    changes = queue.Queue()
    client.on("stateChange", lambda state_id, state: changes.put((state_id, state)))

    def call(command, *arguments):
        return client.call(command, arguments or None, timeout=DEADLINE)

    client.connect(url, transports=transports, wait_timeout=DEADLINE)
    seen = {"transport": client.transport(), "authenticate": call("authenticate"), "version": call("getVersion")}
    state_id = "0_userdata.0.python_" + "_".join(transports)
    common = {"name": "python", "type": "number", "role": "value", "read": True, "write": True}
    seen["setObject"] = call("setObject", state_id, {"type": "state", "common": common, "native": {}})
    seen["subscribe"] = call("subscribe", state_id)
    seen["setState"] = call("setState", state_id, {"val": "ä€😀", "ack": True})
    seen["change"] = next_change(changes, "ä€😀")
    seen["getStates"] = call("getStates", [state_id, "none"])
    content = bytes(range(256)) * 1000
    seen["writeFile"] = call("writeFile", storage, "python.bin", content)
    _, data, mime = call("readFile", storage, "python.bin")
    seen["readFile"] = [bytes(data) == content, mime]
    seen["unknown"] = call("nonsense")
    seen["order"] = [list(call("getStates", ["n.%d" % i])[1]) for i in range(20)]
    client.disconnect()
    seen["connected"] = client.connected
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), sys.argv[3])
