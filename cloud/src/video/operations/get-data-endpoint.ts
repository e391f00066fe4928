import { enumeration, structure } from "../../codec/shape.js";
import { streamReference } from "./members.js";
import { streamNameOf } from "./stream-reference.js";
import { videoOperation } from "./video-operation.js";

/** All media goes through the same port as all else. */
export const getDataEndpoint = videoOperation(
  structure({
    required: {
      APIName: enumeration(
        "PUT_MEDIA",
        "GET_MEDIA",
        "LIST_FRAGMENTS",
        "GET_MEDIA_FOR_FRAGMENT_LIST",
        "GET_HLS_STREAMING_SESSION_URL",
        "GET_DASH_STREAMING_SESSION_URL",
        "GET_CLIP",
        "GET_IMAGES",
      ),
    },
    optional: streamReference,
  }),
  (input, { service }, { endpoint }) => {
    streamNameOf(input, service);
    return { DataEndpoint: endpoint };
  },
);
