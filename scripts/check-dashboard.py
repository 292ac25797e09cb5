#!/usr/bin/python3
"""Asks a real Prometheus every question of config/prometheus/tilecompile.dashboard.json and tilecompile.rules.yml about a
run with one worker. Every panel must have an answer while it goes on; every rule must be one that Prometheus understands,
over metrics that there are. Does not draw the dashboard: Grafana as a whole is not at hand. Its panels were drawn once, of a
run under way, by the components that Grafana publishes (@grafana/ui, @grafana/data), which is how gauges without an end and
colours without a threshold were found; that every panel has them is asked here.

Usage: scripts/check-dashboard.py PROGRAM      needs prometheus and promtool (apt-get install prometheus)
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parent.parent
DASHBOARD = SOURCE / "config/prometheus/tilecompile.dashboard.json"
RULES = SOURCE / "config/prometheus/tilecompile.rules.yml"


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()


def wait(true, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if true():
                return
        except OSError:
            pass
        time.sleep(0.2)
    sys.exit(f"check-dashboard: {what} does not come")


def hold_back(worker, questions):
    """Lets the worker run a fifth of the time, so that the run goes on until everything is asked, on any machine."""
    end = time.monotonic() + 120
    while questions and worker.poll() is None and time.monotonic() < end:
        worker.send_signal(signal.SIGSTOP)
        time.sleep(0.4)
        worker.send_signal(signal.SIGCONT)
        time.sleep(0.1)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not all(shutil.which(p) for p in ("prometheus", "promtool", "rabbitmqctl")):
        print("check-dashboard: SKIPPED: no prometheus or no RabbitMQ", file=sys.stderr)
        return 77
    program = str(pathlib.Path(sys.argv[1]).resolve())
    work = pathlib.Path(tempfile.mkdtemp(prefix="tilecompile-dashboard."))
    running = []
    environment = {**os.environ, "PRIVATE_BROKER_OWNER": str(os.getpid())}
    broker = [str(SOURCE / "scripts/private-broker.sh")]

    def start(*words):
        running.append(subprocess.Popen(words, cwd=work, env=environment, stdout=(work / "log").open("a"), stderr=subprocess.STDOUT))
        return running[-1]

    try:
        amqp = subprocess.run([*broker, "start", "broker"], cwd=work, env=environment, check=True, capture_output=True, text=True).stdout.strip()
        page, metrics, own = free_ports(3)
        subprocess.run([program, "simulate", "night", "--frames", "60", "--width", "900", "--height", "700", "--quiet"], cwd=work, check=True)
        (work / "out").mkdir()
        (work / "run.yaml").write_text(f"input: {{dir: night/frames}}\nparallel: {{batch: 1}}\ntile: {{min_size: 32, size_factor: 16}}\nprofile: recommended\nbroker: {{port: {amqp}}}\n")
        (work / "worker.yaml").write_text(f"input: {{dir: {work}/night/frames}}\nstorage: {{root: {work}/out}}\nparallel: {{threads: 1}}\nbroker: {{port: {amqp}}}\n")
        (work / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [" + str(RULES) + "]\nscrape_configs:\n" +
            "".join(f"  - {{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
                    for job, port in (("tilecompile-master", page), ("tilecompile-worker", metrics))))
        subprocess.run(["promtool", "check", "rules", str(RULES)], check=True)
        start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{own}")
        wait(lambda: "Ready" in get(f"http://127.0.0.1:{own}/-/ready"), "Prometheus")
        worker = start(program, "worker", "worker.yaml", "--metrics", f"127.0.0.1:{metrics}")
        wait(lambda: get(f"http://127.0.0.1:{metrics}/metrics"), "the worker")
        panels = {t["expr"]: p["title"] for p in json.loads(DASHBOARD.read_text())["panels"] for t in p.get("targets", [])}
        rules = re.findall(r"(?m)^\s+expr: (.*)$", RULES.read_text())
        open_questions, known = set(panels), set()
        master = start(program, "master", "run.yaml", "--page", f"127.0.0.1:{page}", "--quiet")
        threading.Thread(target=hold_back, args=(worker, open_questions), daemon=True).start()
        while master.poll() is None:
            for port in (page, metrics):
                try:
                    text = get(f"http://127.0.0.1:{port}/metrics")
                except OSError:
                    continue
                subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True, capture_output=True)
                known |= set(re.findall(r"(?m)^# TYPE (\S+)", text))
            for question in sorted(open_questions) + rules:
                try:
                    answer = json.loads(get(f"http://127.0.0.1:{own}/api/v1/query?" + urllib.parse.urlencode({"query": question})))
                except urllib.error.HTTPError as e:
                    sys.exit(f"check-dashboard: Prometheus does not understand '{question}': {e.read().decode()}")
                if answer["data"]["result"]:
                    open_questions.discard(question)
            time.sleep(0.5)
        if master.returncode not in (0, 3):
            sys.exit("check-dashboard: the run failed\n" + (work / "log").read_text()[-3000:])
        named = set(re.findall(r"\b(?:tilecompile|process)_\w+", " ".join([*panels, *rules])))
        wrong = [f"panel '{panels[q]}' has no answer: {q}" for q in sorted(open_questions)]
        wrong += [f"there is no metric {name}" for name in sorted(named - known)]
        for p in json.loads(DASHBOARD.read_text())["panels"]:
            needed = {"unit", "min", "thresholds"} | ({"max"} if p["type"] == "gauge" else set())
            if missing := needed - set(p["fieldConfig"]["defaults"]):
                wrong.append(f"panel '{p['title']}' does not say its {', '.join(sorted(missing))}")
        for text in wrong:
            print("check-dashboard:", text, file=sys.stderr)
        print(f"check-dashboard: {len(panels) - len(open_questions)} of {len(panels)} questions of the panels answered, "
              f"{len(rules)} rules understood, {len(named & known)} of {len(named)} metrics there")
        return 1 if wrong else 0
    finally:
        for process in running:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
        subprocess.run([*broker, "stop", "broker"], cwd=work, env=environment, check=False)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
