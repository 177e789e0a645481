"""Sends every line that it receives back, the line "later" after four seconds: ``echo.py PORT``."""

import socketserver
import sys
import time


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            time.sleep(4 * (line == b"later\n"))
            self.wfile.write(line)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("", int(sys.argv[1])), Echo).serve_forever()
