"""What stands in Kafka's topics, read as anybody's consumer would: every partition from its first record on."""

import collections

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from .process import DEADLINE_S, eventually

Record = collections.namedtuple("Record", "topic partition offset timestamp_ms key headers value")


class KafkaLog:
    """Records of some topics, in the order of each partition. No group: it disturbs no one and forgets nothing."""

    def __init__(self, client, topics):
        self.records = []
        self.consumer = Consumer({**client, "group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True,
                                  "isolation.level": "read_committed"})
        self.topics = [topics] if isinstance(topics, str) else list(topics)
        self.reached = {}  # (topic, partition) -> offset up to which it was read
        self.consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)
                              for topic in self.topics for partition in self.partitions(topic)])

    def partitions(self, topic):
        found = self.consumer.list_topics(topic, timeout=DEADLINE_S).topics[topic]
        if found.error:
            raise KafkaException(found.error)
        return found.partitions

    def poll(self, timeout_s=0.2):
        """Take what came; the records so far."""
        for message in self.consumer.consume(num_messages=1000, timeout=timeout_s):
            error = message.error()
            if error is None:
                self.records.append(record_of(message))
                self.reached[message.topic(), message.partition()] = message.offset() + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self.reached[message.topic(), message.partition()] = message.offset()
            elif not error.retriable() and error.code() not in PASSING:
                raise KafkaException(error)
        return self.records

    def until(self, condition, what, deadline_s=DEADLINE_S):
        """Poll until condition(records); the records."""
        eventually(lambda: condition(self.poll()), what, deadline_s)
        return self.records

    def wait(self, count, deadline_s=DEADLINE_S):
        """Until there are that many records."""
        return self.until(lambda records: len(records) >= count, f"{count} records in {self.topics}", deadline_s)

    def all(self):
        """Every record up to what is the end of each partition now."""
        ends = {}
        for place in self.consumer.assignment():
            first, end = eventually(lambda place=place: self.bounds(place), f"the leader of {place.topic}")
            if end > first:
                ends[place.topic, place.partition] = end
        eventually(lambda: self.poll() is not None and all(self.reached.get(place, 0) >= end for place, end in ends.items()),
                   f"the end of {self.topics}")
        return self.records

    def bounds(self, place):
        """First and last offset; None while a partition has no leader yet."""
        try:
            return self.consumer.get_watermark_offsets(place, timeout=DEADLINE_S)
        except KafkaException as failure:
            if not failure.args[0].retriable() and failure.args[0].code() not in PASSING:
                raise
            return None

    def close(self):
        self.consumer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


PASSING = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT, KafkaError.LEADER_NOT_AVAILABLE,
           KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}


def record_of(message):
    headers = {name: None if value is None else value.decode() for name, value in message.headers() or ()}
    key = message.key()
    return Record(message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                  None if key is None else key.decode(), headers, message.value())
