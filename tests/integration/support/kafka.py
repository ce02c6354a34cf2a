"""A real Apache Kafka of one or more nodes on loopback, each node one JVM with a small heap, ended by its process id.

Every node has a listener of each kind (plain, TLS, and SASL over both), so that one cluster serves all tests. Nobody in particular
(no SASL, no certificate) may do everything, as may the user "lightbox"; the user "stranger" may do what ACLs allow.
"""

import base64
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import uuid

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from . import kafka_log
from .certificates import Certificates
from .disk import Disk
from .process import DEADLINE_S, Managed, eventually, free_port, leave_with_parent

ROOT = pathlib.Path(__file__).resolve().parents[3]
JAVA = shutil.which("java")
VERSIONS = ("3.9", "4")
PASSWORDS = {"lightbox": "lightbox-secret", "stranger": "stranger-secret"}
LISTENERS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
LOGGING = {"3.9": "-Dlog4j.configuration=file:{}/log4j.properties", "4": "-Dlog4j2.configurationFile={}/log4j2.properties"}
SMALL = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
SCRAM = [f"SCRAM-SHA-{bits}=[name={user},password={password}]" for bits in (256, 512) for user, password in PASSWORDS.items()]

SETTINGS = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT," + ",".join(f"{name}:{name}" for name in LISTENERS),
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:lightbox",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "ssl.keystore.type": "PEM",
    "ssl.truststore.type": "PEM",
    "ssl.client.auth": "requested",
    "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
    # Small, and quick to notice that a node has gone.
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.num.partitions": 1,
    "log.cleaner.dedupe.buffer.size": 8 << 20,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "broker.heartbeat.interval.ms": 500,
    "broker.session.timeout.ms": 6000,
}


def jars(version):
    """Where ./dev setup puts the broker that tests/kafka/VERSION/pom.xml names."""
    return ROOT / ".cache" / "kafka" / version


@functools.cache
def library_version():
    """Of the librdkafka that Debian has, which the server is linked with: (2, 0, 2)."""
    done = subprocess.run(["kcat", "-V"], capture_output=True, text=True)
    return tuple(int(part) for part in re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr).groups())


def scram_is_understood(version):
    """librdkafka before 2.6.1 says its half of the nonce twice; brokers from 4.0 refuse that (its pull request 4895)."""
    return version == "3.9" or library_version() >= (2, 6, 1)


