#!/usr/bin/env python3
"""Berth beside nginx and Caddy over the same sites, in one go: what it costs to serve them, and what Berth needs for it.

   bench/edge/run.py BERTH [--beside BERTH] [--sites N] [--rounds N] [--dur SECONDS] [--cases a,b] [--keep]

Makes the corpus where it is not there ($CORPUS, target/bench/corpus), starts nginx, Caddy and Berth pinned on
SERVER_CPU (0), deploys the corpus with `berth deploy --each`, and runs bench.py, whose load is on LOAD_CPU (1). Prints the
ruler's lines, then a table with the targets. With --beside another Berth (an older one, say) serves the same sites and is
asked in the same rounds. Needs nginx with brotli_static, caddy, wrk, brotli, taskset, python3.
What it starts it stops; its directory ($RUN, target/bench/run) is removed at the end unless --keep."""
import argparse, http.client, json, os, pathlib, shutil, signal, subprocess, sys, time, urllib.error, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
BENCH = HERE.parent.parent / "target/bench"
CORPUS = pathlib.Path(os.environ.setdefault("CORPUS", str(BENCH / "corpus")))
RUN = pathlib.Path(os.environ.setdefault("RUN", str(BENCH / "run")))
SERVER_CPU = os.environ.get("SERVER_CPU", "0")
# case, connections, least ratio of requests to nginx, most ratio of server CPU per request.
TARGETS = [
    ("html3k", 64, 1.25, 0.80), ("br20k", 64, 1.25, 0.80), ("mix2000", 64, 1.25, 0.80), ("img200k", 64, 1.00, 1.05),
    ("304", 64, 1.15, 0.90), ("spa", 64, 1.35, 0.75), ("hosts10k", 64, 1.35, 0.75), ("big50m", 4, 1.00, 1.20),
    ("html3k", 1, 1.05, 1.00), ("html3k", 256, 1.20, 0.85),
]


