"""Says what WebOb makes of Accept headers and of Locations.

Standard input: {"accept": [HEADER], "locations": [[SCHEME, HOST, SCRIPT, PATH,
LOCATION]], "pages": [[STATUS, EXPLANATION, DETAIL, ACCEPT]]}; standard output:
the same keys with the preferred types, the Locations as sent, and the pages as
[CONTENT-TYPE, BODY].
"""
import json
import sys

import webob
import webob.exc
from webob.acceptparse import create_accept_header


def preferred(header):
    offers = create_accept_header(header).acceptable_offers(['text/html', 'application/json'])
    return offers[0][0] if offers else ''


def environ(scheme='http', host='h', script='', path='/', accept=''):
    return {
        'REQUEST_METHOD': 'GET', 'wsgi.url_scheme': scheme, 'HTTP_HOST': host, 'HTTP_ACCEPT': accept,
        'SCRIPT_NAME': script.encode().decode('latin-1'), 'PATH_INFO': path.encode().decode('latin-1'),
    }


def location(scheme, host, script, path, value):
    headers = []
    response = webob.Response(headerlist=[('Location', value)])
    response(environ(scheme, host, script, path), lambda status, h, exc_info=None: headers.extend(h))
    return dict(headers)['Location']


def page(status, explanation, detail, accept):
    headers = []
    error = webob.exc.status_map[status](detail, explanation=explanation)
    body = error(environ(accept=accept), lambda s, h, exc_info=None: headers.extend(h))
    return [dict(headers)['Content-Type'], b''.join(body).decode()]


asked = json.load(sys.stdin)
json.dump({
    'accept': [preferred(h) for h in asked['accept']],
    'locations': [location(*args) for args in asked['locations']],
    'pages': [page(*args) for args in asked['pages']],
}, sys.stdout)
