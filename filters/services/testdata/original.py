"""Answers requests with the filters and apps of OpenStack's services.

Standard input: a JSON list of {"project", "ini": PATH, "requests": [{"method",
"path", "headers", "body"}]}. Standard output: for each the list of its answers,
{"status", "headers", "body"} or {"error"}. All cases of a project run in a
process of its own, as oslo.config and eventlet are global. The app
"oracle:app_factory" does what the header X-Probe says; the Go test has the
same app.
"""
import importlib
import io
import json
import os
import sys
import types
import urllib.parse
import warnings

warnings.simplefilter('ignore')

SHOWN = ['HTTP_X_AUTH_URL', 'HTTP_OPENSTACK_API_VERSION', 'HTTP_X_OPENSTACK_NOVA_API_VERSION', 'HTTP_X_AUTH_KEY',
         'HTTP_X_PROJECT_ID', 'HTTP_X_USER_ID', 'HTTP_X_ROLES', 'HTTP_X_IDENTITY_STATUS']
CONTEXTS = ['nova.context', 'cinder.context', 'neutron.context', 'manila.context', 'barbican.context']


def context_text(environ):
    for key in CONTEXTS:
        if key in environ:
            ctx = environ[key]
            break
    else:
        ctx = environ.get('webob.adhoc_attrs', {}).get('context')
    if ctx is None:
        return 'no context'
    roles = ','.join(getattr(ctx, 'roles', None) or [])
    return 'user=%s project=%s roles=%s admin=%s remote=%s' % (
        getattr(ctx, 'user_id', None) or '', getattr(ctx, 'project_id', None) or '', roles,
        bool(getattr(ctx, 'is_admin', False)), getattr(ctx, 'remote_address', None) or '')


def probe(environ, start_response):
    spec = json.loads(environ.get('HTTP_X_PROBE') or '{}')
    if spec.get('fail'):
        raise RuntimeError('no luck')
    body = spec.get('body', '')
    if spec.get('show'):
        path = '|'.join(urllib.parse.quote(environ[k].encode('latin-1')) for k in ('SCRIPT_NAME', 'PATH_INFO'))
        body = '\n'.join(['path=' + path] + [k + '=' + environ[k] for k in SHOWN if k in environ] + [context_text(environ)])
    headers = [tuple(h) for h in spec.get('headers', [])]
    if body:
        headers.append(('Content-Type', 'text/x-probe'))
    start_response(spec.get('status', '200 OK'), headers)
    return [body.encode()]


def setup(project):
    if project == 'nova':
        import nova.conf
        nova.conf.CONF([], project='nova', default_config_files=[])
        import nova.api.openstack.compute  # noqa: F401
        return
    from oslo_config import cfg
    if project == 'glance':
        from glance.common import config
        config.parse_args(args=[], default_config_files=[])
        import glance.image_cache  # noqa: F401
        return
    if project == 'neutron':
        from neutron.conf import common
        common.register_core_common_config_opts(cfg.CONF)
    else:
        importlib.import_module(project + '.common.config')
    if project == 'heat':
        from oslo_log import log
        log.register_options(cfg.CONF)
    if project == 'barbican':
        from barbican.common import config
        config.CONF([], project=project, default_config_files=[])
    cfg.CONF([], project=project, default_config_files=[])
    if project == 'heat':
        from heat.common import wsgi
        wsgi.setup_paste_factories(cfg.CONF)
    if project == 'cinder':
        from cinder import objects
        objects.register_all()


def environ_of(request):
    path, _, query = request['path'].partition('?')
    body = request.get('body', '').encode()
    environ = {
        'REQUEST_METHOD': request['method'], 'SCRIPT_NAME': '',
        'PATH_INFO': urllib.parse.unquote_to_bytes(path).decode('latin-1'), 'QUERY_STRING': query,
        'SERVER_NAME': '127.0.0.1', 'SERVER_PORT': '80', 'SERVER_PROTOCOL': 'HTTP/1.1', 'REMOTE_ADDR': '127.0.0.1',
        'wsgi.version': (1, 0), 'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(body), 'wsgi.errors': sys.stderr,
        'wsgi.multithread': False, 'wsgi.multiprocess': True, 'wsgi.run_once': False,
    }
    for name, value in request['headers']:
        key = 'HTTP_' + name.upper().replace('-', '_')
        environ[key] = environ[key] + ',' + value if key in environ else value
    if body:
        environ['CONTENT_LENGTH'] = str(len(body))
    return environ


def answer(app, request):
    captured = {}

    def start_response(status, headers, exc_info=None):
        captured['status'] = int(status.split()[0])
        captured['headers'] = [[k, v] for k, v in headers]

    try:
        captured['body'] = b''.join(app(environ_of(request), start_response)).decode('latin-1')
    except Exception as e:
        return {'error': '%s: %s' % (type(e).__name__, e)}
    return captured


def run(case):
    from paste.deploy import loadapp
    try:
        app = loadapp('config:' + case['ini'])
    except Exception as e:
        return [{'error': '%s: %s' % (type(e).__name__, e)} for _ in case['requests']]
    return [answer(app, r) for r in case['requests']]


def isolated(project, cases):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        sys.stdout = sys.stderr
        try:
            setup(project)
            result = [run(c) for c in cases]
        except Exception as e:
            result = [[{'error': 'setup: %s: %s' % (type(e).__name__, e)} for _ in c['requests']] for c in cases]
        with os.fdopen(w, 'w') as out:
            json.dump(result, out)
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as inp:
        result = json.load(inp)
    os.waitpid(pid, 0)
    return result


def main():
    cases = json.load(sys.stdin)
    answers = [None] * len(cases)
    for project in sorted({c['project'] for c in cases}):
        of = [i for i, c in enumerate(cases) if c['project'] == project]
        for i, a in zip(of, isolated(project, [cases[i] for i in of])):
            answers[i] = a
    json.dump(answers, sys.stdout)


module = types.ModuleType('oracle')
module.app_factory = lambda global_conf, **local_conf: probe
sys.modules['oracle'] = module
main()
