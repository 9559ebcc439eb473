"""mcpgw, with a look-out for anything that makes a process: one line each, in the file named first.

A hook of the interpreter cannot be taken away again by anything that runs in it.
"""

import os
import sys

MAKING = (
    *("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
    *("os.startfile", "os.system", "pty.spawn", "_winapi.CreateProcess"),
)

report = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def look_out(event: str, arguments: tuple[object, ...]) -> None:
    if event in MAKING:
        os.write(report, f"{event} {arguments!r}\n".encode())


sys.addaudithook(look_out)

if __name__ == "__main__":
    from mcpgw.cli import main

    main()
