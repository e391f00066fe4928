"""SubscribeToShard over HTTP/1.1, through boto3 as Debian ships it; prints what it saw as JSON."""

from botocore.exceptions import EventStreamError

from what_boto3_sees import client, error_of, seen, show

kinesis = client("kinesis")
SHARD = "shardId-000000000000"

kinesis.create_stream(StreamName="boto", ShardCount=1)
arn = kinesis.describe_stream_summary(StreamName="boto")["StreamDescriptionSummary"]["StreamARN"]
consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
number = kinesis.put_record(StreamName="boto", Data=bytes(range(256)), PartitionKey="one")["SequenceNumber"]


def subscribe(**start):
    return kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=SHARD, StartingPosition=start)


answer = subscribe(Type="TRIM_HORIZON")
seen["contentType"] = answer["ResponseMetadata"]["HTTPHeaders"]["content-type"]
events = iter(answer["EventStream"])
event = next(events)["SubscribeToShardEvent"]
seen["first"] = [r["SequenceNumber"] == number and r["Data"] == bytes(range(256)) for r in event["Records"]]
seen["behind"] = event["MillisBehindLatest"]
kinesis.put_record(StreamName="boto", Data=b"two", PartitionKey="two")
seen["second"] = [r["Data"].decode() for r in next(events)["SubscribeToShardEvent"]["Records"]]
seen["again"] = error_of(lambda: subscribe(Type="LATEST"))["code"]
seen["noNumber"] = error_of(lambda: subscribe(Type="AT_SEQUENCE_NUMBER"))["code"]
kinesis.split_shard(StreamName="boto", ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
end = next(events)["SubscribeToShardEvent"]
seen["children"] = [[c["ShardId"], c["ParentShards"]] for c in end["ChildShards"]]
seen["goesOn"] = "ContinuationSequenceNumber" in end
seen["ends"] = next(events, None) is None

other = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="other")["Consumer"]["ConsumerARN"]
children = kinesis.subscribe_to_shard(
    ConsumerARN=other, ShardId="shardId-000000000001", StartingPosition={"Type": "LATEST"}
)["EventStream"]
kinesis.deregister_stream_consumer(ConsumerARN=other)
try:
    next(iter(children))
except EventStreamError as e:
    seen["deregistered"] = e.response["Error"]["Code"]
show()
