"""Times Paste Deploy: reads lines "CASE FILE", answers with seconds."""
import sys
import time

from paste.deploy import loadwsgi


class Anything:
    """Stands for what a reference would import: importing is not timed."""

    def __init__(self, *args, **kw):
        self.spec = args[0] if args else None

    def load(self):
        return self


loadwsgi.lookup_object = Anything
loadwsgi.find_entry_point = lambda dist, group, name: (
    type('Entry', (), {'name': name, 'load': lambda self: self})()
    if group in ('paste.app_factory', 'paste.filter_factory', 'paste.server_factory') else None)


class Metadata:
    EntryPoint = Anything
    distribution = Anything


loadwsgi.importlib_metadata = Metadata
TYPES = {'app': loadwsgi.APP, 'composite': loadwsgi.APP, 'pipeline': loadwsgi.APP, 'filter-app': loadwsgi.APP,
         'filter': loadwsgi.FILTER, 'server': loadwsgi.SERVER}


def load(kind, file):
    uri = 'config:' + file
    if kind == 'all':
        for section in loadwsgi.ConfigLoader(file).parser.sections():
            prefix, _, name = section.partition(':')
            if prefix in TYPES:
                loadwsgi.loadcontext(TYPES[prefix], uri, name=name.strip())
    else:
        name = {'one': 'metadata', 'main': 'main', 'chain': 'c300'}[kind]
        loadwsgi.loadcontext(loadwsgi.APP, uri, name=name)


sys.setrecursionlimit(10000)
for line in sys.stdin:
    kind, file = line.rstrip('\n').split(' ', 1)
    start = time.perf_counter()
    load(kind, file)
    print(time.perf_counter() - start, flush=True)
