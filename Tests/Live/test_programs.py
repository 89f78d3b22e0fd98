"""Programs that nobody here wrote, under their own load generators: all threads named, nothing lost, accounts add up."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from harness import LiveTestCase, Tool, named, run, syscall, wait_until


class Programs(LiveTestCase):
    def setUp(self):
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="kdelay-live-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def spawn(self, *command, **options):
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **options)

        def stop():
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.addCleanup(stop)
        return process

    def check_threads(self, sample, pid):
        self.check_sample(sample)
        for entry in sample["threads"]:
            self.assertTrue(entry["comm"])
            comm = pathlib.Path(f"/proc/{pid}/task/{entry['tid']}/comm")
            if comm.exists():
                self.assertEqual(entry["comm"], comm.read_text().rstrip("\n"))
        alive = {int(t) for t in os.listdir(f"/proc/{pid}/task")}
        self.assertLessEqual(alive - {t["tid"] for t in sample["threads"]}, set())

    def test_redis_under_its_benchmark(self):
        port = 7391
        redis = self.spawn("redis-server", "--port", port, "--save", "", "--dir", self.directory, "--bind", "127.0.0.1")
        wait_until(lambda: subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True).stdout ==
                   b"PONG\n", "redis answers")
        tool = Tool("-p", redis.pid, "--sample-time", 100).wait_recording()
        requests = 20000
        subprocess.run(["redis-benchmark", "-p", str(port), "-n", str(requests), "-t", "get", "-c", "1", "-q"],
                       check=True, capture_output=True)
        sample = tool.finish(signal.SIGINT).sample
        self.check_threads(sample, redis.pid)
        main = named(sample, "redis-server")
        # One client without pipelining: a read and a write a request, and the benchmark's few questions of its own.
        self.assertGreaterEqual(syscall(main, "write")["count"], requests)
        self.assertLess(syscall(main, "write")["count"], requests + 50)
        self.assertGreaterEqual(syscall(main, "read")["count"], requests)

    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def start_postgresql(self, port):
        """Returns (run something as its user, how to call pgbench, how to call psql, the data directory)."""
        binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        os.chmod(self.directory, 0o777)

        def postgres(*command, **options):
            return subprocess.run([*self.as_postgres, *command], check=True, capture_output=True, text=True,
                                  cwd=self.directory, **options)
        data = f"{self.directory}/data"
        postgres(binaries / "initdb", "-D", data, "-A", "trust")
        postgres(binaries / "pg_ctl", "-D", data, "-w", "-l", f"{self.directory}/log", "-o",
                 f"-p {port} -k {self.directory} -c listen_addresses=", "start")
        self.addCleanup(postgres, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        where = ["-h", self.directory, "-p", port, "postgres"]
        return postgres, [binaries / "pgbench", *where], ["psql", "-qAtX", *where], data

    def test_postgresqls_own_probes_are_as_many_as_pgbench_counts_statements(self):
        postgres, bench, psql, _ = self.start_postgresql("7393")
        script = pathlib.Path(self.directory, "script")
        # The first statement waits until the tool is there: its begin has passed by then.
        script.write_text("SELECT pg_advisory_xact_lock_shared(7);\nSELECT sum(i) FROM generate_series(1, 100) i;\n")
        transactions = 1000
        with subprocess.Popen([*self.as_postgres, *psql], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as gate:
            gate.stdin.write("SELECT pg_advisory_lock(7);\n\\echo locked\n")
            gate.stdin.flush()
            while "locked" not in gate.stdout.readline():
                pass
            load = subprocess.Popen([*self.as_postgres, *bench, "-n", "-f", script, "-t", str(transactions)],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory'"
            backend = wait_until(lambda: postgres(*psql, "-c", waiting).stdout.strip(), "pgbench waits")
            tool = Tool("-p", backend, "--start-trigger", "u:postgresql:query__start", "--stop-trigger",
                        "u:postgresql:query__done", "--sample-count", 10 * transactions).wait_recording()
            gate.stdin.write("SELECT pg_advisory_unlock(7);\n")
            gate.stdin.close()
            said = load.communicate(timeout=60)[0]
        self.assertIn(f"number of transactions actually processed: {transactions}/{transactions}", said)
        samples = tool.finish().samples
        self.assertEqual(len(samples), 2 * transactions - 1)
        for sample in samples:
            self.check_sample(sample)
            self.assertEqual(len(sample["threads"]), 1)
            self.assertEqual(sample["loss"]["missed_triggers"], 0)

    def test_postgresql_under_pgbench(self):
        postgres, bench, psql, data = self.start_postgresql("7392")
        postgres(*bench, "-i", "-q", "-s", "1")
        load = subprocess.Popen([*self.as_postgres, *bench, "-T", "4", "-c", "1"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
        def lasting_backend():
            # pgbench first asks a few questions over a connection of its own, which it closes again.
            found = subprocess.run(["pgrep", "-f", "postgres: postgres postgres .*(BEGIN|UPDATE|COMMIT|idle)"],
                                   capture_output=True, text=True).stdout.split()
            time.sleep(0.3)
            return [pid for pid in found if os.path.exists(f"/proc/{pid}")]
        backend = wait_until(lasting_backend, "a backend runs")[0]
        postmaster = pathlib.Path(data, "postmaster.pid").read_text().split("\n")[0]
        checkpointer = subprocess.run(["pgrep", "-P", postmaster, "-f", "checkpointer"], capture_output=True, text=True,
                                      check=True).stdout.strip()
        tools = [Tool("-p", pid, "--sample-time", 100).wait_recording() for pid in (backend, postmaster, checkpointer)]
        connections = 5
        for _ in range(connections):
            postgres(*psql, "-c", "CHECKPOINT")
        samples = [tool.finish(signal.SIGINT).sample for tool in tools]
        load.communicate(timeout=30)
        for sample in samples:
            self.check_sample(sample)
            # The postmaster forks a process for each connection: none of them is a thread of its own.
            (only,) = sample["threads"]
            self.assertEqual(only["comm"], "postgres")
            self.assertEqual(only["accounting"]["lifetime_ns"], sample["window"]["duration_ns"])
        served, accepted, checkpoints = (sample["threads"][0] for sample in samples)
        # A transaction writes its log to the disk and answers its client.
        self.assertGreater(syscall(served, "fdatasync")["count"], 10)
        self.assertGreater(syscall(served, "sendto")["count"], 50)
        forks = sum(syscall(accepted, name)["count"] for name in ("clone", "clone3", "fork"))
        self.assertGreaterEqual(forks, connections)
        self.assertEqual(sum(syscall(accepted, name)["count"] for name in ("accept", "accept4")), connections)
        written = sum(syscall(checkpoints, name)["count"] for name in ("fsync", "fdatasync", "sync_file_range"))
        self.assertGreaterEqual(written, connections)

    def test_ovs_vswitchd_is_found_by_itself(self):
        directory = self.directory
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        environment = dict(os.environ, OVS_RUNDIR=directory, OVS_DBDIR=directory, OVS_LOGDIR=directory)
        socket = f"unix:{directory}/db.sock"
        subprocess.run(["ovsdb-tool", "create", f"{directory}/conf.db", schema], check=True, env=environment)
        self.spawn("ovsdb-server", f"{directory}/conf.db", f"--remote=p{socket}", env=environment)
        wait_until(lambda: os.path.exists(f"{directory}/db.sock"), "ovsdb-server listens")
        vsctl = ["ovs-vsctl", f"--db={socket}", "--timeout=20"]
        subprocess.run([*vsctl, "--no-wait", "init"], check=True, env=environment)
        switch = self.spawn("ovs-vswitchd", socket, env=environment)
        subprocess.run([*vsctl, "add-br", "kdbr0", "--", "set", "bridge", "kdbr0", "datapath_type=netdev"], check=True,
                       env=environment)
        self.addCleanup(subprocess.run, ["ip", "netns", "del", "kdelay-live"], capture_output=True)
        for command in ("netns add kdelay-live", "link set kdbr0 netns kdelay-live",
                        "-n kdelay-live addr add 10.199.0.1/24 dev kdbr0", "-n kdelay-live link set kdbr0 up"):
            subprocess.run(["ip", *command.split()], check=True)
        tool = Tool("--sample-time", 100).wait_recording()
        # Nobody has that address: each ping is an ARP request that the switch floods and learns from.
        subprocess.run(["ip", "netns", "exec", "kdelay-live", "ping", "-c", "8", "-i", "0.2", "-W", "1", "10.199.0.2"],
                       capture_output=True)
        sample = tool.finish(signal.SIGINT).sample
        self.assertEqual(sample["target"]["pid"], switch.pid)
        self.check_threads(sample, switch.pid)
        self.assertEqual(sample["target"]["comm"], "ovs-vswitchd")
        main = named(sample, "ovs-vswitchd")
        self.assertGreater(syscall(main, "poll")["count"], 0)
        self.assertGreater(main["long_poll"]["count"], 0)
        self.assertGreater(len(sample["threads"]), 3)