class Node:
    """One broker and controller. Its ports and data stay the same over kill and start."""

    def __init__(self, cluster, number, disk_megabytes=None):
        self.cluster, self.number = cluster, number
        self.folder = cluster.folder / f"node-{number}"
        self.folder.mkdir(parents=True)
        self.ports = {name: free_port() for name in (*LISTENERS, "CONTROLLER")}
        self.disk = Disk(self.folder / "data", disk_megabytes) if disk_megabytes else None
        self.process = None

    def java(self, *words):
        logging = LOGGING[self.cluster.version].format(ROOT / "tests" / "kafka" / self.cluster.version)
        inside = self.disk.inside if self.disk else []
        return [*leave_with_parent(), *inside, JAVA, *SMALL, logging, "-cp", f"{jars(self.cluster.version)}/*", *words]

    def configure(self):
        certificates = self.cluster.certificates
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items())
        settings = {**SETTINGS, **sasl_settings(),
                    "node.id": self.number,
                    "listeners": listeners,
                    "advertised.listeners": listeners.rpartition(",CONTROLLER")[0],
                    "controller.quorum.voters": self.cluster.voters(),
                    "log.dirs": self.folder / "data",
                    "ssl.keystore.location": certificates.pair("broker"),
                    "ssl.truststore.location": certificates.authority,
                    **self.cluster.settings}
        (self.folder / "server.properties").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def format(self):
        """A process that writes the cluster's identity and the SCRAM users into the empty log folder."""
        scram = [word for credential in SCRAM for word in ("--add-scram", credential)]
        return Managed(self.java("kafka.tools.StorageTool", "format", "-t", self.cluster.id, "-c", self.folder / "server.properties", *scram),
                       self.folder / "format.log")

    def start(self):
        self.process = Managed(self.java("kafka.Kafka", self.folder / "server.properties"), self.folder / "log", cwd=self.folder)

    def running(self):
        return self.process is not None and self.process.running()

    def kill(self):
        self.process.kill()

    def suspend(self):
        """SIGSTOP: connections stay, nothing answers."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def close(self):
        if self.process:
            self.process.kill()
        if self.disk:
            self.disk.close()


def sasl_settings():
    """Who may log in, and how, at the two listeners that ask."""
    users = " ".join(f'user_{user}="{password}"' for user, password in PASSWORDS.items())
    modules = {"plain": f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};",
               "scram-sha-256": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
               "scram-sha-512": "org.apache.kafka.common.security.scram.ScramLoginModule required;"}
    return {f"listener.name.{listener}.{mechanism}.sasl.jaas.config": module
            for listener in ("sasl_plaintext", "sasl_ssl") for mechanism, module in modules.items()}


class Kafka:
    """A cluster. settings: more lines for server.properties; disk_megabytes: each node's data on a small disk of its own."""

    def __init__(self, folder, version="4", nodes=1, settings=None, disk_megabytes=None):
        self.folder, self.version = pathlib.Path(folder), version
        self.folder.mkdir(parents=True, exist_ok=True)
        self.id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)  # no option of the tool
        self.certificates = Certificates(self.folder / "tls")
        replicas, in_sync = min(nodes, 3), min(nodes, 2)
        self.settings = {"offsets.topic.replication.factor": replicas, "transaction.state.log.replication.factor": replicas,
                         "transaction.state.log.min.isr": in_sync, "default.replication.factor": replicas,
                         "min.insync.replicas": in_sync, **(settings or {})}
        self.nodes = [Node(self, number, disk_megabytes) for number in range(1, nodes + 1)]

    # --- life ---

    def start(self):
        for node in self.nodes:
            node.configure()
        for formatting in [node.format() for node in self.nodes]:
            assert formatting.process.wait() == 0, formatting.output()
        for node in self.nodes:
            node.start()
        self.wait()
        return self

    def wait(self, nodes=None):
        """Until that many nodes (all, unless said) are in the cluster."""
        def complete():
            for node in self.nodes:
                assert nodes is not None or node.process.require_running() is None
            try:
                return len(self.admin.list_topics(timeout=5).brokers) == (nodes or len(self.nodes))
            except KafkaException:
                return False
        eventually(complete, f"Kafka {self.version} of {len(self.nodes)}")

    def close(self):
        for node in self.nodes:
            node.close()

    def voters(self):
        return ",".join(f"{node.number}@127.0.0.1:{node.ports['CONTROLLER']}" for node in self.nodes)

    # --- clients ---

    def brokers(self, listener="PLAINTEXT"):
        return ",".join(f"127.0.0.1:{node.ports[listener]}" for node in self.nodes)

    def client(self, listener="PLAINTEXT", mechanism="SCRAM-SHA-512", user="lightbox", certificate=None):
        """Settings of librdkafka for a client at that listener."""
        settings = {"bootstrap.servers": self.brokers(listener), "security.protocol": listener, "log_level": 0}
        if listener.startswith("SASL"):
            settings |= {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": PASSWORDS[user]}
        if listener.endswith("SSL"):
            settings["ssl.ca.location"] = str(self.certificates.authority)
        if certificate:
            settings |= {"ssl.certificate.location": str(self.certificates.certificate(certificate)),
                         "ssl.key.location": str(self.certificates.key(certificate))}
        return settings

    @functools.cached_property
    def admin(self):
        """Kept, because its answers need it alive."""
        return AdminClient(self.client())

    def create_topic(self, name, partitions=3, replicas=1, **config):
        self.admin.create_topics([NewTopic(name, partitions, replicas, config=config)])[name].result(DEADLINE_S)
        return name

    def run(self, *words):
        """One of the broker's own Java programs, to its end; what it printed."""
        done = subprocess.run([str(word) for word in self.nodes[0].java(*words)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self, topics, **client):
        """All records of some topics, from the first on, as they come."""
        return kafka_log.KafkaLog(self.client(**client), topics)
