import { ElementId } from "./element-id.js";
import { ID_BYTES_MAX, SIZE_BYTES_MAX, elementsOf, textOf, uintOf, type Element } from "./ebml.js";
import { MatroskaError } from "./matroska-error.js";

/** The latest version of the document type that is read; 4 is the last that there is. */
const docTypeVersionMax = 4;

/** @throws {MatroskaError} `not-matroska`, `malformed`. */
export function readEbmlHeader(ebml: Element): { readonly docType: string } {
  let docType = "";
  const atMost = (element: Element, max: number): void => {
    if (uintOf(element) > max)
      throw new MatroskaError("not-matroska", "a later version of EBML or Matroska", ebml.offset);
  };
  for (const element of elementsOf(ebml)) {
    if (element.id === ElementId.docType) docType = textOf(element);
    else if (element.id === ElementId.ebmlReadVersion) atMost(element, 1);
    else if (element.id === ElementId.ebmlMaxIdLength) atMost(element, ID_BYTES_MAX);
    else if (element.id === ElementId.ebmlMaxSizeLength) atMost(element, SIZE_BYTES_MAX);
    else if (element.id === ElementId.docTypeReadVersion) atMost(element, docTypeVersionMax);
  }
  if (docType !== "matroska" && docType !== "webm")
    throw new MatroskaError("not-matroska", `document type ${JSON.stringify(docType.slice(0, 32))}`, ebml.offset);
  return { docType };
}

export interface MatroskaInfo {
  readonly timecodeScaleNs: number;
  readonly title: string | undefined;
  readonly muxingApp: string | undefined;
  readonly writingApp: string | undefined;
}

/** @throws {MatroskaError} `malformed`. */
export function readInfo(info: Element): MatroskaInfo {
  let timecodeScaleNs = 1_000_000;
  let title: string | undefined;
  let muxingApp: string | undefined;
  let writingApp: string | undefined;
  for (const element of elementsOf(info)) {
    if (element.id === ElementId.timecodeScale && element.data.length > 0) timecodeScaleNs = uintOf(element);
    else if (element.id === ElementId.title) title = textOf(element);
    else if (element.id === ElementId.muxingApp) muxingApp = textOf(element);
    else if (element.id === ElementId.writingApp) writingApp = textOf(element);
  }
  if (timecodeScaleNs === 0) throw new MatroskaError("malformed", "timecode scale 0", info.offset);
  return { timecodeScaleNs, title, muxingApp, writingApp };
}
