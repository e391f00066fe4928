/**
 * What a reader takes, at most. Whatever the input, a reader holds no more than one header, one Cluster's worth of one
 * frame, and the Tags before a document's first Cluster.
 */
export interface MatroskaLimits {
  /** EBML header, Info and Tracks of one document, together. */
  readonly headerBytesMax: number;
  readonly codecPrivateBytesMax: number;
  readonly tracksMax: number;
  /** One Cluster, and so one frame. */
  readonly clusterBytesMax: number;
  /** All Tags elements between two Clusters, or before the first, together. */
  readonly tagsBytesMax: number;
  /** Tags that belong to one Cluster, and their lengths in UTF-8. Those before the first Cluster are not counted. */
  readonly tagsMax: number;
  readonly tagNameBytesMax: number;
  readonly tagValueBytesMax: number;
  /** An element with an ID that Matroska does not have. It is not kept, but a longer one is more likely garbage. */
  readonly unknownElementBytesMax: number;
}

/** For streams of our own making, such as a capture program's output. */
export const defaultMatroskaLimits: MatroskaLimits = {
  headerBytesMax: 1024 * 1024,
  codecPrivateBytesMax: 256 * 1024,
  tracksMax: 32,
  clusterBytesMax: 50 * 1024 * 1024,
  tagsBytesMax: 256 * 1024,
  tagsMax: 1024,
  tagNameBytesMax: 1024,
  tagValueBytesMax: 64 * 1024,
  unknownElementBytesMax: 1024 * 1024,
};

/** What PutMedia takes. @see Kinesis Video Streams quotas; tag lengths as the AWS producer SDK keeps them. */
export const putMediaMatroskaLimits: MatroskaLimits = {
  ...defaultMatroskaLimits,
  tracksMax: 3,
  tagsMax: 10,
  tagNameBytesMax: 128,
  tagValueBytesMax: 256,
};
