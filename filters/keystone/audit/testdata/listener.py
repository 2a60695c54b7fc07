"""An oslo.messaging notification listener: prints every event that it is told of
as JSON, until standard input ends."""
import json
import os
import sys
import threading

from oslo_config import cfg
import oslo_messaging


class Endpoint:
    lock = threading.Lock()

    def told(self, priority, context, publisher, event_type, payload, metadata):
        with self.lock:
            print(json.dumps({
                'priority': priority, 'context': context, 'publisher': publisher, 'event_type': event_type,
                'payload': payload, 'metadata': metadata,
            }), flush=True)
        return oslo_messaging.NotificationResult.HANDLED

    def info(self, *args):
        return self.told('info', *args)

    def error(self, *args):
        return self.told('error', *args)


cfg.CONF([], project='wheatpaste', default_config_files=[])
transport = oslo_messaging.get_notification_transport(cfg.CONF, url=sys.argv[1])
targets = [oslo_messaging.Target(topic=topic) for topic in sys.argv[2:]]
listener = oslo_messaging.get_notification_listener(transport, targets, [Endpoint()], executor='threading')
listener.start()
sys.stdin.read()
os._exit(0)
