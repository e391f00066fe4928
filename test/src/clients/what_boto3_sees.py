"""What the programs beside this share that try services through boto3: clients of the address that is the first argument, and
what they saw, as JSON."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

seen = {}


def client(service, **keys):
    return boto3.client(service, endpoint_url=sys.argv[1], **keys)


def resource(service):
    return boto3.resource(service, endpoint_url=sys.argv[1])


def error_of(act):
    try:
        act()
    except ClientError as e:
        return {
            "code": e.response["Error"]["Code"],
            "message": e.response["Error"]["Message"],
            "status": e.response["ResponseMetadata"]["HTTPStatusCode"],
            "hasRequestId": bool(e.response["ResponseMetadata"].get("RequestId")),
        }
    return None


def show():
    print(json.dumps(seen))
