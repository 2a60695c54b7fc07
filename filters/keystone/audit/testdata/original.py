"""Runs keystonemiddleware's audit from a paste file: reads requests as JSON from
standard input and writes the events of each."""
import io
import json
import logging
import sys
import warnings

from oslo_config import cfg
from paste import deploy
import webob
import webob.dec

warnings.simplefilter('ignore')
cfg.CONF([], project='wheatpaste', default_config_files=[])
sys.modules['audited'] = sys.modules[__name__]
events = []


class Collector(logging.Handler):
    def emit(self, record):
        if isinstance(record.args, dict) and 'payload' in record.args:
            events.append({'event_type': record.args['event_type'], 'payload': record.args['payload']})


def app_factory(global_conf, **local_conf):
    @webob.dec.wsgify
    def app(req):
        if 'HTTP_X_DO_FAIL' in req.environ:
            raise RuntimeError('no')
        return webob.Response(status=int(req.headers.get('X-Do-Status', '200')), body=req.body)
    return app


def wsgi(text):
    return text.encode().decode('latin-1')


logging.getLogger().addHandler(Collector())
logging.getLogger().setLevel(logging.DEBUG)
application = deploy.loadapp('config:' + sys.argv[1])
answers = []
for q in json.load(sys.stdin):
    body = q['body'].encode()
    environ = {
        'REQUEST_METHOD': q['method'], 'SCRIPT_NAME': wsgi(q['script']), 'PATH_INFO': wsgi(q['path']), 'QUERY_STRING': q['query'],
        'SERVER_NAME': 'localhost', 'SERVER_PORT': '80', 'HTTP_HOST': q['host'], 'SERVER_PROTOCOL': 'HTTP/1.1',
        'REMOTE_ADDR': '192.0.2.1', 'wsgi.url_scheme': q['scheme'], 'wsgi.input': io.BytesIO(body),
        'CONTENT_LENGTH': str(len(body)), 'wsgi.errors': sys.stderr, 'wsgi.version': (1, 0),
        'wsgi.multithread': False, 'wsgi.multiprocess': False, 'wsgi.run_once': False,
    }
    for name, value in q['headers'].items():
        environ['HTTP_' + name.upper().replace('-', '_')] = value
    if q['request_id']:
        environ['openstack.request_id'] = q['request_id']
        environ['openstack.global_request_id'] = q['global_request_id']
    events.clear()
    try:
        status, _, parts = webob.Request(environ).call_application(application)
        status, text = int(status.split()[0]), b''.join(parts).decode()
    except RuntimeError:
        status, text = 0, ''
    answers.append({'status': status, 'body': text, 'events': list(events)})
json.dump(answers, sys.stdout)
