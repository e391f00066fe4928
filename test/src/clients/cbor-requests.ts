/**
 * Bodies of application/x-amz-cbor-1.1 requests, written byte for byte from the contract (RFC 8949; AWS's dates are tag 1
 * around milliseconds since 1970; member names as in the service model). Every stream in them is called "cbor".
 */
export const cborRequests = {
  /** CreateStream, indefinite lengths as the Java SDKs' generator writes them. */
  createStream: hex`
    bf                                                      # map
      6a53747265616d4e616d65                                # "StreamName"
      6463626f72                                            # "cbor"
      6a5368617264436f756e74                                # "ShardCount"
      02                                                    # 2
    ff                                                      # end
  `,
  /** PutRecord with binary data, definite lengths. */
  putRecord: hex`
    a3                                                      # map
      6a53747265616d4e616d65                                # "StreamName"
      6463626f72                                            # "cbor"
      6c506172746974696f6e4b6579                            # "PartitionKey"
      696b616d6572612dc3a9                                  # "kamera-é"
      6444617461                                            # "Data"
      440001feff                                            # 4 bytes
  `,
  /** PutRecords, indefinite lengths; the data of the second is empty. */
  putRecords: hex`
    bf                                                      # map
      6a53747265616d4e616d65                                # "StreamName"
      6463626f72                                            # "cbor"
      675265636f726473                                      # "Records"
      9f                                                    # list
        bf                                                  # map
          6c506172746974696f6e4b6579                        # "PartitionKey"
          6161                                              # "a"
          6444617461                                        # "Data"
          456669727374                                      # 5 bytes
          6f4578706c69636974486173684b6579                  # "ExplicitHashKey"
          6130                                              # "0"
        ff                                                  # end
        bf                                                  # map
          6c506172746974696f6e4b6579                        # "PartitionKey"
          6162                                              # "b"
          6444617461                                        # "Data"
          40                                                # 0 bytes
          6f4578706c69636974486173684b6579                  # "ExplicitHashKey"
          6130                                              # "0"
        ff                                                  # end
      ff                                                    # end
    ff                                                      # end
  `,
  /** GetShardIterator. */
  trimHorizon: hex`
    a3                                                      # map
      6a53747265616d4e616d65                                # "StreamName"
      6463626f72                                            # "cbor"
      6753686172644964                                      # "ShardId"
      74736861726449642d303030303030303030303030            # "shardId-000000000000"
      7153686172644974657261746f7254797065                  # "ShardIteratorType"
      6c5452494d5f484f52495a4f4e                            # "TRIM_HORIZON"
  `,
  /** GetShardIterator AT_TIMESTAMP: tag 1 around epoch milliseconds, here 1000000000000 (2001). */
  atTimestamp: hex`
    bf                                                      # map
      6a53747265616d4e616d65                                # "StreamName"
      6463626f72                                            # "cbor"
      6753686172644964                                      # "ShardId"
      74736861726449642d303030303030303030303030            # "shardId-000000000000"
      7153686172644974657261746f7254797065                  # "ShardIteratorType"
      6c41545f54494d455354414d50                            # "AT_TIMESTAMP"
      6954696d657374616d70                                  # "Timestamp"
      c1                                                    # tag 1
        1b000000e8d4a51000                                  # 1000000000000
    ff                                                      # end
  `,
  /** DescribeStreamSummary of a stream that is not there. */
  describeNowhere: hex`
    bf                                                      # map
      6a53747265616d4e616d65                                # "StreamName"
      676e6f7768657265                                      # "nowhere"
    ff                                                      # end
  `,
} as const;

/** Bytes from hexadecimal digits; blanks and comments from `#` to the end of the line are left out. */
function hex({ raw }: TemplateStringsArray): Buffer {
  const digits = raw.join("").replaceAll(/#.*$/gm, "").replaceAll(/\s/g, "");
  return Buffer.from(digits, "hex");
}
