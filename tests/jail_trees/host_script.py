"""Runs on a host with fail2ban: reads trees of jail files, one JSON a line, and prints what fail2ban makes of each."""

import json
import logging
import os
import shutil
import sys
import tempfile

sys.path = [path for path in sys.path if path] + ["/usr/lib/python3/dist-packages"]

from fail2ban.client.configreader import (  # type: ignore[import-not-found]  # noqa: E402  # it is on the host only
    ConfigReaderUnshared,
)

logging.disable(logging.CRITICAL)


def read(tree: dict) -> dict:
    base = tempfile.mkdtemp(dir="/dev/shm")
    try:
        for path, text in tree.items():
            place = base + path
            os.makedirs(os.path.dirname(place), exist_ok=True)
            # Names of included files are absolute or relative.
            with open(place, "w") as file:
                file.write(text.replace("/etc/fail2ban/", base + "/etc/fail2ban/"))
        # As fail2ban-client -d reads them: with a cache of files and of what they include.
        shared: dict = {}
        shared["jail"] = reader = ConfigReaderUnshared(share_config=shared, basedir=base + "/etc/fail2ban")
        try:
            reader.read("jail")
        # Whatever the reader raises: it rejects the tree.
        except Exception as error:  # noqa: BLE001
            return {"error": type(error).__name__}
        sections = {name: dict(options) for name, options in reader.get_sections().items()}
        sections["DEFAULT"] = dict(reader.get_defaults())
        return {"sections": json.loads(json.dumps(sections).replace(base, ""))}
    finally:
        shutil.rmtree(base)


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))))
