#!/usr/bin/env python3
"""A small observer, written from docs/protocol.md alone: follows runs on a broker and takes nothing from anybody.

    observer.py --port N [--user NAME --password TEXT --vhost NAME] [--run RUN_ID]

Prints a line when it listens, and a line of JSON for each run that has ended: its tiles by worker and its events.
"""
import argparse
import collections
import json
import uuid

import pika

ENDS = {"run_done", "run_failed_validation", "run_failed", "run_interrupted"}


class Observer:
    def __init__(self, options):
        self.wanted = options.run
        self.runs = {}
        connection = pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", options.port, options.vhost, pika.PlainCredentials(options.user, options.password)))
        self.channel = connection.channel()
        queue = f"tilecompile.watch.{uuid.uuid4()}"
        self.channel.queue_declare(queue, exclusive=True, arguments={
            "x-queue-type": "classic", "x-max-length": 10000, "x-overflow": "drop-head"})
        self.channel.queue_bind(queue, "tilecompile.events", self.wanted or "")
        self.channel.basic_consume(queue, self.hear, auto_ack=True)

    def watch(self):
        print("listening", flush=True)
        self.channel.start_consuming()

    def hear(self, channel, method, properties, body):
        line, run_id = json.loads(body), method.routing_key
        if self.wanted and run_id != self.wanted:
            return
        run = self.runs.setdefault(run_id, {"tiles": collections.Counter(), "events": collections.Counter()})
        if properties.headers["x-tilecompile-file"] == "journal.jsonl":
            run["tiles"][line["worker_id"]] += 1
            return
        run["events"][line["event"]] += 1
        if line["event"] in ENDS:
            print(json.dumps({"run_id": run_id, "ended": line["event"], **run}), flush=True)
            if self.wanted:
                channel.stop_consuming()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="guest")
    parser.add_argument("--password", default="guest")
    parser.add_argument("--vhost", default="/")
    parser.add_argument("--run", default="")
    Observer(parser.parse_args()).watch()


if __name__ == "__main__":
    main()
