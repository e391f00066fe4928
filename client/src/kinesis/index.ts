/** What the gateway, too, asks of Kinesis, without the rest of this library. */
export { ClientError, type ClientErrorCode } from "../client-error.js";
export { AwsStreamApi } from "./aws-stream-api.js";
