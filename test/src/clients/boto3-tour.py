"""Every operation of Data Streams that Headwater serves, through boto3 as Debian ships it; prints what it saw as JSON."""

import os
from datetime import datetime, timezone

from what_boto3_sees import client, error_of, seen, show

kinesis = client("kinesis")

kinesis.create_stream(StreamName="boto", ShardCount=2)
kinesis.get_waiter("stream_exists").wait(StreamName="boto", WaiterConfig={"Delay": 1, "MaxAttempts": 30})

description = kinesis.describe_stream(StreamName="boto")["StreamDescription"]
seen["describe"] = {
    "status": description["StreamStatus"],
    "arn": description["StreamARN"],
    "shards": [s["ShardId"] for s in description["Shards"]],
    "created": isinstance(description["StreamCreationTimestamp"], datetime),
}
summary = kinesis.describe_stream_summary(StreamName="boto")["StreamDescriptionSummary"]
seen["summary"] = {"open": summary["OpenShardCount"], "status": summary["StreamStatus"]}
seen["streams"] = [name for page in kinesis.get_paginator("list_streams").paginate() for name in page["StreamNames"]]
seen["shards"] = [s["ShardId"] for page in kinesis.get_paginator("list_shards").paginate(StreamName="boto") for s in page["Shards"]]

one = kinesis.put_record(StreamName="boto", Data=bytes(range(256)), PartitionKey="one", ExplicitHashKey="0")
many = kinesis.put_records(
    StreamName="boto",
    Records=[{"Data": f"r{i}".encode(), "PartitionKey": f"k{i}", "ExplicitHashKey": "0"} for i in range(10)],
)
seen["failed"] = many["FailedRecordCount"]
numbers = [one["SequenceNumber"]] + [r["SequenceNumber"] for r in many["Records"]]
seen["rising"] = numbers == sorted(numbers)


def read(**start):
    iterator = kinesis.get_shard_iterator(StreamName="boto", ShardId="shardId-000000000000", **start)["ShardIterator"]
    return iterator, kinesis.get_records(ShardIterator=iterator)


latest, nothing = read(ShardIteratorType="LATEST")
_, everything = read(ShardIteratorType="TRIM_HORIZON")
arrivals = [r["ApproximateArrivalTimestamp"] for r in everything["Records"]]
seen["bytes"] = everything["Records"][0]["Data"] == bytes(range(256))
seen["iterators"] = {
    "TRIM_HORIZON": len(everything["Records"]),
    "AT": len(read(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[4])[1]["Records"]),
    "AFTER": len(read(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[4])[1]["Records"]),
    "AT_TIMESTAMP": len(read(ShardIteratorType="AT_TIMESTAMP", Timestamp=datetime(2001, 1, 1, tzinfo=timezone.utc))[1]["Records"]),
    "LATEST": len(nothing["Records"]),
}
seen["arrivalsAreRecent"] = all(abs((datetime.now(timezone.utc) - a).total_seconds()) < 60 for a in arrivals)

seen["notFound"] = error_of(lambda: kinesis.describe_stream(StreamName="nowhere"))
seen["inUse"] = error_of(lambda: kinesis.create_stream(StreamName="boto", ShardCount=1))
seen["invalidIterator"] = error_of(lambda: kinesis.get_records(ShardIterator="AAAA"))
wrong = client("kinesis", aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_secret_access_key="wrong")
seen["wrongSecret"] = error_of(lambda: wrong.list_streams())

kinesis.delete_stream(StreamName="boto")
kinesis.get_waiter("stream_not_exists").wait(StreamName="boto", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
show()
