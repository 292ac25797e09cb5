#!/usr/bin/python3
"""Runs every command that README.md, docs/getting-started.md and docs/operating.md show, on simulated frames and a
private RabbitMQ. A command that cannot run here stands in ELSEWHERE with the test that runs it. What is shown and
neither runs nor stands there is an error, and so is a flag that the program does not know.

Usage: scripts/check-docs.py PROGRAM      the blocks marked "tested" are check-docs.sh's
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parent.parent
PAGES = ["README.md", "docs/getting-started.md", "docs/operating.md"]
FIRST_WORDS = re.compile(
    r"^(tilecompile|scripts/\S+|docker\S*|sudo|rabbitmq\S*|systemctl|install|openssl|cp|mkdir|apt|alias|night|main|port=\S*|scp|printf)\s")
# What cannot run here: words that begin a command or stand in it, the file that runs it, words that stand there.
ELSEWHERE = [
    ("scripts/demo.sh", "scripts/demo.sh", "digest"),  # builds the program, and compares by itself
    ("scripts/test.sh", "scripts/test.sh", "ctest"),
    ("main --profile s3 up", "scripts/test-docker.sh", "main_server --profile s3 up"),
    ("main run --rm join", "scripts/test-docker.sh", "main_server run --rm -T join"),
    ("main exec -T rabbitmq sh", "scripts/test-docker.sh", "main_server exec -T rabbitmq sh"),
    ("docker run -d --name barn", "scripts/test-docker.sh", "docker run -d --name barn"),
    ("--join-file", "tests/system/join_test.cpp", "--join-file"),
    ("tilecompile worker barn.yaml", "tests/system/join_test.cpp", "HandWorker worker"),
    ("cat tilecompile-secrets/broker.yaml", "tests/system/join_test.cpp", "broker.yaml"),
    ("scp barn.yaml", "tests/system/join_test.cpp", "barn-1.yaml"),
    ("install -d -o rabbitmq", "tests/system/join_test.cpp", "rabbitmq.conf"),
    ("systemctl restart rabbitmq-server", "tests/system/join_test.cpp", "PrivateBroker broker(conf)"),
    ("rabbitmqctl import_definitions tilecompile-secrets", "tests/system/join_test.cpp", "import_definitions"),
    ("cp docker/", "scripts/test-docker.sh", "docker/compose.worker.yaml"),
    ("mkdir -p /data/pictures", "scripts/test-docker.sh", "docker/compose.yaml"),
    ("alias night=", "scripts/test-docker.sh", "docker/compose.yaml"),
    ("night ", "scripts/test-docker.sh", "docker/compose.yaml"),
    ("alias main=", "scripts/test-docker.sh", "docker/compose.main.yaml"),
    ("main ", "scripts/test-docker.sh", "docker/compose.main.yaml"),
    ("docker", "scripts/test-docker.sh", "make-secrets.sh"),
    ("sudo install -d", "scripts/test-docker.sh", "make-secrets.sh"),
    ("install -o tilecompile", "scripts/docker/systemd-host.sh", "/etc/tilecompile/worker.yaml"),
    ("systemctl enable --now tilecompile-worker", "scripts/docker/systemd-host.sh", "systemctl enable --now"),
    ("systemctl start --no-block tilecompile-master@", "scripts/docker/systemd-host.sh", "systemctl start --no-block"),
    ("systemctl stop rabbitmq-server && mv", "tests/upgrade/upgrade_test.py", "export_definitions"),
]
# Commands that end otherwise than with 0 or 3 in a run without that trouble.
ENDS = {"dlq show": 2, "dlq retry": 2}
LAST_RUN = "$(basename \"$(readlink -f out/latest)\")"


def joined_lines(lines):
    line = ""
    for part in lines:
        line += part.rstrip()
        if line.endswith("\\"):
            line = line[:-1] + " "
            continue
        yield line
        line = ""


def blocks(text):
    """Indented blocks, dedented; fenced ones are left to check-docs.sh when they are marked."""
    block, fenced = [], False
    before = ""
    for line in text.splitlines() + [""]:
        if line.startswith("```"):
            fenced = not fenced
            continue
        indented = re.match(r"^( {7}| {4})(?=\S)", line)
        if not fenced and indented and (block or before.strip() == ""):
            block.append(line[indented.end():])
            continue
        if not fenced and block and line.startswith("      "):  # a continued command
            block.append(line.strip())
            continue
        if block:
            yield block
        block, before = [], line


def commands():
    """(page, lines of a shell, as they are run together): those of a block that loops, or one line each."""
    for page in PAGES:
        text = (SOURCE / page).read_text()
        for block in blocks(text):
            shown = [re.sub(r"\s+#\s.*", "", line).strip() for line in joined_lines(block)]
            shown = [line for line in shown if line and not line.startswith("#")]
            if any(line.startswith(("for ", "port=", "openssl req")) for line in shown):
                yield page, "\n".join(shown)
            elif any(FIRST_WORDS.match(line + " ") for line in shown):
                yield from ((page, line) for line in shown)
        for line in re.findall(r"^\| [0-9]+ \| (.*?) \|", text, re.M):
            yield from ((page, shown) for shown in re.findall("`([^`]+)`", line) if FIRST_WORDS.match(shown))
        yield from ((page, shown) for shown in re.findall(r"`(tilecompile simulate [^`]+)`", text) if "--" in shown)


def elsewhere(command):
    for words, where, mark in ELSEWHERE:
        if command.startswith(words) or words.startswith("--") and words in command:
            if mark not in (SOURCE / where).read_text():
                sys.exit(f"check-docs: {where} should run '{words}', but does not know '{mark}'")
            return True
    return False


def variants(command):
    """Without what stands in brackets, and with all of it; every ending that is offered."""
    if "[" not in command or command.startswith(("for ", "port=")):
        return [command]
    bare = re.sub(r"\s*\[[^]]*\]", "", command)
    full = re.sub(r"\[([^]]*)\]", r"\1", command)
    endings = re.search(r"PICTURE((?:\|?\.\w+)+)", full)
    if not endings:
        return [bare, full]
    return [bare] + [full.replace(endings[0], "picture" + end) for end in endings[1].split("|")]


class Scene:
    def __init__(self, folder, program):
        self.folder, self.program = folder, program
        self.background = []
        (folder / "bin").mkdir()
        (folder / "bin/tilecompile").symlink_to(program)
        ctl = folder / "bin/rabbitmqctl"
        ctl.write_text(f'#!/bin/sh\nexec "{SOURCE}/scripts/private-broker.sh" ctl "{folder}/broker" "$@"\n')
        ctl.chmod(0o755)
        (folder / "scripts").symlink_to(SOURCE / "scripts")
        for made in ("etc", "root", "run"):
            (folder / made).mkdir()
        self.environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "PRIVATE_BROKER_OWNER": str(os.getpid()),
                            "TILECOMPILE_PAGE_TOKEN": "docs", "HOME": str(folder)}
        self.port = self.shell("scripts/private-broker.sh start broker").stdout.strip()
        night = "--frames 16 --width 560 --height 400 --seed 3 --quiet"
        self.shell(f"tilecompile simulate FOLDER --raw {night} && tilecompile simulate sim --stars 300 {night}")
        broker = f"broker: {{port: {self.port}}}\n"
        (folder / "run.yaml").write_text("input: {dir: sim/frames}\n" + broker)
        deep_sky = (SOURCE / "config/deep-sky.yaml").read_text()
        (folder / "deep-sky.yaml").write_text(re.sub(r"(?m)^  dir: .*", "  dir: sim/frames", deep_sky, count=1) + broker)
        (folder / "worker.yaml").write_text(f"input: {{dir: {folder}/sim/frames}}\nstorage: {{root: {folder}/out}}\n" + broker)
        self.shell("mkdir out")
        self.start("tilecompile worker worker.yaml --observability.health_file run/health", "run/health")

    def shell(self, text, ends=(0, 3)):
        done = subprocess.run(["bash", "-e", "-c", text], cwd=self.folder, env=self.environment, text=True, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode not in ends:
            sys.exit(f"check-docs: '{text}' ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def start(self, text, appears):
        program = subprocess.Popen(["bash", "-c", "exec " + text], cwd=self.folder, env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=(self.folder / "background.log").open("a"))
        self.background.append(program)
        self.wait(appears, program)
        return program

    def wait(self, appears, program):
        end = time.monotonic() + 60
        while not list(self.folder.glob(appears)):
            if program.poll() is not None or time.monotonic() > end:
                sys.exit("check-docs: " + (self.folder / "background.log").read_text()[-2000:])
            time.sleep(0.1)

    def run(self, command):
        """As a reader would, with the places and names of this scene."""
        for shown, here in (("/etc/tilecompile/secrets", "etc/secrets"), ("/etc/tilecompile", "etc"), ("/run/tilecompile-worker", "run"),
                            ("/run/tilecompile", "run"), ("/data/runs", "out"), ("/tmp/my-broker", "my-broker"), ("/root/", "root/"),
                            ("RUN_ID:TILE_ID", "6666:17"), ("--channel 1", "--channel 0"), ("RUN_ID", LAST_RUN), (" FILE", " out/latest/stacked.fit"), (" PX", " 300"),
                            ("0.0.0.0:8766", "127.0.0.1:0"), ("--page", "--page 127.0.0.1:0")):
            command = command.replace(shown, here)
        if command.startswith("tilecompile simulate"):  # it writes into empty folders only
            shutil.rmtree(self.folder / "night", ignore_errors=True)
        if command.startswith("tilecompile worker"):
            program = self.start(command + " --observability.health_file run/other", "run/other")
            program.send_signal(signal.SIGTERM)
            if program.wait(30) != 128 + signal.SIGTERM:
                sys.exit(f"check-docs: '{command}' ended with {program.returncode}")
            return
        if command.startswith("tilecompile report") and "--page" in command:  # serves until Ctrl-C
            self.serve(command)
            return
        if "--resume latest" in command:
            self.interrupt()
        ends = next((code for words, code in ENDS.items() if command.startswith("tilecompile " + words)), None)
        self.shell(command, (0, 3) if ends is None else (ends,))

    def serve(self, command):
        said = self.folder / "served.log"
        with said.open("w") as log:
            program = subprocess.Popen(["bash", "-c", "exec " + command], cwd=self.folder, env=self.environment,
                                       stdout=log, stderr=subprocess.STDOUT)
        self.background.append(program)
        end = time.monotonic() + 60
        while not (page := re.search(r"page=(http://\S+)", said.read_text())):
            if program.poll() is not None or time.monotonic() > end:
                sys.exit(f"check-docs: '{command}' shows no page\n{said.read_text()[-2000:]}")
            time.sleep(0.1)
        with urllib.request.urlopen(page[1], timeout=60) as answer:
            if b"</html>" not in answer.read():
                sys.exit(f"check-docs: '{command}' shows no whole page")
        program.send_signal(signal.SIGINT)
        if program.wait(30) not in (0, 128 + signal.SIGINT):
            sys.exit(f"check-docs: '{command}' ended with {program.returncode}")

    def interrupt(self):
        for journal in self.folder.glob("out/*/journal.jsonl"):
            journal.with_name("seen").touch()
        program = subprocess.Popen(["bin/tilecompile", "run", "run.yaml", "--threads", "1", "--quiet"], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not [j for j in self.folder.glob("out/*/journal.jsonl") if not j.is_symlink() and not j.with_name("seen").exists() and j.stat().st_size > 0]:
            if program.poll() is not None or time.monotonic() > end:
                break
            time.sleep(0.01)
        program.send_signal(signal.SIGINT)
        if program.wait(30) != 128 + signal.SIGINT:
            sys.exit(f"check-docs: the run that should be resumed ended with {program.returncode}")

    def close(self):
        for program in self.background:
            if program.poll() is None:
                program.terminate()
                program.wait(30)
        subprocess.run(["scripts/private-broker.sh", "stop", "broker"], cwd=self.folder, env=self.environment, check=False)


SIGNED_TEXTS = {"message", "key"}  # docs/protocol.md: how texts begin that are signed


def unknown_flags(program):
    """Inline commands: the command is one, and its flags are the program's."""
    helps = {}
    for page in sorted(SOURCE.glob("docs/*.md")) + [SOURCE / "README.md"]:
        for shown in re.findall(r"`tilecompile ([a-z]+(?: [^`]*)?)`", page.read_text()):
            words = shown.split()
            if words[0] in SIGNED_TEXTS:
                continue
            name = " ".join(words[:2]) if words[0] == "dlq" and len(words) > 1 and words[1].isalpha() else words[0]
            if name not in helps:
                asked = subprocess.run([program, *name.split(), "--help"], capture_output=True, text=True, check=False)
                helps[name] = asked.stdout if asked.returncode == 0 else None
            if helps[name] is None:
                yield f"{page.name}: there is no command 'tilecompile {name}'"
                continue
            for flag in re.findall(r"(?<![\w-])--[a-z][\w.-]*", shown):
                if flag not in helps[name] and flag != "--help":
                    yield f"{page.name}: 'tilecompile {name}' has no flag {flag}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[1]).resolve()
    if not pathlib.Path("/usr/sbin/rabbitmqctl").exists():
        print("check-docs: SKIPPED: no RabbitMQ: apt-get install rabbitmq-server", file=sys.stderr)
        return 77
    wrong = list(unknown_flags(program))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tilecompile-docs."))
    scene = None
    ran = told = 0
    try:
        scene = Scene(folder, program)
        for page, command in commands():
            if elsewhere(command):
                told += 1
            elif "engine=siril" in command and shutil.which("siril-cli") is None:
                print(f"check-docs: SKIPPED, no siril-cli: {command}")
            else:
                began = time.monotonic()
                for variant in variants(command):
                    scene.run(variant)
                ran += 1
                print(f"check-docs: {page}: {time.monotonic() - began:.1f} s  {command.splitlines()[0]}", flush=True)
    finally:
        if scene:
            scene.close()
        shutil.rmtree(folder, ignore_errors=True)
    for text in wrong:
        print("check-docs:", text, file=sys.stderr)
    print(f"check-docs: {ran} commands work, {told} more are run by the tests that they are known to")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
