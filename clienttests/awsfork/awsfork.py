"""Runs the AWS CLI for these tests: imports it once, and forks for each call.

To start takes the AWS CLI most of a second of processor time, and most of the time of a call. Each call gets
a process of its own here too, with the arguments, environment, folder and streams of its caller.

Started as `python3 awsfork.py SOCKET`. It ends with its standard input.
"""

import json
import os
import select
import signal
import socket
import struct
import sys

from awscli import clidriver
from awscli.customizations import assumerole
from botocore import loaders

DATA = os.environ["AWS_DATA_PATH"]  # the import of awscli sets it


def exactly(connection, size):
    """Returns the next bytes that the caller sends."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError("the caller is gone")
        data += part
    return data


def call(connection):
    """Runs one call, and tells its exit code."""
    head, files, _, _ = socket.recv_fds(connection, 4, 3)
    asked = json.loads(exactly(connection, struct.unpack(">I", head)[0]))
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)

    os.chdir(asked["Folder"])
    os.environ.clear()
    os.environ.update(entry.split("=", 1) for entry in asked["Environment"])
    os.environ["AWS_DATA_PATH"] = DATA
    # Both read HOME when they are imported.
    loaders.Loader.CUSTOMER_DATA_PATH = os.path.expanduser("~/.aws/models")
    assumerole.CACHE_DIR = os.path.expanduser("~/.aws/cli/cache")

    sys.argv = ["aws", *asked["Arguments"]]
    try:
        code = clidriver.main()
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([code]))


def main():
    clidriver.create_clidriver()  # imports its plugins
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(sys.argv[1])
    listener.listen(64)
    print("ready", flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            try:
                call(connection)
            finally:
                os._exit(0)  # without a code, the caller reports a failure
        connection.close()


if __name__ == "__main__":
    main()
