"""Video Streams through boto3 as Debian ships it; prints what it saw as JSON. The stream is there, with three fragments."""

import json
import sys
from datetime import datetime, timedelta, timezone

import boto3
from botocore.exceptions import ClientError

url, stream, first_ms = sys.argv[1], sys.argv[2], int(sys.argv[3])
video = boto3.client("kinesisvideo", endpoint_url=url)
seen = {}


def error_of(act):
    try:
        act()
    except ClientError as e:
        return [e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"]]
    return None


def endpoint(api):
    return video.get_data_endpoint(StreamName=stream, APIName=api)["DataEndpoint"]


arn = video.create_stream(StreamName="boto", DataRetentionInHours=1, MediaType="video/h264")["StreamARN"]
info = video.describe_stream(StreamARN=arn)["StreamInfo"]
seen["created"] = [info["StreamName"], info["Status"], info["DataRetentionInHours"], info["MediaType"]]
seen["createdAt"] = abs((datetime.now(timezone.utc) - info["CreationTime"]).total_seconds()) < 60
video.update_data_retention(
    StreamARN=arn, CurrentVersion=info["Version"], Operation="INCREASE_DATA_RETENTION", DataRetentionChangeInHours=2
)
seen["retention"] = video.describe_stream(StreamName="boto")["StreamInfo"]["DataRetentionInHours"]
seen["listed"] = sorted(
    s["StreamName"] for page in video.get_paginator("list_streams").paginate() for s in page["StreamInfoList"]
)
seen["errors"] = {
    "exists": error_of(lambda: video.create_stream(StreamName="boto")),
    "stale": error_of(lambda: video.delete_stream(StreamARN=arn, CurrentVersion=info["Version"])),
    "nowhere": error_of(lambda: video.describe_stream(StreamName="nowhere")),
}
video.delete_stream(StreamARN=arn)

archive = boto3.client("kinesis-video-archived-media", endpoint_url=endpoint("LIST_FRAGMENTS"))
start = datetime.fromtimestamp(first_ms / 1000, timezone.utc)
pages = archive.get_paginator("list_fragments").paginate(
    StreamName=stream,
    PaginationConfig={"PageSize": 2},
    FragmentSelector={
        "FragmentSelectorType": "PRODUCER_TIMESTAMP",
        "TimestampRange": {"StartTimestamp": start, "EndTimestamp": start + timedelta(hours=1)},
    },
)
fragments = [f for page in pages for f in page["Fragments"]]
seen["fragments"] = [f["FragmentLengthInMilliseconds"] for f in fragments]
seen["firstAt"] = fragments[0]["ProducerTimestamp"] == start

media = boto3.client("kinesis-video-media", endpoint_url=endpoint("GET_MEDIA"))
answer = media.get_media(
    StreamName=stream,
    StartSelector={"StartSelectorType": "FRAGMENT_NUMBER", "AfterFragmentNumber": fragments[0]["FragmentNumber"]},
)
seen["contentType"] = answer["ContentType"]
read = b""
while read.count(b"AWS_KINESISVIDEO_CONTINUATION_TOKEN") < 2:
    read += answer["Payload"].read(100)
seen["numbers"] = [f["FragmentNumber"].encode() in read for f in fragments]
print(json.dumps(seen))
