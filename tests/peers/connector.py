"""Connects to a port at a pace, says nothing, and leaves; prints how often.

    python connector.py HOST PORT PER_SECOND SECONDS

Each connection is left when a hundred others have followed.
"""

import socket
import sys
import time
from collections import deque

ADDRESS = sys.argv[1], int(sys.argv[2])
PER_SECOND, SECONDS = float(sys.argv[3]), float(sys.argv[4])
KEPT = 100

connected: deque[socket.socket] = deque()
count = 0
begun_at = time.perf_counter()
while (now := time.perf_counter()) < begun_at + SECONDS:
    due = (now - begun_at) * PER_SECOND - count
    if due < 1:
        time.sleep((1 - due) / PER_SECOND)
        continue
    connected.append(socket.create_connection(ADDRESS, timeout=10))
    count += 1
    if len(connected) > KEPT:
        connected.popleft().close()
for one in connected:
    one.close()
print(count)  # noqa: T201  (what it is for)
