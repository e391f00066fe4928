// How stored records are answered: one kernel for both protocols, so that there is one memory.
import { begin, entriesAt, entriesMax, inputAt, inputBytesMax, outputAt, startAt } from "./stored-records.ts";
import { jsonRecords, writeBase64, writeJson } from "./records-json.ts";
import { cborRecords, writeCbor } from "./records-cbor.ts";

export { begin, entriesAt, entriesMax, inputAt, inputBytesMax, outputAt, startAt };
export { jsonRecords, writeBase64, writeJson };
export { cborRecords, writeCbor };
