#!/usr/bin/env python3
"""A small worker, written from docs/protocol.md and docs/tile.md alone.

    worker.py --port N --frames DIR --storage DIR [--user NAME --password TEXT --vhost NAME] [--id NAME]

Takes tasks of whole tiles (tile_compute, tile_batch) until it is told to stop, and refuses what it does not serve. It
says nothing of frames (frame_batch), so its master looks at them itself.
"""
import argparse
import hashlib
import json
import os
import signal
import socket
import time

import pika
import pika.exceptions

import tile_file
import tile_math

TILE_FIELDS = ("tile_id", "tile_bbox", "seed")


class Refused(Exception):
    """The tile cannot be computed, however often it is tried."""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Store:
    """The shared folder."""

    def __init__(self, root):
        self.root = root

    def get(self, key, checksum, what):
        try:
            with open(os.path.join(self.root, key), "rb") as file:
                data = file.read()
        except OSError as error:
            raise OSError(f"{what} {key}: {error}") from error
        if sha256(data) != checksum:
            raise Refused(f"{what} {key} has SHA-256 {sha256(data)}, the task says {checksum}")
        return data

    def put(self, key, data):
        """Whole or not at all: under a temporary name, synced, renamed."""
        path = os.path.join(self.root, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = os.path.join(os.path.dirname(path), f".tmp-{os.getpid()}-{os.path.basename(path)}")
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)


class Run:
    """What the tasks of a run share."""

    def __init__(self, task, store, frames_folder):
        run_id, metrics = task["run_id"], task["metrics_config"]
        self.config = json.loads(store.get(f"{run_id}/config.json", task["config_hash"], "configuration"))
        unserved = tile_math.unserved(self.config)
        if unserved:
            raise Refused(f"this worker does not serve {unserved}")
        manifest = json.loads(store.get(f"{run_id}/manifest.json", task["frames_manifest_id"], "manifest"))
        self.metrics = json.loads(store.get(metrics["frame_metrics_ref"], metrics["frame_metrics_checksum"],
                                            "frame metrics"))
        self.frames = []
        for entry in manifest["frames"]:
            with open(os.path.join(frames_folder, entry["path"]), "rb") as file:
                data = file.read()
            if sha256(data) != entry["sha256"]:
                raise Refused(f"frame {entry['path']} has SHA-256 {sha256(data)}, the manifest says {entry['sha256']}")
            self.frames.append(tile_file.read_frame(data, self.config["data"]["zero_is_nodata"]))

    def channels(self, box, first, last):
        x0, y0, w, h = box
        channels = []
        for c, all_frames in enumerate(self.metrics["channels"]):
            cutouts = [frame[c][y0:y0 + h, x0:x0 + w] for frame in self.frames[first:last + 1]]
            if cutouts[0].shape != (h, w):
                raise Refused(f"the box {box} leaves the image")
            channels.append(tile_math.Channel(cutouts, all_frames[first:last + 1], self.metrics, box, self.config))
        return channels


def tiles_of(task):
    if task["task_type"] == "tile_compute":
        return [{field: task[field] for field in TILE_FIELDS}]
    return task["tiles"]


class Worker:
    def __init__(self, options):
        self.options, self.store = options, Store(options.storage)
        self.run_key, self.run = None, None
        self.connection = pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", options.port, options.vhost, pika.PlainCredentials(options.user, options.password),
            client_properties={"connection_name": f"python worker {options.id}"}))
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.channel.basic_qos(prefetch_count=1)

    def serve(self):
        self.channel.basic_consume("tile.compute", self.take)
        print("ready", flush=True)
        self.channel.start_consuming()

    def take(self, channel, method, properties, body):
        task = json.loads(body)
        try:
            if task["task_type"] in ("tile_compute", "tile_batch"):
                self.answer(task, properties, method.redelivered)
            else:
                print(f"a task of type {task['task_type']} is not served", flush=True)
            channel.basic_ack(method.delivery_tag)
        except pika.exceptions.UnroutableError:
            print("nobody waits for this result any more", flush=True)
            channel.basic_ack(method.delivery_tag)

    def answer(self, task, properties, redelivered):
        headers = properties.headers or {}
        attempt, care = int(headers.get("x-tilecompile-attempt", "1")), headers.get("x-tilecompile-care", "")
        for tile in tiles_of(task):
            answer = {"schema": 1, "correlation_id": task["correlation_id"], "run_id": task["run_id"], "tile_id": tile["tile_id"],
                      "worker_id": self.options.id, "attempt": attempt, "compute_seconds": 0.0}
            if self.options.id in headers.get("x-tilecompile-not-by", "").split(","):
                answer.update(hand_back="stopping", error={"kind": "transient", "text": "another worker is to compute it"})
            elif redelivered:
                answer.update(hand_back="redelivered", error={"kind": "transient", "text": "another worker had the task"})
            else:
                if care:
                    self.publish(dict(answer, begun=True), properties)
                began = time.monotonic()
                answer.update(self.outcome(task, tile))
                answer["compute_seconds"] = time.monotonic() - began
            self.publish(answer, properties)

    def outcome(self, task, tile):
        try:
            return self.compute(task, tile)
        except Refused as error:
            return {"error": {"kind": "input", "text": str(error)}}
        except OSError as error:
            return {"error": {"kind": "transient", "text": str(error)}}

    def compute(self, task, tile):
        key = (task["run_id"], task["config_hash"], task["frames_manifest_id"], json.dumps(task["metrics_config"]))
        if task["input_stage"] != "registered":
            raise Refused(f"this worker serves the input stage registered, not {task['input_stage']}")
        if key != self.run_key:
            self.run, self.run_key = Run(task, self.store, self.options.frames), key
        box, tile_id = tile["tile_bbox"], tile["tile_id"]
        channels = self.run.channels(box, *task["frame_index_range"])
        data = tile_file.tile_file(task, tile_id, box, channels, self.run.metrics.get("frame_tables", True))
        ref = f"{task['run_id']}/tiles/tile_{tile_id:06d}.fits"
        self.store.put(ref, data)
        alone = len(channels) == 1
        numbers = {name: getattr(channels[0], field) if alone else [getattr(c, field) for c in channels]
                   for name, field in (("sum_weights", "sum_weights"), ("tile_median", "median"),
                                       ("tile_background", "background"))}
        shape = [box[3], box[2]] if alone else [len(channels), box[3], box[2]]
        print(f"tile {tile_id} {sha256(data)}", flush=True)
        return dict(numbers, tile_data_ref=ref, tile_data_checksum=sha256(data), tile_data_dtype="float32",
                    tile_data_shape=shape, fallback_used=any(c.fallback for c in channels))

    def publish(self, answer, task_properties):
        queue = task_properties.reply_to or f"tile.results.{answer['run_id']}"
        self.channel.basic_publish(
            "tilecompile.results", queue, json.dumps(answer).encode(), mandatory=True,
            properties=pika.BasicProperties(
                content_type="application/json", delivery_mode=2, correlation_id=answer["correlation_id"],
                message_id=f"{answer['run_id']}:{answer['tile_id']}:{answer['attempt']}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", default="guest")
    parser.add_argument("--password", default="guest")
    parser.add_argument("--vhost", default="/")
    parser.add_argument("--frames", required=True)
    parser.add_argument("--storage", required=True)
    parser.add_argument("--id", default=f"{socket.gethostname()}-python-{os.getpid()}")
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the broker gives a task under way to others
    Worker(parser.parse_args()).serve()


if __name__ == "__main__":
    main()
