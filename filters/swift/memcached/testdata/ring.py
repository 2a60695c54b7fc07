"""Answers, for the servers and keys of a JSON object on standard input, in
which order Swift's client would ask the servers for each key, and what it
hashes the key to."""
import json
import sys
import warnings

warnings.simplefilter('ignore')

from swift.common.memcached import MemcacheRing, md5hash  # noqa: E402

spec = json.load(sys.stdin)
ring = MemcacheRing(spec['servers'], tries=len(spec['servers']))


class Pool(object):
    def get(self):
        return None, None


ring._client_cache = {server: Pool() for server in spec['servers']}
answers = []
for key in spec['keys']:
    hashed = md5hash(key)
    answers.append({'hash': hashed.decode(), 'servers': [c[0] for c in ring._get_conns(hashed)]})
json.dump(answers, sys.stdout)
