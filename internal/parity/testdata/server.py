"""Serves paste files with their Python originals, each on a port of its own.

Standard input: one line, a JSON list of {"ini": PATH, "env": {...}}. Standard
output: one line, a JSON list of {"port"} or {"error"}. It ends with its standard
input.
"""
import hashlib
import json
import logging
import os
import signal
import sys
import urllib.parse
import warnings

warnings.simplefilter('ignore')

import waitress.server  # noqa: E402
from paste.deploy import loadapp  # noqa: E402

logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)


def view(environ, body):
    headers = {k[5:].replace('_', '-').title(): v for k, v in environ.items()
               if k.startswith('HTTP_') and isinstance(v, str)}
    if environ.get('CONTENT_TYPE'):
        headers['Content-Type'] = environ['CONTENT_TYPE']
    headers.pop('X-Probe', None)
    headers.pop('Host', None)
    quote = urllib.parse.quote
    return {
        'method': environ['REQUEST_METHOD'],
        'script': quote(environ['SCRIPT_NAME'].encode('latin-1')),
        'path': quote(environ['PATH_INFO'].encode('latin-1')),
        'query': environ.get('QUERY_STRING', ''),
        'scheme': environ['wsgi.url_scheme'],
        'host': environ.get('HTTP_HOST', ''),
        'client': environ.get('REMOTE_ADDR', ''),
        'user': environ.get('REMOTE_USER') or '',
        'request_id': environ.get('openstack.request_id') or environ.get('swift.trans_id') or '',
        'global_id': environ.get('openstack.global_request_id') or '',
        'headers': headers,
        'length': len(body),
        'digest': hashlib.md5(body).hexdigest(),
    }


def answer(environ, start_response):
    if 'swift.authorize' in environ:  # Swift's proxy asks it; ours asks itself
        from swift.common.swob import Request
        refusal = environ['swift.authorize'](Request(environ))
        if refusal:
            return refusal(environ, start_response)
    spec = json.loads(environ.get('HTTP_X_PROBE') or '{}')
    if spec.get('fail'):
        raise RuntimeError('no luck')
    body = b'' if spec.get('lazy') else environ['wsgi.input'].read()
    out = (spec.get('body') or '').encode() * (spec.get('times') or 1)
    headers = [tuple(h) for h in spec.get('headers', [])]
    if spec.get('show', True):
        out = json.dumps(view(environ, body)).encode()
        headers.append(('Content-Type', 'application/json'))
    status = spec.get('status', '200 OK')
    if status[:3] not in ('204', '304'):
        headers.append(('Content-Length', str(len(out))))
    else:
        out = b''
    start_response(status, headers)
    return [b'' if environ['REQUEST_METHOD'] == 'HEAD' else out]


def app_factory(global_conf, **local_conf):
    return answer


def start(job, out):
    """Serves in a process of its own: originals keep options in globals."""
    try:
        app = loadapp('config:' + job['ini'])
        server = waitress.server.create_server(
            app, host='127.0.0.1', port=0, threads=2, ident=None, clear_untrusted_proxy_headers=False,
            log_socket_errors=False, map={})
    except BaseException as e:  # whatever an original raises
        os.write(out, json.dumps({'error': '%s: %s' % (type(e).__name__, e)}).encode())
        return
    os.write(out, json.dumps({'port': int(server.effective_port)}).encode())
    os.close(out)
    server.run()


def main():
    children, pipes = [], []
    for job in json.loads(sys.stdin.readline()):
        here, there = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(here)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            start(job, there)
            os._exit(0)
        os.close(there)
        children.append(pid)
        pipes.append(here)
    answers = []
    for here in pipes:
        with os.fdopen(here, 'rb') as f:
            answers.append(json.loads(f.read()))
    print(json.dumps(answers), flush=True)
    sys.stdin.read()
    for pid in children:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


sys.modules['parity_app'] = sys.modules[__name__]
main()
