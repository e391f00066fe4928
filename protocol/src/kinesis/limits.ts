/** Data Streams' published limits. Source: Kinesis Data Streams quotas and API reference. */
export const kinesisLimits = {
  /** Data and partition key of one record together. */
  /** Data and partition key, unless the stream's own limit was raised. */
  recordBytesMax: 1024 * 1024,
  /** The most to which a stream's limit can be raised. */
  raisedRecordBytesMax: 10 * 1024 * 1024,
  putRecordsEntriesMax: 500,
  /** Data and partition keys of one PutRecords call together. */
  putRecordsBytesMax: 10 * 1024 * 1024,
  partitionKeyCharactersMax: 256,
  shardInBytesPerSecond: 1024 * 1024,
  shardInRecordsPerSecond: 1000,
  getRecordsEntriesMax: 10_000,
  getRecordsBytesMax: 10 * 1024 * 1024,
  iteratorLifeMs: 5 * 60 * 1000,
  retentionHoursDefault: 24,
  retentionHoursMax: 8760,
} as const;
