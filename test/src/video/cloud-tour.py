"""Video Streams through boto3 as Debian ships it; prints what it saw as JSON. The stream is there, with three fragments."""

import json
import re
import sys
import urllib.parse
import urllib.request
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
numbers = [f["FragmentNumber"] for f in fragments]


def read(count, **selector):
    """Which fragments come, of so many."""
    answer = media.get_media(StreamName=stream, StartSelector=selector)
    seen["contentType"] = answer["ContentType"]
    got = b""
    while got.count(b"AWS_KINESISVIDEO_CONTINUATION_TOKEN") < count:
        # A read waits until it has all, and behind the last name there is no more than a number of 47 digits.
        got += answer["Payload"].read(40)
    answer["Payload"].close()
    found = re.findall(rb"AWS_KINESISVIDEO_FRAGMENT_NUMBER[^0-9]+([0-9]{47})", got)
    return [numbers.index(number.decode()) for number in found]


selectors = {
    "NOW": (1, {}),
    "EARLIEST": (3, {}),
    "FRAGMENT_NUMBER": (2, {"AfterFragmentNumber": numbers[0]}),
    "CONTINUATION_TOKEN": (1, {"ContinuationToken": numbers[1]}),
    "PRODUCER_TIMESTAMP": (2, {"StartTimestamp": start + timedelta(seconds=1.5)}),
    "SERVER_TIMESTAMP": (3, {"StartTimestamp": datetime.fromtimestamp(0, timezone.utc)}),
}
seen["read"] = {kind: read(count, StartSelectorType=kind, **more) for kind, (count, more) in selectors.items()}


def get(where):
    with urllib.request.urlopen(where) as answer:
        return answer.read().decode()


def played(mode):
    """How many segments the session's playlist lists, and whether it ends there."""
    between = {"StartTimestamp": start, "EndTimestamp": start + timedelta(hours=1)}
    selector = {"FragmentSelectorType": "PRODUCER_TIMESTAMP"}
    if mode != "LIVE":
        selector["TimestampRange"] = between
    master = hls.get_hls_streaming_session_url(StreamName=stream, PlaybackMode=mode, HLSFragmentSelector=selector)
    master = master["HLSStreamingSessionURL"]
    variant = next(line for line in get(master).split("\n") if line and not line.startswith("#"))
    playlist = get(urllib.parse.urljoin(master, variant))
    return [playlist.count("#EXTINF:"), "#EXT-X-ENDLIST" in playlist]


hls = boto3.client("kinesis-video-archived-media", endpoint_url=endpoint("GET_HLS_STREAMING_SESSION_URL"))
seen["played"] = {mode: played(mode) for mode in ("LIVE", "LIVE_REPLAY", "ON_DEMAND")}
print(json.dumps(seen))
