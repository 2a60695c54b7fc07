"""An application that shows the headers that it gets, as the one of the test
does. X-Do-Status is the status of its answer."""
import json


def app_factory(global_conf):
    return app


def app(environ, start_response):
    headers = {k[5:]: v for k, v in environ.items() if k.startswith('HTTP_') and v is not None}
    info = environ.get('keystone.token_info')
    body = json.dumps({'headers': headers, 'info': bool(info)}).encode()
    start_response(headers.get('X_DO_STATUS', '200 OK'), [('Content-Type', 'application/x-echo'), ('Content-Length', str(len(body)))])
    return [body]
