#!/usr/bin/env python3
"""A network of two ends with a delay between them, for benchmarks: what `tc netem delay` does, on kernels without it.

usage: delay-link.py ROUND_TRIP_MS NEAR_ADDRESS FAR_ADDRESS

Makes a device for NEAR_ADDRESS in the network namespace that it is started in, a new namespace with a device for
FAR_ADDRESS, and holds every packet from one to the other for half of the round trip. The kernel's own TCP runs over
it, with its handshakes and its slow start. Prints `ready` and goes on until its standard input ends; whatever way it
ends, the devices go with it. Others enter the far end with `nsenter --net=/proc/PID/ns/net`.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
# Runs of segments cross as one packet with a header that says how to cut it: TCP sees an MTU of 1500 all the same,
# and this process has a fortieth of the work.
TUN_F_CSUM, TUN_F_TSO4 = 0x01, 0x02
PACKET_MAX_BYTES = 65_536 + 64


def open_device(name, address, peer):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "address", "add", address, "peer", peer, "dev", name],
        ["ip", "link", "set", name, "mtu", "1500", "txqueuelen", "10000", "up"],
    ):
        subprocess.run(command, check=True)
    return device


def read_all(device, due, queue):
    while True:
        try:
            queue.append((due, os.read(device, PACKET_MAX_BYTES)))
        except BlockingIOError:
            return


def write_due(device, queue):
    now = time.monotonic()
    while queue and queue[0][0] <= now:
        os.write(device, queue.popleft()[1])


def forward(near, far, one_way_seconds):
    to_far, to_near = collections.deque(), collections.deque()
    while True:
        heads = [queue[0][0] for queue in (to_far, to_near) if queue]
        wait = max(0, min(heads) - time.monotonic()) if heads else None
        readable, _, _ = select.select([near, far, sys.stdin], [], [], wait)
        due = time.monotonic() + one_way_seconds
        if near in readable:
            read_all(near, due, to_far)
        if far in readable:
            read_all(far, due, to_near)
        if sys.stdin in readable:
            return
        write_due(far, to_far)
        write_due(near, to_near)


def main():
    round_trip_ms, near_address, far_address = sys.argv[1:]
    near = open_device("near", near_address, far_address)
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        sys.exit(f"no network namespace: {os.strerror(ctypes.get_errno())}")
    far = open_device("far", far_address, near_address)
    print("ready", flush=True)
    forward(near, far, float(round_trip_ms) / 2000)


main()