class Berth:
    """One Berth, with SQLite and directories of its own."""

    def __init__(self, binary, name="berth", port=8103):
        self.binary, self.process = str(pathlib.Path(binary).resolve()), None
        self.name, self.port, self.url, self.directory = name, port, f"http://127.0.0.1:{port}", RUN / name
        self.directory.mkdir()
        self.settings = {
            "BASE_DOMAIN": "bench.test", "BERTH_PUBLIC_URL": self.url, "BERTH_LISTEN": f"127.0.0.1:{port}",
            "BERTH_DATA_DIR": str(self.directory / "data"), "BERTH_DEPLOYMENTS_DIR": str(self.directory / "deployments"),
            "DOCKER_HOST": f"unix://{RUN}/no-docker.sock",
        }

    def peer(self):
        """As bench.py takes it."""
        return f"{self.name}=127.0.0.1:{self.port}:{self.process.pid}"

    def start(self):
        """Milliseconds until it is ready: its control plane, with every site."""
        since, log = time.perf_counter(), open(self.directory / "berth.log", "a")
        command = ["taskset", "-c", SERVER_CPU, self.binary]
        environment = {**os.environ, **self.settings}
        # A session of its own: kernels share out time by session, and a server is not part of ours.
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        while True:
            try:
                if self.ask("GET", "/api", wait=0.5) is not None:
                    return (time.perf_counter() - since) * 1e3
            except (OSError, urllib.error.HTTPError):
                pass
            if self.process.poll() is not None or time.perf_counter() - since > 60:
                sys.exit(f"Berth did not start; see {self.directory}/berth.log")
            time.sleep(0.002)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def ask(self, method, path, body=None, token=None, wait=30):
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=wait) as answer:
            return json.load(answer)

    def token(self):
        """An API token of a first administrator."""
        setup = (self.directory / "data/setup-token").read_text().strip()
        account = {"setupToken": setup, "login": "admin", "password": "a password of the benchmark"}
        session = self.ask("POST", "/api/v1/setup", account)["token"]
        return self.ask("POST", "/api/v1/tokens", {"name": "bench"}, session)["token"]

    def deploy(self, token):
        environment = {**os.environ, "BERTH_URL": self.url, "BERTH_TOKEN": token}
        since = time.perf_counter()
        subprocess.run([self.binary, "deploy", "--each", str(CORPUS / "sites"), "--quiet", "--json"], env=environment,
                       stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - since

    def touch(self):
        """Asks for every file of every small site."""
        manifest = json.loads((CORPUS / "manifest.json").read_text())
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        for path in manifest["tenant_files"]:
            for number in range(manifest["sites"]):
                connection.request("GET", path.replace("/index.html", "/"), headers={"Host": f"s{number:05d}.bench.test"})
                connection.getresponse().read()

    def resident(self, quiet=12):
        time.sleep(quiet)
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def servers(*arguments):
    subprocess.run([HERE / "servers.py", *arguments], check=True)


def measure(berths, cases, conns, options, name):
    peers = ["nginx=127.0.0.1:8101", "caddy=127.0.0.1:8102", *(berth.peer() for berth in berths)]
    result = RUN / f"{name}.json"
    command = [HERE / "bench.py", "--cases", ",".join(cases), "--conns", conns, "--rounds", str(options.rounds),
               "--dur", str(options.dur), "--json", str(result), *peers]
    subprocess.run(command, check=True)
    return json.loads(result.read_text())


def table(results):
    print("\n| case | connections | req/s to nginx | target | CPU a request to nginx | target | Caddy req/s to nginx |")
    print("|---|---|---|---|---|---|---|")
    number = lambda value: "-" if value is None else f"{value:.2f}"
    for case, conns, ratio, cpu in TARGETS:
        rows = {row["peer"]: row for row in results if row["case"] == case and row["conns"] == conns}
        if "berth" not in rows:
            continue
        ours, caddy = rows["berth"], rows.get("caddy", {})
        print(f"| {case} | {conns} | {number(ours['ratio'])} | ≥ {ratio:.2f} | {number(ours['cpu_ratio'])} | ≤ {cpu:.2f} "
              f"| {number(caddy.get('ratio'))} |")
    older = {(row["case"], row["conns"]): row for row in results if row["peer"] == "beside"}
    if older:
        print("\n| case | connections | req/s to the other Berth | CPU a request to the other Berth |\n|---|---|---|---|")
    for row in results:
        other = older.get((row["case"], row["conns"]))
        if other and row["peer"] == "berth":
            of = lambda key: row[key] / other[key] if row[key] and other[key] else None
            print(f"| {row['case']} | {row['conns']} | {number(of('ratio'))} | {number(of('cpu_ratio'))} |")
    noisy = [row for row in results if row["peer"] == "nginx" and row["case"] == "html3k" and row["conns"] == 64]
    if noisy and noisy[0]["wrk"] < 60:
        print("\nThe machine was busy (the load had less than 60 % of its core): only the least CPU a request means anything.")
        for row in results:
            if row["peer"] == "berth":
                print(f"  {row['case']:9} {row['conns']:4}  {number(row['cpu_min_ratio'])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("berth"), parser.add_argument("--beside")
    parser.add_argument("--sites", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5), parser.add_argument("--dur", type=int, default=2)
    parser.add_argument("--cases"), parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    if RUN.exists():
        sys.exit(f"{RUN} is there already: of a run that goes on, or was kept; remove it, or name another with RUN=")
    CORPUS.mkdir(parents=True, exist_ok=True), RUN.mkdir(parents=True)
    berth, other, began = Berth(options.berth), None, []
    try:
        subprocess.run([HERE / "make_corpus.sh", CORPUS, str(options.sites)], check=True)
        berth.start()
        print(f"idle, no site: {berth.resident():.1f} MiB (target 20)")
        took = berth.deploy(berth.token())
        berth.stop()
        starts = [berth.start()]
        for _ in range(2):
            berth.stop(), starts.append(berth.start())
        print(f"{options.sites} sites: deployed in {took:.0f} s, start to ready {sorted(starts)[1]:.0f} ms (target 500), "
              f"loaded {berth.resident():.1f} MiB (target 64)")
        if options.beside:
            other = Berth(options.beside, "beside", 8104)
            other.start()
            other.deploy(other.token())
        berths = [berth, other] if other else [berth]
        began = ["nginx", "caddy"]
        servers("up", *began)
        wanted = options.cases.split(",") if options.cases else None
        cases = [case for case, conns, *_ in TARGETS if conns in (64, 4) and (not wanted or case in wanted)]
        results = measure(berths, cases, "64", options, "cases")
        if not wanted or "html3k" in wanted:
            results += measure(berths, ["html3k"], "1,256", options, "connections")
        berth.touch()
        print(f"every site touched: {berth.resident(1):.1f} MiB (target 96)")
        table(results)
    except subprocess.CalledProcessError as failed:
        sys.exit(f"{failed.cmd[0]} failed")
    finally:
        berth.stop()
        if other:
            other.stop()
        if began:
            servers("down", *began)
        if not options.keep:
            shutil.rmtree(RUN)


if __name__ == "__main__":
    main()
