"""Answer each question on stdin (a line of JSON: path and globals) by a line of
JSON: the tree that Paste Deploy computes, or why there is none."""
import configparser
import json
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import paste_tree  # noqa: E402

pd = paste_tree.pd


class TooLong(BaseException):
    """Not an Exception: the oracle takes those for answers."""


def ring(*_):
    raise TooLong


class Caller(str):
    """A global that the caller passes: interpolated as it stands (INT-15)."""


class Made(str):
    """A text of the loader's own making: here, __file__, globals that one
    file passes to another."""


# Whether Made texts stand for themselves where interpolation refuses them, as
# the specification wants it (INT-16, INT-17). Paste Deploy lets them fail.
MENDED = [False]


class Mending(configparser.BasicInterpolation):
    def _interpolate_some(self, parser, option, accum, rest, section, map, depth):
        own = []
        try:
            super()._interpolate_some(parser, option, own, rest, section, map, depth)
        except configparser.InterpolationSyntaxError as exc:
            exc.__dict__.setdefault('depth', depth)
            if exc.depth != depth or not (MENDED[0] and isinstance(rest, Made)):
                raise
            own = [str(rest)]
        accum.extend(own)


def init(self, filename):
    """As the oracle's, but with what Paste Deploy really does in two corners:
    the name is stripped, and the file's own `here` and `__file__` stand."""
    filename = filename.strip()
    paste_tree.real_init(self, filename)
    self.parser._interpolation._original = Mending()
    path = os.path.abspath(filename)
    for key, real, token in (
        ('here', os.path.dirname(path), paste_tree.dir_token(path)),
        ('__file__', path, paste_tree.file_token(path)),
    ):
        if self.parser._defaults[key] == real:
            self.parser._defaults[key] = Made(token)


def update_defaults(self, new_defaults, overwrite=True):
    real_update_defaults(
        self,
        {k: v if isinstance(v, Caller) else Made(v) for k, v in new_defaults.items()},
        overwrite,
    )


def tree(question, mended):
    MENDED[0] = mended
    paste_tree.USE_SECTIONS.clear()
    passed = {k: Caller(v) for k, v in sorted((question['globals'] or {}).items())}
    return paste_tree.tree(question['path'], passed)


def answer(question):
    signal.setitimer(signal.ITIMER_REAL, 10)
    try:
        plain = json.dumps(tree(question, False))
        mended = 'null'
        if 'InterpolationSyntaxError' in plain:
            mended = json.dumps(tree(question, True))
        return '{"tree": %s, "mended": %s}' % (plain, mended)
    except TooLong:
        return json.dumps({'unusable': 'no answer in 10 s'})
    except RecursionError:
        return json.dumps({'unusable': 'nested too deep'})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


real_update_defaults = pd.ConfigLoader.update_defaults
pd.ConfigLoader.__init__ = init
pd.ConfigLoader.update_defaults = update_defaults
signal.signal(signal.SIGALRM, ring)
print('ready', flush=True)
for line in sys.stdin:
    print(answer(json.loads(line)), flush=True)
