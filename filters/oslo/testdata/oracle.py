"""Answers requests with the filters of the installed oslo.middleware.

Standard input: a JSON list of {"ini": PATH, "conf": PATH, "requests":
[{"method", "path", "headers": [[NAME, VALUE]], "body", "chunked"}]}; conf is the
conf file of the process, if there is one. Standard output: for each the list of
its answers, {"status", "headers", "body", "stats"} or {"error"}; stats is what
would have been sent to a statsd. The app
"oracle:app_factory" of the files does what the header X-Probe says, a JSON
object; the Go test has the same app.
"""
import io
import json
import os
import sys
import types
import urllib.parse
import warnings

warnings.simplefilter('ignore')

import oslo_middleware  # noqa: E402,F401 - once, not in each child
from oslo_config import cfg  # noqa: E402
from paste.deploy import loadapp  # noqa: E402

sent = []
try:
    import statsd.client.udp  # noqa: E402

    statsd.client.udp.StatsClient._send = lambda self, data: sent.append(data)
except ImportError:
    pass  # the Go test looks for it


def probe(environ, start_response):
    spec = json.loads(environ.get('HTTP_X_PROBE') or '{}')
    if spec.get('read') == 'all':
        environ['wsgi.input'].read()
    elif spec.get('read'):
        while environ['wsgi.input'].read(spec['read']):
            pass
    if spec.get('fail'):
        raise RuntimeError('no luck')
    body = spec.get('body', '')
    if spec.get('show'):
        path = urllib.parse.quote(environ['SCRIPT_NAME']) + '|' + urllib.parse.quote(environ['PATH_INFO'])
        body = '\n'.join([
            'scheme=' + environ['wsgi.url_scheme'],
            'host=' + environ.get('HTTP_HOST', ''),
            'client=' + environ['REMOTE_ADDR'],
            'path=' + path,
            'request_id=' + environ.get('openstack.request_id', ''),
            'global_id=' + environ.get('openstack.global_request_id', ''),
            'correlation=' + environ.get('HTTP_X_CORRELATION_ID', ''),
            'user=' + '|'.join([environ.get('HTTP_X_USER', ''), environ.get('HTTP_X_USER_NAME', ''), environ.get('HTTP_AUTHORIZATION', '')]),
        ])
    headers = [tuple(h) for h in spec.get('headers', [])]
    if body:
        headers.append(('Content-Type', 'text/x-probe'))
    start_response(spec.get('status', '200 OK'), headers)
    return [body.encode()]


def app_factory(global_conf, **local_conf):
    return probe


def environ_of(request):
    path, _, query = request['path'].partition('?')
    body = request.get('body', '').encode()
    environ = {
        'REQUEST_METHOD': request['method'],
        'SCRIPT_NAME': '',
        'PATH_INFO': urllib.parse.unquote_to_bytes(path).decode('latin-1'),
        'QUERY_STRING': query,
        'SERVER_NAME': '127.0.0.1',
        'SERVER_PORT': '80',
        'SERVER_PROTOCOL': 'HTTP/1.1',
        'REMOTE_ADDR': '127.0.0.1',
        'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http',
        'wsgi.input': io.BytesIO(body),
        'wsgi.errors': sys.stderr,
        'wsgi.multithread': False,
        'wsgi.multiprocess': True,
        'wsgi.run_once': False,
    }
    for name, value in request['headers']:
        key = 'HTTP_' + name.upper().replace('-', '_')
        environ[key] = environ[key] + ',' + value if key in environ else value
    if request.get('chunked'):
        environ['wsgi.input_terminated'] = True
    elif body:
        environ['CONTENT_LENGTH'] = str(len(body))
    return environ


def answer(app, request):
    captured = {}
    sent.clear()

    def start_response(status, headers, exc_info=None):
        captured['status'] = int(status.split()[0])
        captured['headers'] = [[k, v] for k, v in headers]

    try:
        parts = app(environ_of(request), start_response)
        captured['body'] = b''.join(parts).decode('latin-1')
        captured['stats'] = list(sent)
    except Exception as e:
        return {'error': '%s: %s' % (type(e).__name__, e)}
    return captured


def run(case):
    try:
        if case.get('conf'):
            cfg.CONF([], default_config_files=[case['conf']], default_config_dirs=[])
        app = loadapp('config:' + case['ini'])
    except Exception as e:
        return [{'error': '%s: %s' % (type(e).__name__, e)} for _ in case['requests']]
    return [answer(app, r) for r in case['requests']]


def isolated(case):
    """Runs a case in a process of its own: oslo.config is global."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        with os.fdopen(w, 'w') as out:
            json.dump(run(case), out)
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as inp:
        result = json.load(inp)
    os.waitpid(pid, 0)
    return result


module = types.ModuleType('oracle')
module.app_factory = app_factory
sys.modules['oracle'] = module
json.dump([isolated(c) for c in json.load(sys.stdin)], sys.stdout)
