#!/usr/bin/env python3
"""Passes on what the page of a run says, with a probe put into the page itself, so that a browser without further means
can look at it for some seconds: a picture that comes late keeps it from being done. Prints its port and serves until it
is killed.

    live_proxy.py URL PROBE.js [SECONDS]      until the probe, of a page that a browser's own clock waits for
"""
import http.server
import shutil
import sys
import time
import urllib.error
import urllib.request

LOOK_AFTER_S, DONE_AFTER_S = int(sys.argv[3]) if len(sys.argv) > 3 else 8, 11
LATE = "" if len(sys.argv) > 3 else "<img alt='' src='late' hidden>"
page, probe = sys.argv[1].rstrip("/"), open(sys.argv[2]).read()
BEFORE = ("<script>window.errors = []; console.error = (...a) => errors.push(a.join(' '));"
          "addEventListener('error', e => errors.push(e.message), true);"
          "addEventListener('securitypolicyviolation', e => errors.push('loads ' + e.blockedURI));</script>")
BEHIND = f"{LATE}<script>setTimeout(() => {{{probe}}}, {1000 * LOOK_AFTER_S});</script>"


class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/late":
            time.sleep(DONE_AFTER_S)
            self.send_response(204)
            return self.end_headers()
        try:
            answer = urllib.request.urlopen(page + self.path, timeout=60)
        except urllib.error.HTTPError as error:
            self.send_response(error.code)
            return self.end_headers()
        self.send_response(200)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.end_headers()
        if self.path != "/":
            try:
                return shutil.copyfileobj(Pieces(answer), self.wfile)
            except OSError:
                return None  # the browser has seen enough
        html = answer.read().decode()
        mark, end = html.index('<script type="application/json"'), html.rindex("</body>")
        self.wfile.write((html[:mark] + BEFORE + html[mark:end] + BEHIND + html[end:]).encode())

    def log_message(self, *_):
        pass


class Pieces:
    """What is there at once, instead of waiting for more."""

    def __init__(self, answer):
        self.answer = answer

    def read(self, size):
        return self.answer.read1(size)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print(server.server_port, flush=True)
server.serve_forever()
