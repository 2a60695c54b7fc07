"""Serves keystonemiddleware from paste files, each on a port of its own, until
standard input ends. Prints the ports."""
import logging
import os
import socketserver
import sys
import threading
from wsgiref import simple_server

from oslo_config import cfg
from paste import deploy

logging.basicConfig(filename=sys.argv[1], level=logging.DEBUG)
cfg.CONF([], project='wheatpaste', default_config_files=[])


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 1000


class Handler(simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
ports = []
for ini in sys.argv[2:]:
    server = simple_server.make_server('127.0.0.1', 0, deploy.loadapp('config:' + ini), Server, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ports.append(str(server.server_port))
print(' '.join(ports), flush=True)
sys.stdin.read()
os._exit(0)
