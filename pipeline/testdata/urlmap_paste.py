"""Writes random maps and requests with the answers of Paste's urlmap.

    python3 urlmap_paste.py 150 > urlmap_paste.json

A case is a list of keys, each with Paste's error if it has one, and requests
with the application, SCRIPT_NAME and PATH_INFO they lead to (null: Paste fails).
"""
import json
import random
import sys

from paste import urlmap

rnd = random.Random(7)
SEGMENTS = ['/a', '/b', '/ab', '/', '/+', '/!', '/a!']
WORDS = ['/', '/a', '/b', '/ab', '/a/b', '//a', '/a/', 'a', 'domain', 'port', 'a.com', 'b.com', '80', '8080',
         'http://a.com/a', 'https://b.com', '/+', '/a/+', '/!']


def key():
    r = rnd.random()
    if r < .5:
        return ''.join(rnd.choice(SEGMENTS) for _ in range(rnd.randint(1, 4)))
    if r < .7:
        port = rnd.choice([[], ['port', rnd.choice(['80', '8080', '443'])]])
        path = rnd.choice([[], [rnd.choice(['/', '/a', '/a/b', 'b'])]])
        return ' '.join(['domain', rnd.choice(['a.com', 'b.com'])] + port + path)
    if r < .8:
        return 'http://' + rnd.choice(['a.com', 'b.com:80', 'a.com:8080']) + rnd.choice(['', '/', '/a', '/b//a/'])
    return ' '.join(rnd.choice(WORDS) for _ in range(rnd.randint(1, 5)))


def path():
    if rnd.random() < .2:
        return rnd.choice(['*', 'http://q/a/b', 'https://q', 'x'])
    return ''.join(rnd.choice(SEGMENTS + ['//', '/x']) for _ in range(rnd.randint(0, 5)))


def app(name):
    return lambda environ, start_response: [name, environ['SCRIPT_NAME'], environ['PATH_INFO']]


def ask(m):
    q = {'host': rnd.choice(['a.com', 'b.com', 'A.COM', 'a.com:80', 'b.com:8080', 'c', 'a.com:443', '']),
         'scheme': rnd.choice(['http', 'https']), 'path': path()}
    try:
        q['want'] = m({'HTTP_HOST': q['host'], 'wsgi.url_scheme': q['scheme'], 'PATH_INFO': q['path'],
                       'SCRIPT_NAME': '/s'}, None)
    except AssertionError:
        q['want'] = None
    return q


def case():
    m = urlmap.URLMap(not_found_app=app('none'))
    keys = []
    for i in range(rnd.randint(1, 8)):
        keys.append({'key': key()})
        try:
            m[urlmap.parse_path_expression(keys[-1]['key'])] = app(str(i))
        except (ValueError, AssertionError) as e:
            keys[-1]['error'] = str(e)
    return {'keys': keys, 'requests': [ask(m) for _ in range(6)]}


cases = []
while len(cases) < int(sys.argv[1]):
    try:
        cases.append(case())
    except TypeError:  # an empty domain beside none: Paste cannot sort them
        pass
print('[' + ',\n'.join(json.dumps(c, separators=(',', ':')) for c in cases) + ']')
