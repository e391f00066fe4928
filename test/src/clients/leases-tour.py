"""What consumers do with their leases and metrics, through boto3 as Debian ships it; prints what it saw as JSON."""

from boto3.dynamodb.conditions import Attr

from what_boto3_sees import client, error_of, resource, seen, show

dynamodb = client("dynamodb")

dynamodb.create_table(
    TableName="leases",
    KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
    ProvisionedThroughput={"ReadCapacityUnits": 10, "WriteCapacityUnits": 10},
)
dynamodb.get_waiter("table_exists").wait(TableName="leases", WaiterConfig={"Delay": 1, "MaxAttempts": 10})
seen["status"] = dynamodb.describe_table(TableName="leases")["Table"]["TableStatus"]
seen["tables"] = dynamodb.list_tables()["TableNames"]

table = resource("dynamodb").Table("leases")
for i in range(10):
    table.put_item(
        Item={"leaseKey": f"k{i}", "counter": 0, "children": {"b", "a"}},
        ConditionExpression=Attr("leaseKey").not_exists(),
    )
seen["taken"] = error_of(lambda: table.put_item(Item={"leaseKey": "k0"}, ConditionExpression=Attr("leaseKey").not_exists()))
for i in range(8):
    updated = table.update_item(
        Key={"leaseKey": "k0"},
        UpdateExpression="SET #c = #c + :one",
        ConditionExpression="#c = :before",
        ExpressionAttributeNames={"#c": "counter"},
        ExpressionAttributeValues={":one": 1, ":before": i},
        ReturnValues="ALL_NEW",
    )
seen["counter"] = int(updated["Attributes"]["counter"])
seen["set"] = sorted(table.get_item(Key={"leaseKey": "k0"}, ConsistentRead=True)["Item"]["children"])

pages = list(dynamodb.get_paginator("scan").paginate(TableName="leases", Limit=3))
seen["pages"] = len(pages)
seen["keys"] = sorted(item["leaseKey"]["S"] for page in pages for item in page["Items"])
seen["missing"] = error_of(lambda: dynamodb.describe_table(TableName="nowhere"))
seen["invalid"] = error_of(lambda: dynamodb.scan(TableName="leases", FilterExpression="counter ="))

with table.batch_writer() as batch:
    for i in range(3, 10):
        batch.delete_item(Key={"leaseKey": f"k{i}"})
seen["batched"] = table.scan(Select="COUNT")["Count"]
dynamodb.delete_table(TableName="leases")
dynamodb.get_waiter("table_not_exists").wait(TableName="leases", WaiterConfig={"Delay": 1, "MaxAttempts": 10})
seen["deleted"] = dynamodb.list_tables()["TableNames"] == []

cloudwatch = client("cloudwatch")
time = {
    "MetricName": "Time",
    "Dimensions": [{"Name": "Operation", "Value": "ProcessTask"}, {"Name": "ShardId", "Value": "shardId-000000000000"}],
    "StatisticValues": {"SampleCount": 4, "Sum": 50, "Minimum": 5, "Maximum": 20},
    "Unit": "Milliseconds",
}
published = cloudwatch.put_metric_data(Namespace="orders", MetricData=[time])
seen["published"] = published["ResponseMetadata"]["HTTPStatusCode"]
seen["unpublished"] = error_of(lambda: cloudwatch.put_metric_data(Namespace="orders", MetricData=[{"MetricName": "Time"}]))

show()
