"""Writes random requests with the answers of nova's urlmap.

    PYTHONPATH=FOLDER-WITH-NOVA python3 nova.py 80 > nova.json

It needs Paste and the source of nova, of which it runs nova.api.openstack.urlmap
alone. A request has the application, SCRIPT_NAME, PATH_INFO and content type it
leads to (null: nova fails).
"""
import ast
import importlib.util
import json
import logging
import os
import random
import sys
import types

rnd = random.Random(11)


def load():
    """Loads the module without the rest of nova."""
    folder = next(p for p in sys.path if os.path.isdir(os.path.join(p, 'nova/api/openstack')))
    folder = os.path.join(folder, 'nova/api/openstack')
    for name in ('nova', 'nova.api', 'nova.api.openstack', 'nova.api.openstack.wsgi', 'oslo_log', 'oslo_log.log'):
        sys.modules[name] = types.ModuleType(name)
    with open(os.path.join(folder, 'wsgi.py')) as f:
        names = {t.id: n.value for n in ast.parse(f.read()).body if isinstance(n, ast.Assign)
                 for t in n.targets if isinstance(t, ast.Name)}
    supported = ast.literal_eval(names['_SUPPORTED_CONTENT_TYPES'])
    wsgi = sys.modules['nova.api.openstack'].wsgi = sys.modules['nova.api.openstack.wsgi']
    wsgi.get_supported_content_types = lambda: supported
    sys.modules['oslo_log'].log = sys.modules['oslo_log.log']
    sys.modules['oslo_log.log'].getLogger = logging.getLogger
    spec = importlib.util.spec_from_file_location('novaurlmap', os.path.join(folder, 'urlmap.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def app(name):
    return lambda environ, start_response: [name, environ['SCRIPT_NAME'], environ['PATH_INFO'],
                                            environ.get('nova.best_content_type')]


SEGMENTS = ['/v2', '/v2.1', '/v3', '/', '/x', '/+', '/a', '/!', '/v2 ', '/v']
TYPES = ['application/json', 'application/vnd.openstack.compute+json', 'application/atom+xml', 'application/xml',
         '*/*', 'application/*', 'text/*', '*', 'a*', '**/*', '"application/json"', '', 'Application/JSON', 'application+*']
NAMES = ['version', 'q', 'version', 'q', 'charset', '"version"', 'Version', '']
VALUES = ['2', '2.1', '3', '9', '0.5', '1', '0', '0.1', ' 2', '2 ', ' ', '', '"2"', '"0.5"', '"2;3"', 'nan', '-1', 'inf',
          '1_0', '1__0', '0x1p0', '1e400', '+NaN', '2//x', '2/', '"', '\\', '\xa02', '2\x85', '.5', '5.', '1_', 'x']


def key():
    path = ''.join(rnd.choice(SEGMENTS[:8]) for _ in range(rnd.randint(1, 2))) + rnd.choice(['', '', '/+'])
    return rnd.choice(['', '', '', 'domain a ', 'domain a port 80 ']) + path


def path():
    return ''.join(rnd.choice(SEGMENTS) for _ in range(rnd.randint(0, 4))) + rnd.choice(['', '', '', '.json', '.xml', '.vnd.openstack.compute+json', '.'])


def media():
    text = rnd.choice(TYPES)
    for _ in range(rnd.choice([0, 1, 1, 2, 3])):
        blank = rnd.choice(['', '', ' ', '\t'])
        text += blank + ';' + rnd.choice(['', '', ' ']) + rnd.choice(NAMES) + blank
        if rnd.random() < .9:
            text += '=' + rnd.choice(VALUES)
    return text


def accept():
    text = ','.join(media() + rnd.choice(['', '', ' ', '"', '\\']) for _ in range(rnd.randint(1, 4)))
    return rnd.choice(['%s', '%s', '%s', '"%s"', '%s,', ',%s']) % text


def ask(m):
    q = {'host': rnd.choice(['a', 'a:80', 'b', 'a:81']), 'path': path()}
    environ = {'HTTP_HOST': q['host'], 'wsgi.url_scheme': 'http', 'SCRIPT_NAME': '/s', 'PATH_INFO': q['path']}
    if rnd.random() < .7:
        q['accept'] = environ['HTTP_ACCEPT'] = accept()
    if rnd.random() < .3:
        q['type'] = environ['CONTENT_TYPE'] = media()
    try:
        q['want'] = m(environ, None)
    except (AssertionError, StopIteration, TypeError):
        q['want'] = None
    return q


module, cases = load(), []
for _ in range(int(sys.argv[1])):
    m = module.URLMap(not_found_app=app('none'))
    keys = list(dict.fromkeys([key() for _ in range(rnd.randint(1, 6))] + rnd.choice([[], ['/']])))
    for i, k in enumerate(keys):
        m[module.paste.urlmap.parse_path_expression(k)] = app(str(i))
    cases.append({'keys': keys, 'requests': [ask(m) for _ in range(8)]})
print('[' + ',\n'.join(json.dumps(c, separators=(',', ':')) for c in cases) + ']')
