"""Serves paste files with the filters of the installed Swift, over HTTP.

Arguments: paste files. Standard output: a JSON list of the ports, or of the
errors that loading gave. It ends with its standard input. The app
"oracle:app_factory" of the files does what the header X-Probe says, a JSON
object; the Go test has the same app.
"""
import eventlet
eventlet.monkey_patch()

import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
import types  # noqa: E402
import warnings  # noqa: E402

warnings.simplefilter('ignore')

from eventlet import wsgi  # noqa: E402
from eventlet.green import socket  # noqa: E402
from paste.deploy import loadapp  # noqa: E402
from swift.common.swob import Request, wsgi_quote  # noqa: E402
from swift.proxy.controllers.base import get_container_info  # noqa: E402

logging.raiseExceptions = False


def authorize(app, env):
    """What Swift's proxy app does about swift.authorize."""
    if 'swift.authorize' not in env:
        return None
    if env['PATH_INFO'] == '/info' and env['REQUEST_METHOD'] in ('GET', 'HEAD', 'OPTIONS'):
        return None  # its controller delays the denial, for good
    req = Request(env)
    denied = env['swift.authorize'](req)
    if not denied:
        return None
    try:
        _, account, container, obj = req.split_path(3, 4, True)
    except ValueError:
        return denied
    reads = req.method in ('GET', 'HEAD')
    if not reads and not (obj and req.method in ('PUT', 'POST', 'DELETE')):
        return denied
    info = get_container_info(env, app)
    req.acl = info['read_acl'] if reads else info['write_acl']
    env['swift_sync_key'] = info['sync_key']
    return env['swift.authorize'](req)


def clean(env):
    """What the container controller does about swift.clean_acl."""
    req = Request(env)
    try:
        req.split_path(3, 3)
    except ValueError:
        return None
    if req.method not in ('PUT', 'POST') or 'swift.clean_acl' not in env:
        return None
    for name in ('x-container-read', 'x-container-write'):
        if name in req.headers:
            try:
                req.headers[name] = env['swift.clean_acl'](name, req.headers[name])
            except ValueError as err:
                from swift.common.swob import HTTPBadRequest
                return HTTPBadRequest(request=req, body=str(err))
    return None


def show(env):
    lines = [
        'method=' + env['REQUEST_METHOD'],
        'host=' + env.get('HTTP_HOST', ''),
        'path=' + wsgi_quote(env['SCRIPT_NAME']) + '|' + wsgi_quote(env['PATH_INFO']),
        'query=' + env.get('QUERY_STRING', ''),
        'owner=' + str(bool(env.get('swift_owner'))).lower(),
    ]
    if isinstance(env.get('REMOTE_USER'), str):
        lines.append('user=' + env['REMOTE_USER'])
    for key in sorted(env):
        if key.startswith('HTTP_X_') and key != 'HTTP_X_PROBE':
            lines.append('%s=%s' % (key[5:].replace('_', '-').lower(), env[key]))
    return '\n'.join(lines)


def app_factory(global_conf, account='', container='', **names):
    about = {2: json.loads(account or '{"status": "404 Not Found"}'),
             3: json.loads(container or '{"status": "404 Not Found"}')}

    def app(env, start_response):
        path = env['PATH_INFO']
        if env['REQUEST_METHOD'] == 'HEAD' and env.get('HTTP_USER_AGENT') == 'Swift':
            reply = about[path.count('/')]
            start_response(reply['status'], [tuple(h) for h in reply.get('headers', [])])
            return []
        denied = authorize(app, env) or clean(env)
        if denied:
            return denied(env, start_response)
        spec = json.loads(env.get('HTTP_X_PROBE') or '{}')
        if spec.get('relative'):
            env['swift.leave_relative_location'] = True
        if spec.get('read'):
            env['wsgi.input'].read()
        if spec.get('fail'):
            raise RuntimeError('no luck')
        body = spec.get('body', '')
        if spec.get('show'):
            body = show(env)
        headers = [tuple(h) for h in spec.get('headers', [])]
        names = [h[0].lower() for h in headers]
        if body and 'content-type' not in names:
            headers.append(('Content-Type', 'text/x-probe'))
        if spec.get('measure') and 'content-length' not in names:
            headers.append(('Content-Length', str(len(body))))
        start_response(spec.get('status', '200 OK'), headers)
        return [body.encode()] if body and env['REQUEST_METHOD'] != 'HEAD' else []

    return app


module = types.ModuleType('oracle')
module.app_factory = app_factory
sys.modules['oracle'] = module

answers = []
for name in sys.argv[1:]:
    try:
        app = loadapp('config:' + name)
    except Exception as e:
        answers.append('%s: %s' % (type(e).__name__, e))
        continue
    sock = socket.socket()
    sock.bind(('127.0.0.1', 0))
    sock.listen(50)
    answers.append(sock.getsockname()[1])
    eventlet.spawn(wsgi.server, sock, app, log=open(os.devnull, 'w'), debug=False, keepalive=False)
print(json.dumps(answers), flush=True)
from eventlet import tpool  # noqa: E402

tpool.execute(sys.stdin.read)
os._exit(0)
