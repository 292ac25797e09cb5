"""Parties that do harm beside the honest workers: processes, a consumer that never answers, forged answers."""
import json
import random
import uuid

import pika

from processes import journal_lines

LIES = ("scale", "block")
FORGERIES = 40      # messages a time
HELD_AT_MOST = 200  # tasks by the one that never answers


def lying_worker(scene, fault) -> list:
    """The command of a worker whose every tile is wrong."""
    return [scene.night.program.parent / "tests" / "lying_worker", str(scene.broker.port), scene.queue_type(), scene.frames,
            scene.store, f"liar-{len(scene.rogues)}", LIES[fault.target % len(LIES)]]


def misconfigured_worker(scene, fault) -> list:
    """The command of a worker whose input.dir is empty, or holds other frames of the right names."""
    frames = scene.folder / f"frames-{len(scene.rogues)}"
    frames.mkdir()
    if fault.target % 2:
        for frame in scene.frames.iterdir():
            (frames / frame.name).write_text("not that frame")
    return scene.worker_words(f"misconfigured-{len(scene.rogues)}", frames)


def duplicate_worker(scene, fault) -> list:
    """The command of a second worker under the name of one that runs."""
    twin = scene.workers[fault.target]
    return scene.worker_words(f"{twin.name}-{max(0, twin.starts - 1)}", scene.frames)


def deaf_worker(scene, _fault) -> list:
    """The command of a worker that the broker never takes for dead, so that what it holds stays with it."""
    return [*scene.worker_words(f"deaf-{len(scene.rogues)}", scene.frames), "--set", "broker.heartbeat_s=0"]


class Greedy:
    """A consumer that holds tasks and does not answer; its connection has no heartbeat, so it lives unattended."""

    def __init__(self, port: int, rng: random.Random):
        self.connection = pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", port, heartbeat=0, socket_timeout=5, stack_timeout=10, blocked_connection_timeout=10))
        channel = self.connection.channel()
        channel.basic_qos(prefetch_count=rng.randint(2, HELD_AT_MOST))
        self.held = 0
        channel.basic_consume("tile.compute", self._hold)
        self.connection.process_data_events(0.5)

    def _hold(self, *_delivery) -> None:
        self.held += 1

    def close(self) -> None:
        try:
            self.connection.close()
        except (pika.exceptions.AMQPError, OSError):
            pass  # the broker was away meanwhile


def forge(scene) -> list:
    """(properties, body) of answers that nobody computed, to tasks of the run and to others, in random order."""
    rng, run_id = scene.rng, scene.run_id
    tasks = [json.loads(body) for _, body in scene.broker.copies_of_tasks()]
    done = journal_lines(scene.run)
    messages = [(pika.BasicProperties(), b"no JSON"), (pika.BasicProperties(), b"x" * (1 << 20))]
    for _ in range(FORGERIES):
        task = rng.choice(tasks) if tasks else None
        tile = rng.choice(task["tiles"])["tile_id"] if task and "tiles" in task else rng.randrange(scene.night.tiles)
        answer = {"schema": 1, "correlation_id": task["correlation_id"] if task else str(uuid.uuid4()), "run_id": run_id,
                  "tile_id": tile, "worker_id": f"forger-{rng.randrange(3)}", "attempt": 1, "compute_seconds": 0.01}
        key = f"{run_id}/{'synthetic_tiles' if task and 'clusters_config' in task else 'tiles'}/tile_{tile:06d}.fits"
        data = {"tile_data_ref": key, "tile_data_checksum": f"{rng.getrandbits(256):064x}", "tile_data_dtype": "float32",
                "tile_data_shape": [40, 40], "sum_weights": 1.0, "tile_median": 0.0, "tile_background": 1.0,
                "fallback_used": False}
        answer.update(rng.choice([
            data,
            {**data, "worker_id": "master"},
            {**data, "attempt": rng.randint(2, 9)},
            {**data, "correlation_id": str(uuid.UUID(int=rng.getrandbits(128), version=4))},
            {**data, "tile_data_ref": f"{run_id}/tiles/tile_999999.fits"},
            {**data, "tile_data_ref": f"{run_id}/manifest.json"},
            {"error": {"kind": "transient", "text": "forged"}, "attempt": rng.randint(1, 3)},
            {"error": {"kind": "input", "text": "forged"}},
            {"error": {"kind": "transient", "text": "forged"}, "hand_back": "stopping"},
        ]))
        if done and rng.random() < 0.3:  # contradicts what has been accepted
            tile, key, _ = rng.choice(done)
            answer.update(tile_id=tile, **({"tile_data_ref": key} if "tile_data_ref" in answer else {}))
        properties = pika.BasicProperties(content_type="application/json", delivery_mode=2,
                                          correlation_id=answer["correlation_id"])
        messages.append((properties, json.dumps(answer).encode()))
    rng.shuffle(messages)
    return messages
