"""The public protobuf schema `io.prometheus.client`, as a descriptor of Python's protobuf runtime.

Field numbers and types are those of the specification's `metrics.proto`; nothing of the gateway's encoder is used.
"""

from collections.abc import Iterator

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.message import Message

PACKAGE = "io.prometheus.client"
TYPES = ["COUNTER", "GAUGE", "SUMMARY", "UNTYPED", "HISTOGRAM", "GAUGE_HISTOGRAM"]

# Message: (name, number, type, is repeated); a type with a capital letter is a message.
SCHEMA: dict[str, list[tuple[str, int, str, bool]]] = {
    "LabelPair": [("name", 1, "string", False), ("value", 2, "string", False)],
    "Gauge": [("value", 1, "double", False)],
    "Counter": [
        ("value", 1, "double", False),
        ("exemplar", 2, "Exemplar", False),
        ("created_timestamp", 3, "Timestamp", False),
    ],
    "Quantile": [("quantile", 1, "double", False), ("value", 2, "double", False)],
    "Summary": [
        ("sample_count", 1, "uint64", False),
        ("sample_sum", 2, "double", False),
        ("quantile", 3, "Quantile", True),
        ("created_timestamp", 4, "Timestamp", False),
    ],
    "Untyped": [("value", 1, "double", False)],
    "Histogram": [
        ("sample_count", 1, "uint64", False),
        ("sample_sum", 2, "double", False),
        ("bucket", 3, "Bucket", True),
        ("sample_count_float", 4, "double", False),
        ("schema", 5, "sint32", False),
        ("zero_threshold", 6, "double", False),
        ("zero_count", 7, "uint64", False),
        ("zero_count_float", 8, "double", False),
        ("negative_span", 9, "BucketSpan", True),
        ("negative_delta", 10, "sint64", True),
        ("negative_count", 11, "double", True),
        ("positive_span", 12, "BucketSpan", True),
        ("positive_delta", 13, "sint64", True),
        ("positive_count", 14, "double", True),
        ("created_timestamp", 15, "Timestamp", False),
        ("exemplars", 16, "Exemplar", True),
    ],
    "Bucket": [
        ("cumulative_count", 1, "uint64", False),
        ("upper_bound", 2, "double", False),
        ("exemplar", 3, "Exemplar", False),
        ("cumulative_count_float", 4, "double", False),
    ],
    "BucketSpan": [("offset", 1, "sint32", False), ("length", 2, "uint32", False)],
    "Exemplar": [
        ("label", 1, "LabelPair", True),
        ("value", 2, "double", False),
        ("timestamp", 3, "Timestamp", False),
    ],
    "Metric": [
        ("label", 1, "LabelPair", True),
        ("gauge", 2, "Gauge", False),
        ("counter", 3, "Counter", False),
        ("summary", 4, "Summary", False),
        ("untyped", 5, "Untyped", False),
        ("timestamp_ms", 6, "int64", False),
        ("histogram", 7, "Histogram", False),
    ],
    "MetricFamily": [
        ("name", 1, "string", False),
        ("help", 2, "string", False),
        ("type", 3, "MetricType", False),
        ("metric", 4, "Metric", True),
        ("unit", 5, "string", False),
    ],
}


def _family_class() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(
        name="io/prometheus/client/metrics.proto", package=PACKAGE, syntax="proto2"
    )
    file.dependency.append("google/protobuf/timestamp.proto")
    kinds = file.enum_type.add(name="MetricType")
    for number, name in enumerate(TYPES):
        kinds.value.add(name=name, number=number)
    scalar = descriptor_pb2.FieldDescriptorProto
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, is_repeated in fields:
            field = message.field.add(name=field_name, number=number)
            field.label = scalar.LABEL_REPEATED if is_repeated else scalar.LABEL_OPTIONAL
            if kind == "Timestamp":
                field.type, field.type_name = scalar.TYPE_MESSAGE, ".google.protobuf.Timestamp"
            elif kind == "MetricType":
                field.type, field.type_name = scalar.TYPE_ENUM, f".{PACKAGE}.{kind}"
            elif kind[0].isupper():
                field.type, field.type_name = scalar.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
            else:
                field.type = getattr(scalar, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.MetricFamily"))


MetricFamily = _family_class()


def families(page: bytes) -> Iterator[Message]:
    """The families of a delimited page: a varint of length before each message."""
    position = 0
    while position < len(page):
        length, shift = 0, 0
        while True:
            byte = page[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if position + length > len(page):
            raise ValueError("the page ends inside of a family")
        yield MetricFamily.FromString(page[position : position + length])
        position += length


def native_buckets(histogram: Message) -> dict[int, int]:
    """The count of each native bucket by its index, from spans and deltas."""
    counts: dict[int, int] = {}
    index, count, delta = 0, 0, iter(histogram.positive_delta)
    for span in histogram.positive_span:
        index += span.offset
        for _ in range(span.length):
            count += next(delta)
            counts[index] = count
            index += 1
    if next(delta, None) is not None:
        raise ValueError("more deltas than the spans hold")
    return counts
