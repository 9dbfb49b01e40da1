"""Prints the numbers frozen in random.rs. Needs `pip install blake3`."""

import struct

from blake3 import blake3

MASK = 0xFFFFFFFF


def rotate(x, n):
    return ((x << n) & MASK) | (x >> (32 - n))


def chacha8(key, counter):
    """One block of ChaCha with 8 rounds, a 64-bit counter and nonce 0 (Bernstein 2008)."""
    start = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key)]
    start += [counter & MASK, counter >> 32, 0, 0]
    w = start[:]

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            w[x] = (w[x] + w[y]) & MASK
            w[z] = rotate(w[z] ^ w[x], n)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & MASK for a, b in zip(w, start)))


def root(seed):
    return blake3(struct.pack("<Q", seed)).digest()


def purpose(key, name):
    return blake3(name.encode(), key=key).digest()


def at(key, counter):
    return blake3(struct.pack("<Q", counter), key=key).digest()


def draws(key, n):
    return struct.unpack(f"<{n}Q", (chacha8(key, 0) + chacha8(key, 1))[: 8 * n])


for seed in (0, 1, 2**64 - 1):
    print(seed, [hex(x) for x in draws(root(seed), 2)])
key = at(purpose(root(1), "data/shuffle"), 7)
print("draw", hex(struct.unpack("<Q", key[:8])[0]))
print("ninth", hex(draws(key, 9)[8]))


def below(stream, bound):
    """Lemire 2019, algorithm 5."""
    while True:
        wide = next(stream) * bound
        if wide % 2**64 >= -bound % 2**64 % bound:
            return wide >> 64


stream = iter(draws(key, 16))
items = list(range(8))
for last in range(7, 0, -1):
    other = below(stream, last + 1)
    items[last], items[other] = items[other], items[last]
print("shuffled", items)
