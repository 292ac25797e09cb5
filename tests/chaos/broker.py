"""The private broker of a lane, what a fault can do to it, and what can be done through it over AMQP."""
import os
import pathlib
import random
import subprocess
import time
from typing import Optional

import pika

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "private-broker.sh"
TASKS, RESULTS = "tilecompile.tasks", "tilecompile.results"
TASK_TAP, RESULT_TAP = "chaos.tap.tasks", "chaos.tap.results"
LONGEST_RUNG_S = 16  # more than any wait of the ladder that the runs ask for (scene.py)


class Broker:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.starts = 1
        self._busy = None
        environment = dict(os.environ, PRIVATE_BROKER_OWNER=str(os.getpid()))
        done = subprocess.run([SCRIPT, "start", folder], env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("no broker: " + done.stderr)
        self.port = int(done.stdout)

    def script(self, *words: str) -> None:
        """Runs a command of private-broker.sh to its end."""
        done = subprocess.run([SCRIPT, words[0], self.folder, *words[1:]], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-300:]}")

    def begin(self, word: str) -> None:
        """Starts a command of private-broker.sh; `busy` until it has ended."""
        self.starts += 1
        environment = dict(os.environ, PRIVATE_BROKER_OWNER=str(os.getpid()))
        self._busy = subprocess.Popen([SCRIPT, word, self.folder], env=environment, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)

    def busy(self) -> bool:
        if self._busy is not None and self._busy.poll() is not None:
            code, self._busy = self._busy.returncode, None
            if code != 0:
                raise RuntimeError(f"the broker did not come back, see {self.folder}/startup.log")
        return self._busy is not None

    def messages(self, queue: str) -> Optional[int]:
        """Messages that wait in a queue; None when there is no such queue."""
        connection = self.connect()
        try:
            return connection.channel().queue_declare(queue, passive=True).method.message_count
        except pika.exceptions.ChannelClosedByBroker:
            return None
        finally:
            connection.close()

    def connect(self) -> pika.BlockingConnection:
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.port, socket_timeout=5, stack_timeout=10, blocked_connection_timeout=10))

    def delete(self, *queues: str) -> None:
        connection = self.connect()
        channel = connection.channel()
        for queue in queues:
            channel.queue_delete(queue)
        connection.close()

    def tap(self, run_id: str) -> None:
        """Keeps a copy of every task and every result that is published from now on."""
        connection = self.connect()
        channel = connection.channel()
        for exchange, queue, key in ((TASKS, TASK_TAP, "tile.compute"), (RESULTS, RESULT_TAP, "tile.results." + run_id)):
            channel.exchange_declare(exchange, "direct", durable=True)
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, exchange, key)
        connection.close()

    def replay(self, exchange: str, tap: str, key: str, rng: random.Random) -> int:
        """Publishes all copies of a tap again, in random order; how many. A copy of a copy is not made."""
        connection = self.connect()
        channel = connection.channel()
        channel.queue_unbind(tap, exchange, key)
        copies = take_all(channel, tap)
        rng.shuffle(copies)
        for properties, body in copies:
            channel.basic_publish(exchange, key, body, properties)
        channel.queue_bind(tap, exchange, key)
        connection.close()
        return len(copies)

    def copies_of_tasks(self) -> list:
        """(properties, body) of every task so far; the tap keeps them."""
        connection = self.connect()
        copies = take_all(connection.channel(), TASK_TAP, ack=False)
        connection.close()
        return copies

    def publish(self, exchange: str, key: str, messages: list) -> None:
        connection = self.connect()
        channel = connection.channel()
        for properties, body in messages:
            channel.basic_publish(exchange, key, body, properties)
        connection.close()

    def purge(self, queue: str) -> int:
        """How many messages were thrown away."""
        connection = self.connect()
        count = connection.channel().queue_purge(queue).method.message_count
        connection.close()
        return count

    def reorder(self, queue: str, rng: random.Random) -> int:
        """Takes what waits in a queue and puts it back in random order."""
        connection = self.connect()
        channel = connection.channel()
        channel.confirm_delivery()
        waiting = take_all(channel, queue, ack=False)
        rng.shuffle(waiting)
        for properties, body in waiting:
            channel.basic_publish("", queue, body, properties)
        if waiting:
            channel.basic_ack(0, multiple=True)
        connection.close()
        return len(waiting)

    def clear(self) -> None:
        """Removes the queues that runs share, so that the next one may declare them as another type."""
        rungs = [f"tile.retry.{seconds}" for seconds in range(LONGEST_RUNG_S + 1)]
        self.delete("tile.compute", "tile.dlq", TASK_TAP, RESULT_TAP, *rungs)

    def stop(self) -> None:
        for _ in range(600):
            if not self.busy():
                break
            time.sleep(0.1)
        self.script("stop")


def take_all(channel, queue: str, ack: bool = True) -> list:
    taken = []
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=ack)
        if method is None:
            return taken
        taken.append((properties, body))
