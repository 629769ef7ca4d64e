"""An SSH server that serves the files of one folder over SFTP to whoever holds the one key; runs until it is ended."""

import argparse
import asyncio
from functools import partial

import asyncssh


async def serve(host: str, port: int, folder: str, host_key: str, authorized_keys: str) -> None:
    await asyncssh.listen(
        host,
        port,
        server_host_keys=[host_key],
        authorized_client_keys=authorized_keys,
        password_auth=False,
        kbdint_auth=False,
        sftp_factory=partial(asyncssh.SFTPServer, chroot=folder.encode()),
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    for name in ("host", "folder", "host_key", "authorized_keys"):
        parser.add_argument(f"--{name}", required=True)
    asyncio.run(serve(**vars(parser.parse_args())))
