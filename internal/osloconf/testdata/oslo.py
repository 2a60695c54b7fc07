"""Reads cases as JSON lines and answers each with what oslo.config reads.

A case has files (a list of texts) and options (group, name, type, default,
deprecated: a list of group and name). The answer is {"line": N, "load": text}
when the files are refused, else {"values": [...]}, one for each option: a text,
a list, null for None, or {"error": text}.
"""

import json
import logging
import os
import sys
import tempfile

from oslo_config import cfg, types

TYPES = {
    "text": types.String, "int": types.Integer, "float": types.Float,
    "bool": types.Boolean, "list": types.List, "multi": types.String,
    "port": types.Port,
}


def option(o):
    kind = cfg.MultiOpt if o["type"] == "multi" else cfg.Opt
    key = "item_type" if o["type"] == "multi" else "type"
    default = o["default"] or None
    if default and o["type"] == "multi":
        default = default.split("\n")
    old = [cfg.DeprecatedOpt(d["name"], group=d["group"] or None)
           for d in o["deprecated"] or []]
    return kind(o["name"], default=default, deprecated_opts=old,
                **{key: TYPES[o["type"]]()})


def shown(value):
    if value is None or isinstance(value, (str, list)):
        return value
    return repr(value) if isinstance(value, float) else str(value)


def answer(case, folder):
    args = []
    for i, text in enumerate(case["files"]):
        name = os.path.join(folder, "%d.conf" % i)
        with open(name, "w", encoding="utf-8", newline="") as f:
            f.write(text)
        args += ["--config-file", name]
    conf = cfg.ConfigOpts()
    for o in case["options"]:
        conf.register_opt(option(o), group=o["group"] or None)
    try:
        conf(args, default_config_files=[], default_config_dirs=[])
    except cfg.ConfigFileParseError as e:
        return {"load": str(e), "line": getattr(e.__context__, "lineno", 0)}
    values = []
    for o in case["options"]:
        name = o["name"].replace("-", "_")
        try:
            at = conf[o["group"]] if o["group"] else conf
            values.append(shown(at[name]))
        except Exception as e:
            values.append({"error": "%s: %s" % (type(e).__name__, e)})
    return {"values": values}


def main():
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line), folder)), flush=True)


main()
