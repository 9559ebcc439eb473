"""A stdio server that is fast enough to be no part of what is measured: one read, one write.

Answers all lines of a read at once. Ends when its stdin does.
"""

import os

from bench.reply import reply

STDIN, STDOUT = 0, 1
READ_BYTES = 1 << 18


def main() -> None:
    """Answer until stdin ends."""
    rest = b""
    while data := os.read(STDIN, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        answers = [reply(line, 2)[1] for line in lines]
        unwritten = b"".join(answer + b"\n" for answer in answers if answer)
        while unwritten:
            unwritten = unwritten[os.write(STDOUT, unwritten) :]


if __name__ == "__main__":
    main()
