"""A Keystone of its own in a folder: realkeystone.py prepare DIR PORT makes it,
realkeystone.py serve DIR PORT serves it until standard input ends."""
import os
import socketserver
import sys
import threading
from concurrent import futures
from wsgiref import simple_server

mode, folder, port = sys.argv[1:4]
conf = os.path.join(folder, 'keystone.conf')
# Keystone reads the command line, too.
sys.argv = ['keystone']
os.environ.update(OS_KEYSTONE_CONFIG_DIR=folder, OS_KEYSTONE_CONFIG_FILES=conf)


def prepare():
    from keystone.cmd import manage
    owner = ['--keystone-user', 'root', '--keystone-group', 'root'] if os.getuid() == 0 else []
    url = 'http://127.0.0.1:%s/v3' % port
    bootstrap = ['bootstrap', '--bootstrap-password', 'secret', '--bootstrap-region-id', 'RegionOne']
    for interface in ('public', 'internal', 'admin'):
        bootstrap += ['--bootstrap-%s-url' % interface, url]
    for command in (['db_sync'], ['fernet_setup'] + owner, ['credential_setup'] + owner, bootstrap):
        child = os.fork()
        if child == 0:
            sys.argv = ['keystone-manage', '--config-file', conf] + command
            manage.main()
            os._exit(0)
        if os.waitpid(child, 0)[1] != 0:
            sys.exit('%s did not work' % command[0])


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 1000


# SQLite's connections belong to one thread.
worker = futures.ThreadPoolExecutor(1)


def one_at_a_time(app):
    def call(environ, start_response):
        return worker.submit(lambda: list(app(environ, start_response))).result()
    return call


class Handler(simple_server.WSGIRequestHandler):
    def log_message(self, *args):
        pass


def serve():
    from keystone.server.wsgi import initialize_public_application
    server = simple_server.make_server('127.0.0.1', int(port), one_at_a_time(initialize_public_application()), Server, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print('ready', flush=True)
    sys.stdin.read()
    os._exit(0)


prepare() if mode == 'prepare' else serve()
